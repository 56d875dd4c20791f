"""A file of an archive, whatever the archive is: its name, and its bytes, which are bounded. Knows no pictures.

Nothing is ever unpacked to a path that an archive names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_RATIO = 200  # of unpacked to packed, for files larger than RATIO_FROM; pictures reach 20
RATIO_FROM = 1 << 20
CHUNK = 1 << 20


class FileRefused(Exception):
    """One file of many cannot be taken; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file. `name`: see core.datasets.names. `chunks`: what it holds, never more than `size` bytes; FileRefused if
    that cannot be had. `refusal`: why not, where that is known before: of a link, say."""

    name: str
    size: int
    packed_size: int
    chunks: Callable[[], Iterator[bytes]]
    refusal: str | None = None


def read(member: Member, max_bytes: int) -> bytes:
    """Read a member into memory; FileRefused if that is impossible or not allowed."""
    _check(member, max_bytes)
    if member.size > RATIO_FROM and member.size > MAX_RATIO * member.packed_size:
        raise FileRefused(f"unpacks to more than {MAX_RATIO} times its size")
    return b"".join(member.chunks())


def unpack(member: Member, target: Path, max_bytes: int) -> None:
    """Write a member into a file, as `read` reads it."""
    _check(member, max_bytes)
    with target.open("wb") as out:
        for chunk in member.chunks():
            out.write(chunk)


def head(member: Member) -> bytes:
    """Return how a member begins; empty if it cannot be read."""
    if member.refusal:
        return b""
    try:
        return next(iter(member.chunks()), b"")
    except FileRefused:
        return b""


def _check(member: Member, max_bytes: int) -> None:
    if member.refusal:
        raise FileRefused(member.refusal)
    if member.size > max_bytes:
        raise FileRefused(f"unpacks to {member.size} bytes; one file may have {max_bytes}")
