"""PNG as this service writes it, and as it reads what it is sent: 8 bits, grey or RGB, with one text. Knows no model.

Written here and with ISA-L: Pillow takes two to eleven times as long (docs/decisions/0005-png.md). ISA-L runs without
the GIL: threads compress side by side. Read by Pillow, but only after the chunks were looked at: what a stranger sends
may unpack to more than there is memory.

Shape suffixes: H height, W width, C channels (1 or 3), X bytes of a row.
"""

import io
import platform
import struct
from dataclasses import dataclass

import isal
import numpy as np
import numpy.typing as npt
from isal.isal_zlib import compress, crc32
from PIL import Image

from core.errors import PictureInvalid

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = "ganymede"  # of the iTXt chunk that tells how a picture was drawn
ENCODER = f"isal {isal.__version__} {platform.machine()}"  # a PNG's bytes depend on both, its pixels do not
LEVEL, WINDOW_BITS = 1, 9  # a repetition further away than 512 bytes would take more room than it saves
NONE, SUB, UP = 0, 1, 2  # filters: the bytes as they are, or less those of the pixel before, or of the row above
GREY, RGB = 0, 2  # colour types
DEEPEST = 8  # bits of a channel
COLOUR_KEY, ANIMATION = b"tRNS", b"acTL"  # chunks: what is transparent, and that there are more pictures
SMALL = 4096  # bytes; fewer are written as they are: looking at them would take longer than they take to compress
FEW = 8  # rows that are compressed to choose a filter
PLAIN = b"\0\0"  # of iTXt: not compressed

_LENGTH_AND_KIND = struct.Struct(">I4s")
_HEADER = struct.Struct(">IIBBBBB")
DEPTH_AT = 8  # of IHDR
_CRC = struct.Struct(">I")


