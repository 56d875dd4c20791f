"""Parts of a text file that grows: its end, or what came after an offset. Knows nothing of what is in it.

Whatever the bytes are, the text is valid UTF-8. A character that is not written to its end yet is left for the next
part, so parts put together are the file.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LARGEST_PART = 4 << 20  # bytes
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some text, and the offset in bytes at which the next part begins."""

    text: str
    next_offset: int


def last_lines(path: Path, count: int) -> LogChunk:
    """Return the last `count` lines, or as many as LARGEST_PART holds; FileNotFoundError without a file."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        data = _last_bytes(file, end, count)
        return _part(data, end)


def after(path: Path, offset: int) -> LogChunk:
    """Return up to LARGEST_PART behind `offset`, or behind the end if that is nearer; FileNotFoundError too."""
    with path.open("rb") as file:
        start = min(offset, file.seek(0, os.SEEK_END))
        file.seek(start)
        data = file.read(LARGEST_PART)
        return _part(data, start + len(data))


def _last_bytes(file: BinaryIO, end: int, count: int) -> bytes:
    """The bytes before `end` that hold the last `count` lines, read from the back."""
    start, floor = end, max(0, end - LARGEST_PART)
    blocks: list[bytes] = []
    newlines = 0
    while start > floor and newlines <= count:
        size = min(BLOCK, start - floor)
        start -= size
        file.seek(start)
        blocks.append(file.read(size))
        newlines += blocks[-1].count(b"\n")
    data = b"".join(reversed(blocks))
    before, *lines = data.removesuffix(b"\n").rsplit(b"\n", count)
    if len(lines) == count:
        return data[len(before) + 1 :]
    return data[_continuation(data) :] if start else data


def _part(data: bytes, end: int) -> LogChunk:
    """`data` ends at the offset `end` of the file."""
    unfinished = _unfinished(data)
    text = data[: len(data) - unfinished].decode(errors="replace")
    return LogChunk(text, end - unfinished)


def _continuation(data: bytes) -> int:
    """Bytes at the start that belong to a character before it: at most three."""
    return next((i for i, byte in enumerate(data[:3]) if byte & 0xC0 != 0x80), min(3, len(data)))


def _unfinished(data: bytes) -> int:
    """Bytes at the end that begin a character of UTF-8 and do not end it: at most three."""
    for length in range(1, min(3, len(data)) + 1):
        byte = data[-length]
        if byte & 0xC0 != 0x80:  # a character of its own, or the first byte of a longer one (0xC2 to 0xF4)
            needed = 1 + (0xC2 <= byte <= 0xF4) + (0xE0 <= byte <= 0xF4) + (0xF0 <= byte <= 0xF4)
            return length if needed > length else 0
    return 0
