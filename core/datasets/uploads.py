"""What an upload is, by how it begins: what can be read, or what to do with what cannot. Knows no pictures."""

import re
import zlib
from typing import BinaryIO, Literal

from core.datasets import sniff
from core.datasets.idx import GZIP_MAGIC
from core.datasets.names import words_of
from core.datasets.order import Upload
from core.datasets.tars import BLOCK, DAMAGED, is_tar, opened
from core.errors import InvalidRequest

Kind = Literal["zip", "tar", "idx", "npy"]

NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty one
IDX_MAGIC = b"\0\0"
_IDX = re.compile(rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x08]", re.DOTALL)
KINDS = "a zip or a tar of pictures, an .npz, .npy files, or IDX files (plain or gzipped), or a zip or a tar of sounds"

_UNPACK = "unpack it and send a zip or a tar"
_SAVE = "save its pictures as files in a folder for each class, or its arrays with numpy.savez(images=..., labels=...)"
# How other files begin, at which byte, and what they are.
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (0, b"Rar!\x1a\x07", f"a RAR archive; {_UNPACK}"),
    (0, b"\x28\xb5\x2f\xfd", "packed with Zstandard; unpack it (zstd -d) and send what it holds"),
    (0, b"\x04\x22\x4d\x18", "packed with LZ4; unpack it (lz4 -d) and send what it holds"),
    (0, b"\x1f\x9d", "packed with compress; unpack it (gzip -d) and send what it holds"),
    (0, b"\x5d\0\0", "packed with LZMA; unpack it (xz -d) and send what it holds"),
    (0, b"LZIP", "packed with lzip; unpack it (lzip -d) and send what it holds"),
    (0, b"MSCF", f"a cabinet file; {_UNPACK}"),
    (0, b"PK\x07\x08", "a part of a zip of several parts; join them (zip -s 0) and send one zip"),
    (32769, b"CD001", f"a disk image (ISO 9660); {_UNPACK}"),
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file; {_SAVE}"),
    (512, b"\x89HDF\r\n\x1a\n", f"a MATLAB file (7.3); {_SAVE}"),
    (0, b"MATLAB 5.0 MAT-file", f"a MATLAB file; {_SAVE}"),
    (0, b"PAR1", f"a Parquet file; {_SAVE}"),
    (0, b"ARROW1", f"an Arrow file; {_SAVE}"),
    (0, b"ORC", f"an ORC file; {_SAVE}"),
    (0, b"SQLite format 3\0", f"an SQLite database; {_SAVE}"),
    (16, b"\xde\xc0\xef\xbe", f"an LMDB database; {_SAVE}"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x00-\xff]|\(dp[0-9]|\(lp[0-9]")
_PEEKED = 32774  # bytes, as far as the above look


def kind_of(upload: Upload) -> Kind:
    """Return the kind of an upload; InvalidRequest, with advice, if it cannot be read."""
    with upload.path.open("rb") as file:
        head = file.read(_PEEKED)
    if head.startswith(ZIP_MAGICS):
        return "zip"
    if head.startswith(NPY_MAGIC):
        return "npy"
    if is_tar(head):
        return "tar"
    if packed := opened(upload.path):
        with packed:
            return _kind_within(upload, packed, is_gzip=head.startswith(GZIP_MAGIC))
    detail = _what_is(head, upload.path.stat().st_size)
    if not detail and head.startswith(IDX_MAGIC):
        return "idx"
    raise InvalidRequest.field("/file", f"{upload.filename}: {detail}expected {KINDS}")


def is_idx(head: bytes) -> bool:
    """Return whether a file that begins so is IDX, plain or gzipped."""
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head[:BLOCK], 4)
        except zlib.error:
            return False
    return _IDX.match(head) is not None


def _kind_within(upload: Upload, packed: BinaryIO, *, is_gzip: bool) -> Kind:
    """Return the kind of a compressed file: a tar, or IDX, which is read from gzip alone."""
    try:
        head = packed.read(BLOCK)
    except DAMAGED as error:
        stream = "gzip" if is_gzip else "compressed"
        detail = f"{upload.filename}: the {stream} stream is damaged or cut short ({words_of(error)})"
        raise InvalidRequest.field("/file", detail) from None
    if is_tar(head):
        return "tar"
    if is_gzip and (head.startswith(IDX_MAGIC) or not head):
        return "idx"
    what = _what_is(head, None)
    detail = f"not an IDX file, and no tar, is compressed in it; {what and f'what it holds {what}'}expected {KINDS}"
    raise InvalidRequest.field("/file", f"{upload.filename}: {detail}")


def _what_is(head: bytes, size: int | None) -> str:
    """Name an unreadable file as the beginning of a sentence; empty if unknown."""
    for at, magic, what in _OTHERS:
        if head.startswith(magic, at):
            return f"is {what}; "
    if _PICKLE.match(head):
        return f"is a pickle (.pkl, .pt), which can run code and is never opened; {_SAVE}; "
    number = int.from_bytes(head[:8], "little")
    if size is not None and number < size and head[8:9] == b"{":
        return f"is a safetensors file; {_SAVE}; "
    if len(head) > 12 and masked_crc32c(head[:8]) == int.from_bytes(head[8:12], "little"):
        return f"is a TFRecord file; {_SAVE}; "
    kind = sniff.kind_of(head[: sniff.HEAD])
    if kind is None:
        return ""
    if kind.is_sound:
        return f"is {kind.name}, a single sound; send a zip or a tar of many; "
    return f"{kind}; " if not kind.is_picture else f"{kind}, a single picture; send a zip or a tar of many; "


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of the length that begins each record of a TFRecord file."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
