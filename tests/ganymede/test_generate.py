"""`ganymede generate`, against a real API: a file or stdout gets the bytes, stderr says what draws them again."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from core.media.images.png import read_png, write_png
from ganymede.cli import app
from tests.ganymede.conftest import GANYMEDE, environment

BEGINNINGS = {"a.npy": b"\x93NUMPY", "a.png": b"\x89PNG", "a.bin": b"\x89PNG"}
BEGINNINGS |= {"a.webp": b"RIFF", "a.zip": b"PK", "a.json": b'{"model":"digits"'}


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
    for name, begins in BEGINNINGS.items():
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
        (("--seeds", "4-2"), "seeds: seeds and ranges of them, like 0,1,4-6"),
        (("--seeds", "1", "--seed", "1"), "seed: leave it out, or leave out seeds"),
        (("--truncation", "2"), "truncation: Input should be less than or equal to 1"),
        (("--scale", "9"), "scale: Input should be less than or equal to 8"),
        (("--metadata", "--format", "npy"), "metadata: only png, json, zip can carry it"),
    ],
)
def test_a_refused_picture_leaves_no_file(api: str, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = generate(api, *words, "-o", str(tmp_path / "x.png"))

    assert done.exit_code == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_chosen_seeds_are_drawn_and_told(api: str, tmp_path: Path) -> None:
    file = tmp_path / "five.npy"

    done = generate(api, "--seeds", "5,1,7-9", "-l", "3", "--truncation", "0.5", "--scale", "2", "-o", str(file))

    assert done.stderr == f"digits@1 seeds 5,1,7,8,9 label 3 -> {file}\n"
    assert np.load(file, allow_pickle=False).shape == (5, 56, 56, 1)


def test_noise_of_a_file_is_drawn(api: str, tmp_path: Path) -> None:
    noise = np.random.RandomState(42).standard_normal(128).astype(np.float32)
    np.save(tmp_path / "z.npy", noise)

    generate(api, "--seed", "42", "-l", "7", "-o", str(tmp_path / "seed.png"))
    done = generate(api, "--z", str(tmp_path / "z.npy"), "-l", "7", "-o", str(tmp_path / "z.png"))

    assert done.stderr == f"digits@1 label 7 -> {tmp_path / 'z.png'}\n"
    assert (tmp_path / "z.png").read_bytes() == (tmp_path / "seed.png").read_bytes()


def test_a_file_that_is_no_noise_is_told_as_that(api: str, tmp_path: Path) -> None:
    (tmp_path / "z.npy").write_text("hello")

    done = generate(api, "--z", str(tmp_path / "z.npy"), "-o", str(tmp_path / "x.png"))

    assert done.exit_code == 2
    assert "float32" in done.stderr


def inspect(api: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["inspect", *words, "--url", api], catch_exceptions=False)


def test_a_picture_is_inspected_and_verified(api: str, tmp_path: Path) -> None:
    file = str(tmp_path / "seven.png")
    generate(api, "--seed", "42", "-l", "7", "--metadata", "-o", file)

    plain, verified = inspect(api, file), inspect(api, file, "--verify")

    told = dict(line.split("\t") for line in verified.stdout.splitlines())
    assert (plain.exit_code, verified.exit_code) == (0, 0)
    assert "verified" not in plain.stdout
    assert (told["model"], told["seed"], told["label"], told["size"]) == ("digits@1", "42", "7", "28x28")
    assert told["verified"] == "yes"


def test_a_picture_that_is_not_what_it_says_is_status_1(api: str, tmp_path: Path) -> None:
    file = tmp_path / "seven.png"
    generate(api, "--seed", "42", "-l", "7", "--metadata", "-o", str(file))
    text = read_png(file.read_bytes(), 10_000).text
    file.write_bytes(write_png(np.zeros((28, 28, 1), np.uint8), text))

    done = inspect(api, str(file), "--verify", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["verified"] is False


def test_a_picture_that_tells_nothing_is_one_sentence(api: str, tmp_path: Path) -> None:
    generate(api, "--seed", "42", "-o", str(tmp_path / "x.png"))

    done = inspect(api, str(tmp_path / "x.png"))

    assert done.exit_code == 1
    assert done.stderr.startswith("ganymede: No recipe in this picture")


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


@pytest.mark.parametrize(
    ("name", "begins"), [("m.webp", b"RIFF"), ("m.gif", b"GIF8"), ("m.png", b"\x89PNG"), ("m.zip", b"PK")]
)
def test_a_morph_takes_its_format_from_its_file(api: str, tmp_path: Path, name: str, begins: bytes) -> None:
    words = ["morph", "1,7", "-l", "3", "--frames", "2", "--loop", "-o", str(tmp_path / name), "--url", api]

    done = CliRunner().invoke(app, words, catch_exceptions=False)

    assert (done.exit_code, done.stderr) == (0, f"digits@1 seeds 1,7 -> {tmp_path / name}\n")
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_morph_of_one_key_is_no_way(api: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["morph", "1", "-o", str(tmp_path / "m.gif"), "--url", api], catch_exceptions=False)

    assert done.exit_code == 1
    assert "seeds: 2 to 64 keys, got 1" in done.stderr
    assert not (tmp_path / "m.gif").exists()
