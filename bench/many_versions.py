"""What many versions and many models cost: `python -m bench.many_versions [--versions 1000] [--models 200]`.

Makes a store with one model of many versions and many models of one, in a folder of its own, and times in this process
what the service does with them: lists them over HTTP, resolves references, looks for changes as it does every two
seconds. Versions are manifests alone, but for the one that is served. Prints the same for a model of ten versions in a
store of two models: where nothing scans, the columns are alike. A page of `/models` and the answer about a model hold
100 entries at most.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import torch

from app.deps import Services
from app.main import create_app
from bench.machine import ROOT, machine
from core.registry import PublishKey, Registry
from core.registry.manifest import MANIFEST_FILE
from core.settings import Settings
from core.store import Store
from ganymede.schemas.references import ModelRef
from models.publish import publish_folder
from models.starters import DIGITS

REPEATS = 20


def fill(root: Path, versions: int, models: int) -> None:
    """A store with a model `many` of so many versions, and so many other models. The newest `many` can be drawn."""
    registry = Registry(Store(root))
    publish_folder(registry, DIGITS, ROOT / "models" / "starter" / DIGITS)
    manifest, weights = registry.manifest(DIGITS, 1), registry.folder(DIGITS, 1)
    for number in range(1, versions + 1):

        def write(folder: Path, number: int = number) -> None:
            manifest.model_copy(update={"step": number}).write(folder / MANIFEST_FILE)
            if number == versions:
                for file in weights.iterdir():
                    (folder / file.name).write_bytes(file.read_bytes())

        registry.publish("many", PublishKey("run_00000000000000000000", 0, number), write)
    for number in range(models - 2):

        def copy(folder: Path) -> None:
            manifest.write(folder / MANIFEST_FILE)

        registry.publish(f"model-{number:04d}", PublishKey("run_00000000000000000000", 0, 1), copy)


async def times(client: httpx.AsyncClient, services: Services) -> dict[str, float]:
    """Milliseconds of each thing, the median of a few."""
    models, resolve = services.models, services.registry.resolve

    async def called(work: Callable[[], Any]) -> None:
        await asyncio.to_thread(work)

    pages = ("/models", "/models/many", "/models/many/versions?limit=10", "/models/many/versions/1", "/status")
    acts: dict[str, Callable[[], Awaitable[Any]]] = {f"GET {page}": lambda p=page: client.get(p) for page in pages}  # type: ignore[misc]
    acts |= {
        "resolve many": lambda: called(lambda: resolve(ModelRef("many"))),
        "resolve many@1": lambda: called(lambda: resolve(ModelRef("many", 1))),
        "look for changes": models.look,
        "(a thread's turn)": lambda: called(lambda: None),
    }
    found = {}
    for name, act in acts.items():
        taken = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            await act()
            taken.append(1000 * (time.perf_counter() - began))
        found[name] = statistics.median(taken)
    return found


async def measure(versions: int, models: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), redis_url=f"unix://{folder}/nobody", device="cpu", default_model="many")
        fill(settings.store_path, versions, models)
        await asyncio.sleep(2.5)  # as long as it has just changed, everything is read anew
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            for page in ("/generate?seed=1", "/generate?seed=1&model=many:latest"):
                (await client.get(page)).raise_for_status()
            return await times(client, app.state.services)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what many versions and many models cost.")
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--models", type=int, default=200)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    few, many = (asyncio.run(measure(*size)) for size in ((10, 2), (asked.versions, asked.models)))
    print(machine())
    print(f"{'ms':34} {'10 versions, 2 models':>24} {f'{asked.versions} versions, {asked.models} models':>30}")
    for name, taken in few.items():
        print(f"{name:34} {taken:24.2f} {many[name]:30.2f}")


if __name__ == "__main__":
    main()
