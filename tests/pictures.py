"""Picture files that no library writes: chunks and segments of one's own, TIFFs field by field."""

import struct
import zlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]


def chunk(kind: bytes, content: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG, with a checksum of one's own if need be."""
    crc = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def with_chunk(png: bytes, added: bytes, *, late: bool = False) -> bytes:
    """A PNG with a chunk behind its header, or before its end."""
    at = len(png) - 12 if late else 33
    return png[:at] + added + png[at:]


def png(pixels: Pixels, kind: int, extra: bytes = b"") -> bytes:
    """A PNG of uint8 or uint16 pixels (H, W, C), of a kind of colour (0 grey, 2 RGB, 4 and 6 with alpha)."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1).astype(pixels.dtype.newbyteorder(">"))
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.dtype.itemsize, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(jpeg: bytes, added: bytes) -> bytes:
    """A JPEG with something behind its first marker."""
    return jpeg[:2] + added + jpeg[2:]


def with_riff_chunk(webp: bytes, kind: bytes, content: bytes, length: int | None = None) -> bytes:
    """A WebP with a chunk at its end, that may say another length than it has."""
    length = len(content) if length is None else length
    data = webp + kind + struct.pack("<I", length) + content + b"\0" * (len(content) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def tiff(pixels: Pixels, *, photometric: int = 1, bits: int = 0, order: Literal["<", ">"] = "<", **tags: int) -> bytes:
    """An unpacked TIFF of one strip; pixels (H, W) or (H, W, C). tags: `t254=1`."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = bits or 8 * pixels.dtype.itemsize
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    sample_format = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    more = struct.pack(order + "H" * channels, *[bits] * channels) if channels > 2 else b""
    at = 8 + len(more)
    fields = {256: width, 257: height, 258: 8 if channels > 2 else bits, 259: 1, 262: photometric, 273: at}
    fields |= {277: channels, 278: height, 279: len(data), 339: sample_format}
    fields |= {int(tag[1:]): value for tag, value in tags.items()}
    entries = b""
    for tag, value in sorted(fields.items()):
        count = channels if tag == 258 else 1
        kind = 3 if tag == 258 else 4
        packed = struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        entries += struct.pack(order + "HHI", tag, kind, count) + packed
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at + len(data))
    return magic + more + data + struct.pack(order + "H", len(fields)) + entries + b"\0\0\0\0"


def packed_bits(pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Eight pixels a byte."""
    return np.packbits(pixels, axis=1)
