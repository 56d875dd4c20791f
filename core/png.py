"""PNG as this service writes it, and as it reads what it is sent: 8 bits, grey or RGB, with one text. Knows no model.

Written here rather than by Pillow, which takes about twice as long, or longer (docs/decisions/0005-png.md).
Read by Pillow, but only after the chunks were looked at: what a stranger sends may unpack to more than there is memory.

Shape suffixes: H height, W width, C channels (1 or 3).
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.errors import PictureInvalid

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = "ganymede"  # of the iTXt chunk that tells how a picture was drawn
ENCODER = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"  # the bytes of a PNG depend on it, its pixels do not
NONE, UP = 0, 2  # filters: the bytes as they are, or less those of the row above
GREY, RGB = 0, 2  # colour types
SMALL = 4096  # bytes; fewer are written as they are: looking at them would take longer than they take to compress
PLAIN = b"\0\0"  # of iTXt: not compressed

_LENGTH_AND_KIND = struct.Struct(">I4s")
_HEADER = struct.Struct(">IIBBBBB")
_CRC = struct.Struct(">I")


def write_png(image_HWC: npt.NDArray[np.uint8], text: str | None = None) -> bytes:
    """A PNG of one image, with `text` as its iTXt chunk `ganymede`; equal pixels and texts give equal bytes."""
    height, width, channels = image_HWC.shape
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    data = packer.compress(_filtered(image_HWC.reshape(height, width * channels))) + packer.flush()
    header = _HEADER.pack(width, height, 8, GREY if channels == 1 else RGB, 0, 0, 0)
    told = b"" if text is None else _chunk(b"iTXt", KEYWORD.encode() + b"\0" + PLAIN + b"\0\0" + text.encode())
    return b"".join((SIGNATURE, _chunk(b"IHDR", header), told, _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _filtered(row_HX: npt.NDArray[np.uint8]) -> memoryview:
    """Each row behind the number of its filter; of the two filters the one that leaves the smaller numbers."""
    height, length = row_HX.shape
    out = np.empty((height, 1 + length), np.uint8)
    if out.size > SMALL:
        out[:, 0] = UP
        out[0, 1:] = row_HX[0]
        np.subtract(row_HX[1:], row_HX[:-1], out=out[1:, 1:])
        if _sum(out[:, 1:]) < _sum(row_HX):
            return out.data
    out[:, 0] = NONE
    out[:, 1:] = row_HX
    return out.data


def _sum(row_HX: npt.NDArray[np.uint8]) -> int:
    """How far the bytes are from 0 in all, 255 being as near as 1 (libpng's rule of thumb for choosing a filter)."""
    signed = row_HX.view(np.int8)
    return int((signed ^ (signed >> 7)).sum(dtype=np.int64))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((_LENGTH_AND_KIND.pack(len(data), kind), data, _CRC.pack(zlib.crc32(data, zlib.crc32(kind)))))


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG whose chunks were looked at: its size, its text `ganymede` if any, the chunks that are its pixels."""

    width: int
    height: int
    text: str | None
    critical: bytes

    def decode(self) -> npt.NDArray[np.uint8] | None:
        """The pixels as RGB (H, W, 3); None where they are more than grey or RGB of 8 bits can say.

        Raises:
            PictureInvalid: they cannot be read.
        """
        try:
            with Image.open(io.BytesIO(self.critical), formats=["PNG"]) as picture:
                pixels_HWC = np.asarray(picture.convert("RGB")) if picture.mode in ("1", "L", "P", "RGB") else None
                picture.load()
        except Exception as error:  # whatever a stranger's bytes lead to
            raise PictureInvalid("the pixels of this PNG cannot be read") from error
        return pixels_HWC


def read_png(data: bytes, max_pixels: int) -> Picture:
    """Look at the chunks of a PNG: nothing is unpacked, and what is no pixel and not our text is left out.

    Raises:
        PictureInvalid: it is no PNG, damaged or cut short, has more than `max_pixels`, or a text in no form of ours.
    """
    if not data.startswith(SIGNATURE):
        raise PictureInvalid("the body is no PNG")
    kept, texts, size, kind, at = [SIGNATURE], [], (0, 0), b"", len(SIGNATURE)
    while kind != b"IEND":
        kind, content, at = _chunk_at(data, at)
        if (kind == b"IHDR") is not (len(kept) == 1):
            raise PictureInvalid("a PNG has one IHDR chunk, and begins with it")
        if kind == b"IHDR":
            size = _size(content, max_pixels)
        if kind[0] & 0x20 == 0:  # a capital: without it there is no picture
            kept.append(_chunk(kind, content))
        elif kind == b"iTXt" and content.partition(b"\0")[0] == KEYWORD.encode():
            texts.append(_text(content))
    if len(texts) > 1:
        raise PictureInvalid(f"this PNG has {len(texts)} texts {KEYWORD!r}; one is possible")
    return Picture(*size, texts[0] if texts else None, b"".join(kept))


def _chunk_at(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Kind and content of the chunk at an offset, and where the next one begins."""
    begin = at + _LENGTH_AND_KIND.size
    if begin > len(data):
        raise PictureInvalid("this PNG is cut short")
    length, kind = _LENGTH_AND_KIND.unpack_from(data, at)
    end = begin + length
    if end + _CRC.size > len(data):
        raise PictureInvalid("this PNG is cut short")
    if not (kind.isascii() and kind.isalpha()):
        raise PictureInvalid("this PNG is damaged: a chunk has a name that is none")
    if _CRC.unpack_from(data, end)[0] != zlib.crc32(data[at + 4 : end]):
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
    """The text of an iTXt chunk of ours. A compressed one is not: it may unpack to anything."""
    _, _, rest = content.partition(b"\0")
    if not rest.startswith(PLAIN):
        raise PictureInvalid(f"the text {KEYWORD!r} of this PNG is compressed; this service writes it plain")
    try:
        return rest[len(PLAIN) :].split(b"\0", 2)[2].decode()  # after a language and a translated keyword
    except (IndexError, UnicodeDecodeError):
        raise PictureInvalid(f"the text {KEYWORD!r} of this PNG is no iTXt in UTF-8") from None
