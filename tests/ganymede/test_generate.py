"""`ganymede generate`, against a real API: a file or stdout gets the bytes, stderr says what draws them again."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ganymede.cli import app
from tests.ganymede.conftest import GANYMEDE, environment


def generate(api: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["generate", *words, "--url", api], catch_exceptions=False)


def test_the_same_seed_gives_the_same_bytes_in_a_file_and_in_a_pipe(api: str, tmp_path: Path) -> None:
    file = tmp_path / "seven.png"

    to_file = generate(api, "--seed", "42", "-l", "7", "-o", str(file))
    to_pipe = generate(api, "--seed", "42", "-l", "7", "-o", "-", "-q")

    assert (to_file.exit_code, to_file.stdout) == (0, "")
    assert to_file.stderr == f"digits@1 seed 42 label 7 -> {file}\n"
    assert to_pipe.stdout_bytes == file.read_bytes()
    assert to_pipe.stderr == ""


def test_the_ending_of_the_file_chooses_the_format(api: str, tmp_path: Path) -> None:
    for name, begins in (("a.npy", b"\x93NUMPY"), ("a.png", b"\x89PNG"), ("a.bin", b"\x89PNG")):
        generate(api, "--seed", "1", "-o", str(tmp_path / name))

        assert (tmp_path / name).read_bytes().startswith(begins)


def test_json_tells_what_the_headers_tell(api: str, tmp_path: Path) -> None:
    done = generate(api, "--seed", "1", "-n", "2", "-l", "3", "-l", "4", "-o", str(tmp_path / "x.png"), "--json")

    told = json.loads(done.stdout)
    assert (told["model"], told["version"], told["seed"], told["label"]) == ("digits", 1, 1, [3, 4])
    assert told["bytes"] == (tmp_path / "x.png").stat().st_size


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "nope"), "Model not found: there is no model 'nope'"),
        (("-l", "seven"), "label: 0 to 9, or one of"),
        (("-n", "100000"), "n: 1 to 64"),
    ],
)
def test_a_refused_picture_leaves_no_file(api: str, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = generate(api, *words, "-o", str(tmp_path / "x.png"))

    assert done.exit_code == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_is_one_sentence(api: str, tmp_path: Path) -> None:
    done = generate(api, "-o", str(tmp_path / "no" / "x.png"))

    assert done.exit_code == 1
    assert done.stderr.startswith(f"ganymede: {tmp_path / 'no'}")
    assert done.stderr.endswith("No such file or directory\n")


@pytest.mark.parametrize("words", [("runs", "ls"), ("datasets", "ls", "--json"), ("generate", "-o", "-", "-n", "64")])
def test_a_reader_that_goes_away_is_no_error(api: str, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [*GANYMEDE, *words, "-q", "--url", api], env=environment(), stdout=writing, stderr=subprocess.PIPE, check=False
    )

    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
