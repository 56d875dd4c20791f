"""The metric history of a run: read from metrics.jsonl into columns, put in order, thinned. Knows no run and no HTTP.

A line is one point: the marks of MARKS, and every other key with a number is a metric. A line that is damaged, or has
not ended yet, is not there.

Shape suffixes: N points, C columns, B buckets, W points of a bucket.
"""

import contextlib
import datetime as dt
import json
import math
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

MARKS = ("branch", "step", "attempt", "images_seen", "at")
MAX_COLUMNS = 100  # with the marks; whatever a damaged file holds, memory is bounded
BLOCK = 1 << 17  # bytes that are parsed at once: a few milliseconds in which no other thread runs
LONGEST_LINE = 1 << 16  # bytes; ours have a few hundred
READ_WHOLE = 128 << 20  # bytes, some 500,000 points; of a longer file every 2nd line is read, or every 4th, and so on
KEPT_BYTES = 64 << 20  # of histories that are kept in memory
LARGEST_STEP = 2**53  # up to here a float64 tells every integer from the next


@dataclass(frozen=True, slots=True)
class BranchSpan:
    """The points of a branch; `cut`: how many of their steps were left behind for a newer branch."""

    branch: int
    first_step: int
    last_step: int
    cut: int


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What was read of one file, in the file's order; NaN where nothing was measured."""

    columns: dict[str, Column] = field(default_factory=lambda: {name: np.empty(0) for name in MARKS})
    offset: int = 0  # up to where the file was read
    lines: int = 0  # that were passed
    stride: int = 1  # one in so many lines was read
    inode: int = 0

    def __len__(self) -> int:
        return len(self.columns["step"])

    @property
    def names(self) -> list[str]:
        """Names of the metrics."""
        return [name for name in self.columns if name not in MARKS]

    @property
    def bytes(self) -> int:
        return sum(column.nbytes for column in self.columns.values())


def read(path: Path, known: History | None = None) -> History:
    """The history in a file; with `known`, only what was added since is read. No file is an empty history."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return History()
    with file:
        facts = os.fstat(file.fileno())
        stride = 1 << max(0, math.ceil(math.log2(max(1, facts.st_size) / READ_WHOLE)))
        if known is None or (known.inode, known.stride) != (facts.st_ino, stride) or known.offset > facts.st_size:
            known = History(inode=facts.st_ino, stride=stride)
        file.seek(known.offset)
        parts, offset, passed = [known.columns], known.offset, known.lines
        for lines, size in _whole_lines(file):
            parts.append(_columns(_points(lines[-passed % stride :: stride])))
            offset, passed = offset + size, passed + len(lines)
        columns = _joined(parts) if len(parts) > 1 else known.columns
        return History(columns, offset, passed, stride, facts.st_ino)


class Histories:
    """Histories that were read lately: who asks again pays for what was added since. Safe from several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, History] = {}  # the one that was asked for last is last
        self._lock = threading.Lock()

    def read(self, path: Path) -> History:
        with self._lock:
            history = read(path, self._known.pop(path, None))
            if len(history):
                self._known[path] = history
            while len(self._known) > 1 and sum(known.bytes for known in self._known.values()) > KEPT_BYTES:
                del self._known[next(iter(self._known))]
            return history


def ordered(history: History, x: str, after_step: int | None = None, only_branch: int | None = None) -> Rows:
    """Rows of the points to show, with `x` (a mark) strictly increasing.

    Of each step the newest branch's newest attempt; nothing of a branch from the step on at which a newer one begins.
    With `only_branch` all of that branch, and nothing else.
    """
    step, branch, attempt = (history.columns[name] for name in ("step", "branch", "attempt"))
    rows = np.lexsort((attempt, branch, step))
    if only_branch is not None:
        rows = rows[branch[rows] == only_branch]
    rows = _last_of_equal(rows, step)
    rows = rows[branch[rows] >= np.maximum.accumulate(branch[rows])] if len(rows) else rows
    if after_step is not None:
        rows = rows[step[rows] > after_step]
    x_N = history.columns[x]
    rows = np.sort(rows[np.isfinite(x_N[rows])])
    return _last_of_equal(rows[np.argsort(x_N[rows], kind="stable")], x_N)


def attempts(history: History) -> list[tuple[int, int]]:
    """Every attempt, with the first step that it reported."""
    numbers, first = np.unique(history.columns["attempt"], return_index=True)
    return [(int(number), int(history.columns["step"][row])) for number, row in zip(numbers, first, strict=True)]


def branches(history: History) -> list[BranchSpan]:
    """Every branch, oldest first: the steps it reported, and how many of them `ordered` leaves out."""
    step, branch = history.columns["step"], history.columns["branch"]
    is_shown = np.isin(np.arange(len(history)), ordered(history, "step"))
    spans = []
    for number in np.unique(branch).tolist():
        steps = np.unique(step[branch == number])
        shown = int(np.count_nonzero(is_shown & (branch == number)))
        spans.append(BranchSpan(int(number), int(steps[0]), int(steps[-1]), len(steps) - shown))
    return spans


