"""Pictures in a terminal: which way each terminal gets them, and what it gets."""

import base64
import io
import os
import pty
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from ganymede.commands import picture
from ganymede.commands.picture import HALF, Way
from tests.ganymede.conftest import GANYMEDE, environment

KITTY, ITERM2, PLAIN = {"TERM": "xterm-kitty"}, {"TERM_PROGRAM": "iTerm.app"}, {"TERM": "xterm-256color"}


class Terminal(io.StringIO):
    """A file that a terminal is behind."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def console(file: io.StringIO, environment: Mapping[str, str], **options: object) -> Console:
    return Console(file=file, _environ=dict(environment), width=80, **options)  # type: ignore[arg-type]


def way(environment: Mapping[str, str], file: io.StringIO | None = None, **options: object) -> Way | None:
    return picture.way_of(console(file or Terminal(), environment, **options), environment)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (KITTY, Way.KITTY),
        (PLAIN | {"KITTY_WINDOW_ID": "1"}, Way.KITTY),
        ({"TERM": "xterm-ghostty"}, Way.KITTY),
        (PLAIN | ITERM2, Way.ITERM2),
        (PLAIN | {"TERM_PROGRAM": "WezTerm"}, Way.ITERM2),
        (PLAIN | {"LC_TERMINAL": "iTerm2"}, Way.ITERM2),
        (PLAIN, Way.BLOCKS),
        (PLAIN | {"COLORTERM": "truecolor"}, Way.BLOCKS),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, Way.BLOCKS),
        ({"TERM": "screen-256color", "LC_TERMINAL": "iTerm2"}, Way.BLOCKS),
        ({"TERM": "vt100"}, None),  # no colours to draw with
        (PLAIN | {"NO_COLOR": "1"}, None),
        ({"TERM": "dumb"}, None),
        (KITTY | {picture.VARIABLE: "none"}, None),
        (KITTY | {picture.VARIABLE: "blocks"}, Way.BLOCKS),
        (PLAIN | {picture.VARIABLE: " Kitty "}, Way.KITTY),
        (PLAIN | {picture.VARIABLE: "?"}, Way.BLOCKS),
    ],
)
def test_a_terminal_gets_pictures_in_the_way_that_it_can_show(
    environment: dict[str, str], expected: Way | None
) -> None:
    assert way(environment) is expected


def test_where_no_terminal_is_nothing_is_shown_whatever_colours_are_forced(tmp_path: Path) -> None:
    forced = KITTY | {"FORCE_COLOR": "1", picture.VARIABLE: "kitty"}

    assert way(forced, io.StringIO()) is None
    assert way(KITTY, quiet=True) is None


def test_kitty_gets_the_very_file_in_pieces_that_it_takes() -> None:
    png = bytes(range(256)) * 40

    pieces = re.findall(r"\x1b_G(.*?);(.*?)\x1b\\", picture.kitty(png))

    assert base64.b64decode("".join(piece for _, piece in pieces)) == png
    assert all(len(piece) <= picture.CHUNK for _, piece in pieces)
    assert [keys for keys, _ in pieces] == ["a=T,f=100,q=2,r=20,m=1", *["m=1"] * (len(pieces) - 2), "m=0"]


def test_a_single_piece_is_the_last() -> None:
    assert re.findall(r"m=(\d)", picture.kitty(b"short")) == ["0"]


def test_iterm2_gets_the_very_file_and_its_size() -> None:
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=5;.*:(.*)\x07", picture.iterm2(b"bytes"))

    assert found is not None
    assert base64.b64decode(found[1]) == b"bytes"


def test_half_blocks_have_the_colours_of_the_pixels_above_and_below() -> None:
    pixels = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)

    text = picture.blocks(Image.fromarray(pixels), 80)

    assert text.plain == f"{HALF * 3}\n" * 2
    assert str(text.spans[0].style) == "rgb(0,1,2) on rgb(9,10,11)"
    assert str(text.spans[-1].style) == "rgb(24,25,26) on rgb(33,34,35)"


@pytest.mark.parametrize("size", [(28, 28), (5, 7), (1, 1), (500, 20), (30, 900), (2000, 2000)])
def test_half_blocks_fit_the_terminal(size: tuple[int, int]) -> None:
    lines = picture.blocks(Image.new("RGB", size), 60).plain.splitlines()

    assert 1 <= len(lines) <= picture.ROWS
    assert {len(line) for line in lines} == {min(len(lines[0]), 60)}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b'{"model": "digits"}', picture.PNG + b"cut off"])
def test_what_is_no_picture_is_not_shown_as_blocks(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()

    picture.show(console(terminal, PLAIN), content)

    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["generate", "--seed", "1", "-o", "one.png"], "digits@1 seed 1 label 1 -> one.png"),
        (["morph", "1,2", "--frames", "2", "-o", "way.webp"], "digits@1 seeds 1,2 -> way.webp"),
    ],
)
def test_on_a_terminal_the_command_shows_what_it_saved(api: str, tmp_path: Path, command: list[str], told: str) -> None:
    main, side = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        while part := _part(main):
            shown.append(part)

    words = [*GANYMEDE, *command, "--url", api]
    with subprocess.Popen(words, cwd=tmp_path, env=environment() | PLAIN, stderr=side, stdout=subprocess.PIPE) as done:
        os.close(side)
        reading = threading.Thread(target=read)
        reading.start()
        assert done.stdout is not None
        assert done.stdout.read() == b""
    reading.join()
    os.close(main)

    text = b"".join(shown).decode()
    assert done.returncode == 0
    assert text.count(HALF) == 28 * 14
    assert text.rstrip().endswith(told)


def _part(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed
        return b""
