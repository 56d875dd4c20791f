"""Zip files from strangers: what they list is bounded before it is read, and what they hold before it is unpacked.

Knows no pictures and no arrays.
"""

import contextlib
import stat
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from core.datasets.directory import LOCAL_SIZE, Directory, unicode_path
from core.datasets.members import CHUNK, FileRefused, Member
from core.datasets.names import decode, words_of
from core.errors import InvalidRequest

MAX_ENTRIES = 1_000_000
BYTES_OF_AN_ENTRY = 256  # in the directory at the end of a zip; names are seldom longer than a third of it
ENCRYPTED = 0x1  # flag of an entry
AES = 99  # a method that stands for another, encrypted
READ_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})  # zipfile unpacks others without a limit to the memory
METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 20: "Zstandard"}
METHODS |= {93: "Zstandard", 95: "XZ", 98: "PPMd"}
REPACK = "unpack it and pack it anew with Deflate (zip -r, 7z a -tzip -mm=Deflate), or as a tar"

# What zipfile raises on a damaged, foreign or lying file.
UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, RuntimeError, ArithmeticError, MemoryError, struct.error),
    *(BadZipFile, zlib.error),
)


@contextlib.contextmanager
def open_archive(
    path: Path, max_bytes: int, max_entries: int = MAX_ENTRIES, encoding: str | None = None
) -> Iterator[ZipFile]:
    """Open a zip of at most `max_entries` files that unpack to at most `max_bytes`.

    `encoding` is that of names without a declared one.

    Raises:
        InvalidRequest: at `file`: it is no such zip.
    """
    with Directory(path, max(CHUNK, max_entries * BYTES_OF_AN_ENTRY)) as file:
        try:
            archive = ZipFile(file)
        except UNREADABLE as error:
            raise InvalidRequest.field("file", f"no zip that can be read: {words_of(error, 200)}") from None
        with archive:
            entries = archive.infolist()
            if len(entries) > max_entries:
                raise InvalidRequest.field("file", f"has {len(entries)} files; an archive may have {max_entries}")
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > max_bytes:
                raise InvalidRequest.field("file", f"unpacks to {unpacked} bytes; an archive may have {max_bytes}")
            for entry, is_utf8 in zip(entries, file.says_utf8, strict=True):
                file.name_at[entry.header_offset + LOCAL_SIZE] = entry.orig_filename.encode("cp437")
                entry.filename = _name_of(entry, is_utf8, encoding)
                archive.NameToInfo[entry.filename] = entry
            yield archive


@contextlib.contextmanager
def zip_members(path: Path, max_bytes: int, max_entries: int, encoding: str | None = None) -> Iterator[list[Member]]:
    """Yield the files of such a zip, readable within the block."""
    with open_archive(path, max_bytes, max_entries, encoding) as archive:
        yield [member(archive, entry) for entry in archive.infolist()]


def member(archive: ZipFile, entry: ZipInfo) -> Member:
    chunks = partial(_chunks, archive, entry)
    return Member(entry.filename, entry.file_size, entry.compress_size, chunks, _refusal(entry))


def _name_of(entry: ZipInfo, is_utf8: bool, encoding: str | None) -> str:
    """Decode an entry's name: by its Unicode path field, else by its flag, else by the sender's encoding."""
    raw = entry.orig_filename.encode("cp437")
    if name := unicode_path(entry.extra, zlib.crc32(raw)):
        with contextlib.suppress(UnicodeError):
            return name.decode()
    return decode(raw, encoding, is_utf8=is_utf8)


def _refusal(entry: ZipInfo) -> str | None:
    """Say why an entry is no plain file that can be read."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link; pack what it leads to"
    if entry.flag_bits & ENCRYPTED or entry.compress_type == AES:
        return "is encrypted; pack it without a password"
    if entry.compress_type not in READ_METHODS:
        method = METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        return f"is packed in a way other than stored and deflated: {method}; {REPACK}"
    return None


def _chunks(archive: ZipFile, entry: ZipInfo) -> Iterator[bytes]:
    """Unpack an entry, never more than it declares; FileRefused unless it is whole."""
    try:
        with archive.open(entry) as packed:
            while chunk := packed.read(CHUNK):
                yield chunk
    except UNREADABLE as error:
        raise FileRefused(f"is damaged in the archive: {words_of(error)}") from None