def write_png(image_HWC: npt.NDArray[np.uint8], text: str | None = None) -> bytes:
    """Write a PNG of one image, with `text` as its iTXt chunk `ganymede`; equal input gives equal bytes.

    Equal on one machine: another kind of processor may compress the same pixels to other bytes.
    """
    height, width, channels = image_HWC.shape
    data = _compress(filtered(image_HWC.reshape(height, width * channels), channels))
    header = _HEADER.pack(width, height, 8, GREY if channels == 1 else RGB, 0, 0, 0)
    text_chunk = b"" if text is None else _chunk(b"iTXt", KEYWORD.encode() + b"\0" + PLAIN + b"\0\0" + text.encode())
    return b"".join((SIGNATURE, _chunk(b"IHDR", header), text_chunk, _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def filtered(row_HX: npt.NDArray[np.uint8], channels: int) -> npt.NDArray[np.uint8]:
    """Rows uint8 (H, X) as (H, 1 + X), each behind the number of its filter.

    UP where a row repeats the one above, as enlarged ones do; for all others the one filter under which a few of them
    take the least room.
    """
    height, length = row_HX.shape
    out_HX = np.empty((height, 1 + length), np.uint8)
    filter_H, left_HX = out_HX[:, 0], out_HX[:, 1:]
    if out_HX.size <= SMALL:
        filter_H[:], left_HX[:] = NONE, row_HX
        return out_HX
    filter_H[:], left_HX[0] = UP, row_HX[0]
    np.subtract(row_HX[1:], row_HX[:-1], out=left_HX[1:])
    others = np.flatnonzero(np.bitwise_or.reduce(left_HX, axis=1))
    few = others[:: 1 + len(others) // FEW]
    sizes = {
        NONE: len(_compress(row_HX[few])),
        SUB: len(_compress(_sub(row_HX[few], channels))),
        UP: len(_compress(left_HX[few])),
    }
    best = min(sizes, key=sizes.__getitem__)
    if best != UP:
        filter_H[others] = best
        left_HX[others] = row_HX[others] if best == NONE else _sub(row_HX[others], channels)
    return out_HX


def _sub(row_HX: npt.NDArray[np.uint8], channels: int) -> npt.NDArray[np.uint8]:
    out_HX = row_HX.copy()
    out_HX[:, channels:] -= row_HX[:, :-channels]
    return out_HX


def _compress(row_HX: npt.NDArray[np.uint8]) -> bytes:
    return compress(row_HX, LEVEL, WINDOW_BITS)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((_LENGTH_AND_KIND.pack(len(data), kind), data, _CRC.pack(crc32(data, crc32(kind)))))


@dataclass(frozen=True, slots=True)
class PngFile:
    """A checked PNG: its size, its text `ganymede` if any, the chunks of its pixels.

    depth: bits of a channel. is_animated: it has more pictures behind this one.
    """

    width: int
    height: int
    text: str | None
    critical: bytes
    depth: int = 8
    is_animated: bool = False

    def decode_rgba(self) -> npt.NDArray[np.uint8]:
        """Return the pixels as RGBA (H, W, 4), each byte as it is in the file; PictureInvalid if broken or deeper."""
        if self.depth > DEEPEST:
            raise PictureInvalid(f"this PNG has {self.depth} bits a channel; up to {DEEPEST} are read")
        try:
            with Image.open(io.BytesIO(self.critical), formats=["PNG"]) as picture:
                return np.array(picture.convert("RGBA"))
        except Exception as error:  # whatever a stranger's bytes lead to
            raise PictureInvalid("the pixels of this PNG cannot be read") from error

    def decode(self) -> npt.NDArray[np.uint8] | None:
        """Return the pixels as RGB (H, W, 3); None if they are not 8-bit grey or RGB; PictureInvalid if broken."""
        try:
            with Image.open(io.BytesIO(self.critical), formats=["PNG"]) as picture:
                pixels_HWC = np.asarray(picture.convert("RGB")) if picture.mode in ("1", "L", "P", "RGB") else None
                picture.load()
        except Exception as error:  # whatever a stranger's bytes lead to
            raise PictureInvalid("the pixels of this PNG cannot be read") from error
        return pixels_HWC


def read_png(data: bytes, max_pixels: int) -> PngFile:
    """Check the chunks of a PNG; unpack nothing, and keep only its pixels and our text.

    Raises:
        PictureInvalid: it is no PNG, damaged, cut short, larger than `max_pixels`, or its text is not one of ours.
    """
    if not data.startswith(SIGNATURE):
        raise PictureInvalid("the body is no PNG")
    kept, texts, size, kind, at = [SIGNATURE], [], (0, 0), b"", len(SIGNATURE)
    depth, is_animated = 0, False
    while kind != b"IEND":
        kind, content, at = _chunk_at(data, at)
        if (kind == b"IHDR") is not (len(kept) == 1):
            raise PictureInvalid("a PNG has one IHDR chunk, and begins with it")
        if kind == b"IHDR":
            size, depth = _size(content, max_pixels), content[DEPTH_AT]
        is_animated = is_animated or kind == ANIMATION
        if kind[0] & 0x20 == 0 or kind == COLOUR_KEY:  # a capital: without it there is no picture
            kept.append(_chunk(kind, content))
        elif kind == b"iTXt" and content.partition(b"\0")[0] == KEYWORD.encode():
            texts.append(_text(content))
    if len(texts) > 1:
        raise PictureInvalid(f"this PNG has {len(texts)} texts {KEYWORD!r}; one is possible")
    return PngFile(*size, texts[0] if texts else None, b"".join(kept), depth, is_animated)


def _chunk_at(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Return kind and content of the chunk at an offset, and where the next begins."""
    begin = at + _LENGTH_AND_KIND.size
    if begin > len(data):
        raise PictureInvalid("this PNG is cut short")
    length, kind = _LENGTH_AND_KIND.unpack_from(data, at)
    end = begin + length
    if end + _CRC.size > len(data):
        raise PictureInvalid("this PNG is cut short")
    if not (kind.isascii() and kind.isalpha()):
        raise PictureInvalid("this PNG is damaged: a chunk has a name that is none")
    if _CRC.unpack_from(data, end)[0] != crc32(data[at + 4 : end]):
        raise PictureInvalid(f"this PNG is damaged: the checksum of its chunk {kind.decode()} is wrong")
    return kind, data[begin:end], end + _CRC.size


def _size(header: bytes, max_pixels: int) -> tuple[int, int]:
    if len(header) != _HEADER.size:
        raise PictureInvalid("this PNG is damaged: its IHDR chunk has the wrong length")
    width, height = _HEADER.unpack(header)[:2]
    if not 0 < width * height <= max_pixels:
        raise PictureInvalid(f"a picture of 1 to {max_pixels} pixels can be read; this one has {width} x {height}")
    return width, height


def _text(content: bytes) -> str:
    """Return the text of our iTXt chunk; a compressed one is refused, because it may unpack to anything."""
    _, _, rest = content.partition(b"\0")
    if not rest.startswith(PLAIN):
        raise PictureInvalid(f"the text {KEYWORD!r} of this PNG is compressed; this service writes it plain")
    try:
        return rest[len(PLAIN) :].split(b"\0", 2)[2].decode()  # after a language and a translated keyword
    except (IndexError, UnicodeDecodeError):
        raise PictureInvalid(f"the text {KEYWORD!r} of this PNG is no iTXt in UTF-8") from None
