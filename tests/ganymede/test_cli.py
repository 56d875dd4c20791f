"""The command line: help, exit codes, and errors in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganymede.schemas import VERSION
from tests.ganymede.conftest import Run


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")

    assert done.returncode == 0
    assert {"up", "demo", "doctor", "train", "generate", "runs", "models", "datasets"} <= set(done.stdout.split())
    assert done.stderr == ""


def test_no_command_at_all_shows_the_help(run: Run) -> None:
    done = run()

    assert "Usage" in done.stdout + done.stderr
    assert "demo" in (done.stdout + done.stderr).split()


def test_it_tells_its_version(run: Run) -> None:
    assert run("--version").stdout == f"ganymede {VERSION}\n"


@pytest.mark.parametrize("verb", ["up", "demo"])
def test_what_runs_the_service_says_which_packages_it_lacks(verb: str) -> None:
    without = "import sys; sys.modules['pydantic_settings'] = None; from ganymede.cli import app; app()"

    done = subprocess.run([sys.executable, "-c", without, verb], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("ganymede: the service needs the package pydantic_settings: pip install")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [("nonsense",), ("up", "--nonsense"), ("--nonsense",)])
def test_what_does_not_exist_is_a_usage_error(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert "nonsense" in done.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"port": "many"}, "GANYMEDE_PORT"),
        ({"port": "0"}, "GANYMEDE_PORT"),
        ({"device": "toaster"}, "GANYMEDE_DEVICE"),
        ({"host": "0.0.0.0"}, "GANYMEDE_HOST=0.0.0.0"),
        ({"host": "[/red]"}, "GANYMEDE_HOST: a name or an address"),
        ({"port": "many", "max_images": "0"}, "GANYMEDE_MAX_IMAGES"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_starts(
    run: Run, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    done = run("up", **settings)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ganymede: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run("up", home=str(tmp_path / "file" / "home"))

    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
