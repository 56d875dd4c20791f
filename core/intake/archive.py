"""Zip files from strangers: what they list is bounded before it is read, and what they hold before it is unpacked.

Nothing is ever unpacked to a path that an archive names. Knows no pictures and no arrays.
"""

import contextlib
import io
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from core.errors import InvalidRequest

MAX_ENTRIES = 1_000_000
BYTES_OF_AN_ENTRY = 256  # in the directory at the end of a zip; names are seldom longer than a third of it
MAX_RATIO = 200  # of unpacked to packed, for entries larger than RATIO_FROM; pictures reach 20
RATIO_FROM = 1 << 20
CHUNK = 1 << 20
ENCRYPTED, UTF8 = 0x1, 0x800  # flags of an entry

# What zipfile raises on a damaged, foreign or lying file.
UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, RuntimeError, ArithmeticError, MemoryError, struct.error),
    *(BadZipFile, zlib.error),
)


_DRIVE = re.compile(r"[A-Za-z]:")


class FileRefused(Exception):
    """One file of many cannot be taken; the text is the reason, and the others may well be taken."""


class _Archive(io.FileIO):
    """zipfile reads the whole directory at once, as large as the file says it is: refused beyond `limit` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path)
        self.limit = limit

    def read(self, size: int | None = -1) -> bytes | None:  # type: ignore[override]
        if size is not None and size > self.limit:
            raise BadZipFile("it lists too many files")
        return super().read(-1 if size is None else size)


@contextlib.contextmanager
def open_archive(path: Path, max_bytes: int, max_entries: int = MAX_ENTRIES) -> Iterator[ZipFile]:
    """A zip whose files are at most `max_entries`, and together at most `max_bytes` when they are unpacked.

    Raises:
        InvalidRequest: at `file`: it is no such zip.
    """
    with _Archive(path, max(CHUNK, max_entries * BYTES_OF_AN_ENTRY)) as file:
        try:
            archive = ZipFile(file)
        except UNREADABLE as error:
            raise InvalidRequest.field("file", f"no zip that can be read: {str(error)[:200]}") from None
        with archive:
            entries = archive.infolist()
            if len(entries) > max_entries:
                raise InvalidRequest.field("file", f"has {len(entries)} files; an archive may have {max_entries}")
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > max_bytes:
                raise InvalidRequest.field("file", f"unpacks to {unpacked} bytes; an archive may have {max_bytes}")
            yield archive


def name_of(entry: ZipInfo) -> str:
    """An entry's name. Without the flag for UTF-8 its encoding is not told: UTF-8 if it can be, else code page 437."""
    if not entry.flag_bits & UTF8:
        with contextlib.suppress(UnicodeError):
            return entry.filename.encode("cp437").decode()
    return entry.filename


def check_path(name: str) -> PurePosixPath:
    """The path that an entry's name is; FileRefused if it leads out of the archive."""
    path = PurePosixPath(name)
    if not path.parts:
        raise FileRefused("has no name")
    if path.is_absolute() or ".." in path.parts or "\\" in name or _DRIVE.match(name):
        raise FileRefused("its name leads out of the archive")
    return path


def check_entry(entry: ZipInfo, max_bytes: int) -> None:
    """FileRefused unless an entry is a plain file that may be unpacked."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise FileRefused("is a link")
    if entry.flag_bits & ENCRYPTED:
        raise FileRefused("is encrypted")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise FileRefused("is packed in a way other than stored and deflated")
    if entry.file_size > max_bytes:
        raise FileRefused(f"unpacks to {entry.file_size} bytes; one file may have {max_bytes}")


def read_entry(archive: ZipFile, entry: ZipInfo, max_bytes: int) -> bytes:
    """An entry's bytes, in memory; FileRefused if they may not or cannot be had."""
    check_entry(entry, max_bytes)
    if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * entry.compress_size:
        raise FileRefused(f"unpacks to more than {MAX_RATIO} times its size")
    return b"".join(_chunks(archive, entry))


def unpack_entry(archive: ZipFile, entry: ZipInfo, target: Path, max_bytes: int) -> None:
    """As read_entry, into a file."""
    check_entry(entry, max_bytes)
    with target.open("wb") as out:
        for chunk in _chunks(archive, entry):
            out.write(chunk)


def _chunks(archive: ZipFile, entry: ZipInfo) -> Iterator[bytes]:
    """What an entry unpacks to: never more than it declares."""
    try:
        with archive.open(entry) as packed:
            while chunk := packed.read(CHUNK):
                yield chunk
    except UNREADABLE as error:
        raise FileRefused(f"is damaged in the archive: {str(error)[:100]}") from None