def thinned(values_CN: npt.NDArray[np.float64], limit: int) -> Rows:
    """Positions of at most `limit` of N points, in order, such that every spike of every column stays.

    The first and the last point stay. Those between are cut into buckets of equally many points, and of each bucket
    stay the points at which a column has its smallest or its largest value. There are as many buckets as `limit` allows
    (2 points a column and bucket). A limit below that for one bucket takes points out evenly.
    """
    num_columns, count = values_CN.shape
    if count <= limit:
        return np.arange(count)
    num_buckets = max(1, (limit - 2) // max(1, 2 * num_columns))
    width = math.ceil((count - 2) / num_buckets)
    padded_CN = np.full((num_columns, math.ceil((count - 2) / width) * width), np.nan)
    padded_CN[:, : count - 2] = values_CN[:, 1:-1]
    values_CBW = padded_CN.reshape(num_columns, -1, width)
    starts_B = 1 + width * np.arange(values_CBW.shape[1])
    is_measured_CB = ~np.isnan(values_CBW).all(axis=2)
    lowest_CB = np.where(np.isnan(values_CBW), np.inf, values_CBW).argmin(axis=2) + starts_B
    highest_CB = np.where(np.isnan(values_CBW), -np.inf, values_CBW).argmax(axis=2) + starts_B
    kept = np.unique(np.concatenate([[0, count - 1], lowest_CB[is_measured_CB], highest_CB[is_measured_CB]]))
    if len(kept) > limit:
        kept = kept[np.linspace(0, len(kept) - 1, limit).round().astype(np.intp)]
    return kept.astype(np.intp)


def _last_of_equal(rows: Rows, by: Column) -> Rows:
    """Of neighbours that are equal in `by`, the last."""
    return rows[np.append(np.diff(by[rows]) != 0, True)] if len(rows) else rows


def _whole_lines(file: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Lines that have ended, some at a time, and the bytes they took. One that does not end for long is passed over."""
    rest, is_in_long_line = b"", False
    while block := file.read(BLOCK):
        *lines, rest_after = (rest + block).split(b"\n")
        size = len(rest) + len(block) - len(rest_after)
        if is_in_long_line and lines:
            lines, is_in_long_line = lines[1:], False
        rest = rest_after
        if len(rest) > LONGEST_LINE:
            size, rest, is_in_long_line = size + len(rest), b"", True
        yield [line for line in lines if line and len(line) <= LONGEST_LINE], size


def _points(lines: list[bytes]) -> list[dict[str, Any]]:
    """The points in some lines; parsed all at once, which is quick, or one by one where one of them is damaged."""
    parsed: list[Any] = []
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(b"[" + b",".join(lines) + b"]")
    if len(parsed) != len(lines):
        parsed = []
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                parsed.append(json.loads(line))
    points = [point for point in parsed if isinstance(point, dict)]
    return [point for point in points if type(step := point.get("step")) is int and 0 <= step < LARGEST_STEP]


def _columns(points: list[dict[str, Any]]) -> dict[str, Column]:
    columns = {name: _numbers([point.get(name) for point in points]) for name in ("branch", "attempt")}
    columns = {name: np.nan_to_num(column) for name, column in columns.items()}
    columns["at"] = np.array([_seconds(point.get("at")) for point in points], np.float64)
    for name in dict.fromkeys(chain.from_iterable(points)):
        if name not in columns:
            values = [point.get(name) for point in points]
            kinds = set(map(type, values))
            if kinds & {float, int} or kinds == {type(None)}:
                columns[name] = _numbers(values)
    return columns


def _numbers(values: list[Any]) -> Column:
    """Numbers as they are; NaN for all else, and for what is not finite."""
    try:
        if not set(map(type, values)) <= {float, int, type(None)}:
            values = [value if type(value) in (float, int) else None for value in values]
        numbers = np.array(values, np.float64)
    except OverflowError:  # an integer beyond every float
        numbers = np.array([None if value is None or abs(value) > 1e300 else value for value in values], np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def _seconds(stamp: Any) -> float:
    """Seconds since 1970 of an ISO 8601 text; NaN for all else."""
    try:
        return dt.datetime.fromisoformat(stamp).timestamp()
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _joined(parts: list[dict[str, Column]]) -> dict[str, Column]:
    names = list(dict.fromkeys(chain(MARKS, chain.from_iterable(parts))))[:MAX_COLUMNS]
    return {
        name: np.concatenate([part[name] if name in part else np.full(len(part["at"]), np.nan) for part in parts])
        for name in names
    }
