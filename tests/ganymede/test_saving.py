"""`-o FILE` of every command that saves what came, and a stdout that is closed, full or a terminal."""

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ganymede.conftest import GANYMEDE, Ganymede, environment
from tests.ganymede.contract import RUN, Answer, Contract, page, run_body

PICTURE = b"\x89PNG picture"
DRAWN = {"Content-Type": "image/png", "Model": "digits", "Model-Version": "1", "Model-Digest": "sha256:0", "Seed": "1"}

SAVING = {
    "generate": ("generate",),
    "samples": ("runs", "samples", RUN),
    "nearest": ("runs", "nearest", RUN),
    "preview": ("datasets", "preview", "shapes"),
}
saving = pytest.mark.parametrize("words", SAVING.values(), ids=SAVING.keys())


@pytest.fixture(autouse=True)
def _pictures(contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture is the same; the commands run in an empty folder."""
    contract.on("GET", "/generate", Answer(PICTURE, headers=DRAWN))
    contract.on("GET", f"/train/{RUN}/samples/latest", Answer(PICTURE))
    contract.on("GET", f"/train/{RUN}/checkpoints/latest/nearest", Answer(PICTURE))
    contract.on("GET", "/datasets/shapes/preview", Answer(PICTURE))
    contract.on("GET", "/train", page(run_body()))
    monkeypatch.chdir(tmp_path)


@saving
def test_a_device_a_link_and_a_second_name_stay_what_they_are(
    ganymede: Ganymede, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "old").touch(0o640)
    (tmp_path / "same").hardlink_to(tmp_path / "old")

    done = [ganymede(*words, "-o", name) for name in ("null", "same", "-")]

    assert [each.exit_code for each in done] == [0, 0, 0]
    assert Path("/dev/null").is_char_device()
    assert (tmp_path / "null").is_symlink()
    assert (tmp_path / "old").read_bytes() == done[2].stdout_bytes == PICTURE
    assert "-> stdout" in done[2].stderr
    assert {entry.name for entry in tmp_path.iterdir()} == {"null", "old", "same"}


@saving
def test_a_name_that_cannot_be_is_one_line_and_leaves_nothing(
    ganymede: Ganymede, tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder, missing = ganymede(*words, "-o", str(tmp_path)), ganymede(*words, "-o", "no/x.png")
    empty = ganymede(*words, "-o", "")

    assert (folder.exit_code, folder.stderr) == (1, f"ganymede: {tmp_path}: Is a directory\n")
    assert (missing.exit_code, missing.stderr) == (1, "ganymede: no/x.png: No such file or directory\n")
    assert (empty.exit_code, "an empty name is no file" in empty.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


@saving
def test_a_name_that_is_no_text_is_a_name(ganymede: Ganymede, tmp_path: Path, words: tuple[str, ...]) -> None:
    name = os.fsdecode(b"\xff\n.png")

    done, missing = ganymede(*words, "-o", name), ganymede(*words, "-o", f"{name}/x.png")

    assert (done.exit_code, missing.exit_code) == (0, 1)
    assert (done.stderr.count("\n"), missing.stderr.count("\n")) == (1, 1)
    assert {entry.name for entry in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("name", ["", "-"])
def test_an_export_needs_a_folder_or_a_file(ganymede: Ganymede, tmp_path: Path, name: str) -> None:
    done = ganymede("models", "export", "digits@1", "-o", name)

    assert done.exit_code == 2
    assert "Invalid value for -o" in done.stderr
    assert list(tmp_path.iterdir()) == []


def shell(contract: Contract, redirected: str, *words: str, **streams: Any) -> "subprocess.CompletedProcess[bytes]":
    """A command whose stdout a shell has redirected."""
    command = ["sh", "-c", f'"$@" {redirected}', "sh", *GANYMEDE, *words, "--url", contract.url]
    streams = {"stdout": subprocess.PIPE, **streams}
    return subprocess.run(command, env=environment(), stderr=subprocess.PIPE, check=False, timeout=300, **streams)


@pytest.mark.parametrize("words", [("generate", "-o", "-"), ("runs", "ls")])
@pytest.mark.parametrize(("redirected", "told"), [(">&-", b"closed"), (">/dev/full", b"stdout: No space left")])
def test_a_stdout_that_is_closed_or_full_is_one_line(
    contract: Contract, words: tuple[str, ...], redirected: str, told: bytes
) -> None:
    done = shell(contract, redirected, *words)

    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count(b"\n") == 1, done.stderr


def test_who_prints_nothing_needs_no_stdout(contract: Contract, tmp_path: Path) -> None:
    done = shell(contract, ">&-", "generate", "-o", "x.png")

    assert (done.returncode, (tmp_path / "x.png").read_bytes()) == (0, PICTURE)


@pytest.mark.parametrize("words", [("runs", "show", "run_1"), ("runs", "ls")])
def test_a_stderr_that_is_closed_changes_no_status(contract: Contract, words: tuple[str, ...]) -> None:
    done = shell(contract, "2>&-", *words, "--json")

    assert done.returncode == (1 if "show" in words else 0)
    assert (RUN.encode() in done.stdout) is ("ls" in words)


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_a_picture_is_not_shown_on_a_terminal(contract: Contract, name: str) -> None:
    main, side = pty.openpty()

    done = shell(contract, "", "generate", "-o", name, stdout=side)

    assert done.returncode != 0
    assert b"no text for a terminal" in b" ".join(done.stderr.split())
    os.close(side)
    os.close(main)
