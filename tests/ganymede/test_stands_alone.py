"""The client beside modules of the user's that have the names of ours: `ganymede` needs none of its neighbours."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ganymede.conftest import GANYMEDE, environment

NEIGHBOURS = ("app", "bench", "core", "models", "worker")
RAISES = "raise RuntimeError('the module of the user was imported')\n"
USE = """
import json, sys
from ganymede import Client
with Client(sys.argv[1], timeout=300) as client:
    drawing = client.generate(seed=1)
    drawing.save("one.png")
    run = client.train("cgan", "mnist-10k", config={"steps": 1})
    listed = [each.id for each in client.runs.list(limit=1)]
    client.runs.cancel(run)
    client.runs.delete(run)
imported = sorted({"app", "bench", "core", "models", "worker"} & set(sys.modules))
print(json.dumps({"drew": drawing.model, "run": run.id, "status": run.status, "listed": listed, "imported": imported}))
"""


@pytest.fixture(params=["a module", "a package"])
def beside(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that is first on sys.path, as that of a script or of `python -c`; its modules cannot be imported."""
    for name in NEIGHBOURS:
        file = tmp_path / (f"{name}.py" if request.param == "a module" else f"{name}/__init__.py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(RAISES)
    return tmp_path


def test_the_client_draws_and_trains_beside_modules_named_as_ours(beside: Path, api: str) -> None:
    done = _run([sys.executable, "-c", USE, api], beside)

    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["drew"], said["status"]) == ("digits", "queued")
    assert said["listed"] == [said["run"]]
    assert said["imported"] == []
    assert (beside / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_script_of_the_user_imports_its_own_core_beside_the_client(tmp_path: Path, api: str) -> None:
    (tmp_path / "core.py").write_text("SEED = 7\n")
    (tmp_path / "draw.py").write_text(
        "import sys, core\nfrom ganymede import Client\nprint(Client(sys.argv[1]).generate(seed=core.SEED).seed)\n"
    )

    assert _run([sys.executable, "draw.py", api], tmp_path).stdout == "7\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["generate", "--seed", "1", "-o", "one.png"],
        ["models", "ls"],
        ["models", "export", "digits@1", "-o", "exported"],
        ["runs", "ls"],
        ["datasets", "ls"],
    ],
    ids=" ".join,
)
def test_the_command_works_beside_modules_named_as_ours(words: list[str], tmp_path: Path, api: str) -> None:
    for name in NEIGHBOURS:
        (tmp_path / f"{name}.py").write_text(RAISES)

    _run([*GANYMEDE, *words], tmp_path, url=api)


def _run(command: list[str], folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command, cwd=folder, env=environment(**settings), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done
