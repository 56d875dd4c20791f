"""What the processes say when a setting cannot be used: one line, before anything is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.machine.processes import python_module


def end_of(command: list[str], folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GANYMEDE_")}
    settings = {f"GANYMEDE_{name}": value for name, value in {"HOME": str(folder / "home"), **variables}.items()}
    return subprocess.run(command, env=plain | settings, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("process", ["app", "worker"])
def test_a_gpu_that_is_not_here_ends_the_process(tmp_path: Path, process: str) -> None:
    done = end_of(python_module(process), tmp_path, DEVICE="cuda:512")

    assert done.returncode == 1
    assert done.stderr.startswith(f"{process}: GANYMEDE_DEVICE: cuda:512 is a GPU, and PyTorch")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("process", ["app", "worker", "worker.health"])
def test_the_variables_of_a_service_end_the_process_with_the_way_out(tmp_path: Path, process: str) -> None:
    linked = {"PORT": "tcp://10.0.0.1:8000", "SERVICE_HOST": "10.0.0.1", "PORT_8000_TCP": "tcp://10.0.0.1:8000"}

    done = end_of(python_module(process), tmp_path, **linked)

    assert done.returncode == 1
    assert done.stderr.startswith(f"{process}: GANYMEDE_PORT: ")
    assert "enableServiceLinks: false" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["HOME", "STORE"])
def test_a_folder_that_cannot_be_one_ends_the_process(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    done = end_of(python_module("worker"), tmp_path, **{name: str(tmp_path / "file")})

    assert done.returncode == 1
    assert done.stderr.startswith(f"worker: GANYMEDE_{name}: the folder of the store cannot be made: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("process", ["app", "worker"])
def test_an_address_of_redis_that_cannot_be_used_ends_the_process_and_is_not_quoted(
    tmp_path: Path, process: str
) -> None:
    done = end_of(python_module(process), tmp_path, REDIS_URL="redis://:s3cret/x@h:6379", MAX_IMAGES="s3cret")

    assert done.returncode == 1
    assert done.stderr.startswith(f"{process}: GANYMEDE_REDIS_URL: ")
    assert "GANYMEDE_MAX_IMAGES: " in done.stderr
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_api_starts_without_torch() -> None:
    # It is the engine process that draws; torch takes seconds and 200 MB.
    code = "import sys, app.__main__, app.main; sys.exit('torch' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
