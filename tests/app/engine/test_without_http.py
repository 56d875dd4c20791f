"""The engine draws from a store without HTTP, as docs/architecture.md shows: the pixels that /generate sends."""

import io
import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np

from core.registry import Registry
from core.store import Store
from models.version import WEIGHTS_FILE
from tests.fixtures import PublishTiny

ROOT = Path(__file__).resolve().parents[3]
SIDE_OF_HTTP = {"fastapi", "starlette", "uvicorn", "redis", "rq"}
COMPILER = {"torch._dynamo"}  # as slow to load as the rest of torch


def program_in_the_docs() -> str:
    section = (ROOT / "docs" / "architecture.md").read_text().split("## The engine without HTTP\n")[1]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block
    return block[1]


async def test_the_program_in_the_docs_draws_what_generate_sends(client: httpx.AsyncClient, store: Store) -> None:
    program: dict[str, object] = {}
    exec(program_in_the_docs(), program)

    drawn = await program["draw"](store.root, "tiny", 1, seed=42, label=2)  # type: ignore[operator]

    sent = await client.get("/generate?model=tiny@1&seed=42&label=2&format=npy")
    assert np.array_equal(drawn, np.load(io.BytesIO(sent.content), allow_pickle=False))


def test_no_module_of_the_engine_loads_http_or_the_queue_and_no_network_a_compiler(
    registry: Registry, publish_tiny: PublishTiny
) -> None:
    weights = registry.folder("tiny", publish_tiny()) / WEIGHTS_FILE
    names = [f"app.engine.{path.stem}" for path in (ROOT / "app" / "engine").glob("[!_]*.py")]
    code = (
        f"import sys, pathlib, models.weights, {', '.join(names)};"
        f"models.weights.load_generator(pathlib.Path(sys.argv[1]));"
        f"loaded = {SIDE_OF_HTTP | COMPILER} & set(sys.modules); assert not loaded, loaded"
    )

    done = subprocess.run([sys.executable, "-c", code, weights], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
