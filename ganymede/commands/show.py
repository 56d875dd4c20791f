"""How answers look: aligned in colour on a terminal, plain and tab-separated in a pipe. Knows nothing of what they say.

What a service sends is shown as text: no markup, no control characters that could move somebody's cursor.
"""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ganymede.schemas.keys import KeyRef

STDERR = 2
NOTHING = "-"
BARS = "▁▂▃▄▅▆▇█"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline
_STYLES = {
    "running": "cyan",
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "fail": "red",
    "paused": "yellow",
    "warn": "yellow",
    "canceled": "dim",
}


def clean(value: object) -> str:
    """Return one line of harmless text; a dash for nothing."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, float):
        return f"{value:.4g}"
    return _CONTROL.sub(" ", str(value))


def line(text: str) -> None:
    """Print one line on stdout, never wrapped."""
    _write(f"{text}\n")


def text(body: str) -> None:
    """Print text with its line ends; on a terminal without control characters."""
    if sys.stdout.isatty():
        body = _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", body.replace("\r\n", "\n"))
    _write(body)
    flush()


def data(content: bytes) -> None:
    with _errors_naming_stdout():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; on a terminal its first column is never cut, and empty columns are left out."""
    cells = [[clean(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (columns, *cells):
            line("\t".join(row))
        return
    kept = [i for i in range(len(columns)) if i == 0 or any(row[i] != NOTHING for row in cells)]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i in kept:
        made.add_column(columns[i], min_width=max((len(row[0]) for row in cells), default=0) if i == 0 else None)
    for row in cells:  # the widest column gives way, and nothing is wrapped
        texts = (Text(row[i], _STYLES.get(row[i], ""), no_wrap=True, overflow="ellipsis") for i in kept)
        made.add_row(*texts)
    Console(highlight=False).print(made)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    shown = [(name, clean(value)) for name, value in pairs if value is not None]
    if not sys.stdout.isatty():
        for name, value in shown:
            line(f"{name}\t{value}")
        return
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in shown:
        made.add_row(name, Text(value, _STYLES.get(value, "")))
    Console(highlight=False).print(made)


def key(made_by: "KeyRef | None") -> str | None:
    """Tell which key made something: its name, and its id where that is another."""
    if made_by is None:
        return None
    return made_by.name if made_by.name == made_by.id else f"{made_by.name} ({made_by.id})"


def numbers(measured: dict[str, float | None]) -> str | None:
    """Format numbers like `g_loss 0.71, d_loss 1.2`."""
    return ", ".join(f"{name} {clean(value)}" for name, value in measured.items()) or None


def curve(values: Sequence[float | None], width: int = 32) -> str:
    """Draw values in one line of text: the mean of each part, between the lowest and the highest mean."""
    measured = [value for value in values if value is not None]
    if not measured:
        return ""
    count = min(width, len(measured))
    edges = [i * len(measured) // count for i in range(count + 1)]
    parts = [measured[begin:end] for begin, end in pairwise(edges)]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def prepare() -> None:
    """Prepare for output: a terminal's encoding may lack characters, and stdout may be closed."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    elif sys.stdout is None:
        sys.stdout = Closed()
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:  # else a connection gets that of a closed one
        pass
    os.close(number)


def flush() -> None:
    with _errors_naming_stdout():
        sys.stdout.flush()


def _write(text: str) -> None:
    with _errors_naming_stdout():
        sys.stdout.write(text)


@contextlib.contextmanager
def _errors_naming_stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = "stdout"
        raise


def finish() -> None:
    """Drop what stdout did not take, or the interpreter would try and complain once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Closed(io.TextIOBase):
    """Stands for a closed stdout: only writing to it is an error."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")
