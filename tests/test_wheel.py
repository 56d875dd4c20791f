"""The package as users install it: built, put into an empty environment, used from an empty folder.

What it depends on comes from the environment of the tests; the checkout cannot be seen.
"""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ganymede.supervisor import free_port
from tests.fixtures import until
from tests.ganymede.conftest import environment

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"app", "core", "ganymede", "models", "worker"}
DATA = {".safetensors", ".npz", ".json", ".webp", ".js", ".css", ".html", ".md"}
READY_WITHIN_S = 300.0
TYPED = """
from ganymede import AsyncClient, Client
reveal_type(Client)
reveal_type(Client().runs.get("run").status)
Client().generate(seed="one")  # type: ignore[arg-type]
async def use(client: AsyncClient) -> None:
    reveal_type((await client.generate(seed=1)).seeds)
    async for run in client.runs.list(limit=1):
        reveal_type(run)
"""
SHORT_DEMO = """
import sys
from rich.console import Console
from ganymede import demo
demo.READY_WITHIN_S = demo.HOT_LOAD_WITHIN_S = demo.TIME_LIMIT_S = 3600.0  # a busy machine may take as long as it takes
small = {"steps": 4, "batch_size": 4, "width": 16, "latent_dim": 8, "extractor": "none"}
sys.exit(demo.run(Console(), small, least_accuracy=0))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel in it, and of the tests' environment all but the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "-qq"]
    subprocess.run([*command, str(wheel)], check=True)
    # a folder that a .pth adds has no say in what its own .pth files add: that of the editable install is not read
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_the_wheel_has_the_packages_and_neither_benchmarks_nor_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert [name for name in names if Path(name).name.startswith(("test_", "conftest"))] == []


def test_the_wheel_has_the_data_that_the_packages_read(wheel: Path) -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.suffix in DATA]

    with zipfile.ZipFile(wheel) as archive:
        assert {str(file.relative_to(ROOT)) for file in files} - set(archive.namelist()) == set()


def test_what_is_installed_does_not_see_the_checkout(installed: Path, empty: Path) -> None:
    look = "from importlib.util import find_spec as find; print(*(find(name).origin for name in ('app', 'ganymede')))"

    command = [str(installed / "python"), "-c", look]
    found = subprocess.run(command, cwd=empty, env=plain(), capture_output=True, text=True, check=True).stdout

    assert str(ROOT) not in found
    assert found.count("site-packages") == 2


@pytest.mark.slow
def test_the_client_that_is_installed_is_typed(installed: Path, empty: Path) -> None:
    (empty / "use.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "python"), "use.py"]

    done = subprocess.run(command, cwd=empty, env=plain(), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "ganymede.client.Client" in done.stdout
    assert 'Revealed type is "ganymede.schemas.states.Status"' in done.stdout
    assert 'Revealed type is "list[int] | None"' in done.stdout.replace("builtins.", "")
    assert 'Revealed type is "ganymede.schemas.runs.RunBody"' in done.stdout


@pytest.fixture
def up(installed: Path, empty: Path) -> Iterator[str]:
    """The address of a service that the installed command has started."""
    port = free_port()
    settings = plain(home=str(empty / "home"), port=str(port))
    process = subprocess.Popen([installed / "ganymede", "up"], cwd=empty, env=settings, stdin=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(120) == 0


@pytest.mark.slow
def test_up_serves_and_the_command_draws_from_an_empty_folder(up: str, installed: Path, empty: Path) -> None:
    until(lambda: _is_ready(up), READY_WITHIN_S, every_s=0.1)

    draw = [str(installed / "ganymede"), "generate", "--seed", "7", "-o", "7.png", "--url", up]
    subprocess.run(draw, cwd=empty, env=plain(), check=True)

    assert (empty / "7.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_demo_trains_draws_and_is_judged_from_an_empty_folder(installed: Path, empty: Path) -> None:
    command = [str(installed / "python"), "-c", SHORT_DEMO]

    done = subprocess.run(command, cwd=empty, env=plain(), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo passed" in done.stdout
    assert [file.name for file in empty.iterdir()] == ["demo.png"]


def plain(**settings: str) -> dict[str, str]:
    """An environment with these settings, in which PYTHONPATH names no folder."""
    return {**environment(**settings), "PYTHONPATH": ""}


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=60).status_code == 200
    except httpx.TransportError:
        return False
