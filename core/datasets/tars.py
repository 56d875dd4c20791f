"""Tar files from strangers, plain or compressed: unpacked to one file, listed within limits, read in place.

No link is followed but one to a file of the same archive. Knows no pictures.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from core.datasets.archive import UNREADABLE
from core.datasets.conversion import OnProgress
from core.datasets.members import CHUNK, FileRefused, Member
from core.datasets.names import decode, words_of
from core.datasets.order import Limits
from core.errors import InvalidRequest

GZIP_MAGIC, BZIP2_MAGIC, XZ_MAGIC = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
BLOCK = 512
BYTES_OF_AN_ENTRY = 4 * BLOCK  # header, a long name with its own, the last block
MAX_HEADERS = 1 << 18  # bytes of the headers of one file, attributes included
MAX_XZ_MEMORY = 1 << 29  # bytes; the largest preset takes 65 MiB
DAMAGED = (*UNREADABLE, tarfile.TarError, lzma.LZMAError)


def opened(path: Path) -> BinaryIO | None:
    """Open a compressed file for decompression; None if it is not compressed."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(GZIP_MAGIC):
        return cast(BinaryIO, gzip.open(path))
    if magic.startswith(BZIP2_MAGIC):
        return cast(BinaryIO, bz2.open(path))
    return cast(BinaryIO, io.BufferedReader(_Xz(path))) if magic == XZ_MAGIC else None


class _Xz(io.RawIOBase):
    """An .xz whose dictionary may not exceed MAX_XZ_MEMORY; lzma.open has no such limit."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._decoder = self._new()

    def _new(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        while True:
            packed = b""
            if self._decoder.eof:  # another stream may follow, after zeros
                packed = (self._decoder.unused_data + self._file.read(CHUNK)).lstrip(b"\0")
                if not packed:
                    return 0
                self._decoder = self._new()
            elif self._decoder.needs_input and not (packed := self._file.read(CHUNK)):
                raise EOFError("it ends before the end of its stream")
            data = self._decoder.decompress(packed, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def is_tar(head: bytes) -> bool:
    """Return whether a file that begins so is a tar; one of zeros alone is an empty one."""
    block = head[:BLOCK]
    if len(block) == BLOCK and not any(block):
        return True
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


@contextlib.contextmanager
def tar_members(
    path: Path, folder: Path, limits: Limits, encoding: str | None, on_progress: OnProgress
) -> Iterator[list[Member]]:
    """Yield the files of a tar, readable within the block; a compressed one is decompressed into `folder`.

    Raises:
        InvalidRequest: at `file`: it is no tar, is damaged, or has too many files or bytes.
    """
    with contextlib.ExitStack() as stack:
        try:
            if packed := opened(path):
                most = limits.bytes + limits.files * BYTES_OF_AN_ENTRY
                path = stack.enter_context(_decompressed(packed, folder, most, on_progress))
            file = stack.enter_context(_Headers(path))
            archive = stack.enter_context(tarfile.open(fileobj=cast(BinaryIO, file), mode="r:", encoding="utf-8"))
            infos = list(_listed(archive, file, limits))
        except DAMAGED as error:
            raise InvalidRequest.field("file", f"no tar that can be read: {words_of(error, 200)}") from None
        file.budget = None
        members = _as_members(archive, infos, encoding, path.stat().st_size)
        if sum(member.size for member in members) > limits.bytes:  # links, which have no size of their own
            raise _too_large(limits.bytes)
        yield members


def _too_large(max_bytes: int) -> InvalidRequest:
    return InvalidRequest.field("file", f"unpacks to more than {max_bytes} bytes, which an archive may have")


@contextlib.contextmanager
def _decompressed(packed: BinaryIO, folder: Path, max_bytes: int, on_progress: OnProgress) -> Iterator[Path]:
    target = folder / "archive.tar"
    with packed, target.open("wb") as out:
        while chunk := packed.read(CHUNK):
            out.write(chunk)
            on_progress("unpacking", out.tell(), 0)
            if out.tell() > max_bytes:
                raise _too_large(max_bytes)
    try:
        yield target
    finally:
        target.unlink()


class _Headers(io.FileIO):
    """A tar as tarfile shall see it: a header reads at most `budget` bytes, and none leads back."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.budget: int | None = MAX_HEADERS
        self.begin = 0

    def read(self, size: int | None = -1) -> bytes | None:  # type: ignore[override]
        if self.budget is not None:
            self.budget -= size if size is not None and size >= 0 else MAX_HEADERS + 1
            if self.budget < 0:
                raise tarfile.ReadError(f"a header at byte {self.begin} is too long")
        return super().read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self.budget is not None and whence == os.SEEK_SET and offset < self.begin - 1:
            raise tarfile.ReadError(f"a header at byte {self.begin} leads back")
        return super().seek(offset, whence)


def _listed(archive: tarfile.TarFile, file: _Headers, limits: Limits) -> Iterator[tarfile.TarInfo]:
    count = unpacked = 0
    while info := archive.next():
        count, unpacked = count + 1, unpacked + info.size
        if info.size < 0:
            raise tarfile.ReadError(f"a header at byte {file.begin} tells a size below zero")
        if count > limits.files:
            raise InvalidRequest.field("file", f"has more than {limits.files} files, which an archive may have")
        if unpacked > limits.bytes:
            raise _too_large(limits.bytes)
        file.budget, file.begin = MAX_HEADERS, archive.offset
        yield info
    _check_end(archive.offset, Path(file.name))


def _check_end(offset: int, path: Path) -> None:
    """Refuse a damaged header, which tarfile takes for the end: a tar ends in zeros, or with its last file."""
    with path.open("rb") as file:
        if offset > file.seek(0, os.SEEK_END):
            raise tarfile.ReadError("it is cut short")
        file.seek(offset)
        while chunk := file.read(CHUNK):
            if chunk.lstrip(b"\0"):
                raise tarfile.ReadError(f"what follows byte {offset} is no header: damaged, or several in one file")


def _as_members(
    archive: tarfile.TarFile, infos: list[tarfile.TarInfo], encoding: str | None, packed: int
) -> list[Member]:
    """Return all files; a hard link becomes the file that it leads to."""
    lock, files, members = threading.Lock(), dict[str, tarfile.TarInfo](), list[Member]()
    for info in infos:
        if info.isdir():
            continue
        found = files.get(info.linkname) if info.islnk() else info
        if found is not None and found.isreg():
            files[info.name] = found
        chunks = partial(_chunks, archive, lock, found or info)
        is_utf8 = "path" in info.pax_headers and info.pax_headers.get("hdrcharset") != "BINARY"
        name = decode(info.name.encode("utf-8", "surrogateescape"), encoding, is_utf8=is_utf8)
        members.append(Member(name, found.size if found else 0, packed, chunks, _refusal(found)))
    return members


def _refusal(info: tarfile.TarInfo | None) -> str | None:
    if info is None:
        return "is a link to no file of the archive"
    if info.issym():
        return "is a link; pack what it leads to (tar -h)"
    return None if info.isreg() else "is no file but a device, a pipe or a part of another"


def _chunks(archive: tarfile.TarFile, lock: threading.Lock, info: tarfile.TarInfo) -> Iterator[bytes]:
    left = info.size
    try:
        file = archive.extractfile(info)
        assert file is not None
        while left:
            with lock:
                chunk = file.read(min(CHUNK, left))
            if not chunk:
                raise FileRefused("is cut short in the archive")
            left -= len(chunk)
            yield chunk
    except DAMAGED as error:
        raise FileRefused(f"is damaged in the archive: {words_of(error)}") from None
