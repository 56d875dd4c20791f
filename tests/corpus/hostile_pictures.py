"""Picture files that were made to do harm, broke on the way, or are more than they seem."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.pictures import chunk, png, segment, tiff, with_chunk, with_riff_chunk, with_segment
from tests.uploads import class_folders, picture, plain, saved, tarred

BOMB = 12 << 20  # bytes that a few kilobytes unpack to
FORMS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
}


def files() -> Iterator[tuple[str, bytes]]:
    """Each with a name that says what it is."""
    yield from _modes()
    yield from _broken()
    yield from _two_at_once()
    yield from _claims()
    yield from _bombs()
    yield from _moving()
    yield from _floats()


def _modes() -> Iterator[tuple[str, bytes]]:
    for form, modes in MODES.items():
        for mode in modes:
            made = Image.new(mode, (9, 7)) if mode in ("I;16", "F") else None
            yield f"{form} of mode {mode}", saved(made, form) if made else picture((9, 7), mode, form)


def _broken() -> Iterator[tuple[str, bytes]]:
    for form in FORMS:
        whole = picture((24, 18), form=form)
        for part in (1, 2, 3):
            yield f"{form} cut to {part}/4", whole[: len(whole) * part // 4]
        yield f"{form} without its last byte", whole[:-1]
        for at in (4, 9, 17, 20, 25, 40):
            yield f"{form} with byte {at} flipped", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        yield f"{form} and a megabyte of nothing", whole + bytes(1 << 20)


def _two_at_once() -> Iterator[tuple[str, bytes]]:
    other = {"zip": class_folders(2), "tar": tarred([("a/a.png", plain("red"))]), "PDF": b"%PDF-1.7\n%%EOF"}
    for form in FORMS[:4]:
        for name, data in other.items():
            yield f"{form} and {name}", picture(form=form) + data
    yield "JPEG that is a page", b"<html><script>alert(1)</script>" + picture(form="JPEG")
    yield "PNG with a page in it", with_chunk(picture(), chunk(b"tEXt", b"Comment\0<script>alert(1)</script>"))
    yield "GIF that is a script", b"GIF89a=1;alert(1)//" + picture(form="GIF")


def _claims() -> Iterator[tuple[str, bytes]]:
    """Sizes, counts and lengths that there are not."""
    for width, height in ((0, 0), (0, 5), (1, 2**31 - 1), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1), (2**32 - 1, 9)):
        header = struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height, 8, 2, 0, 0, 0)
        rest = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        yield f"PNG of {width} x {height}", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rest
    whole = picture()
    for depth, kind in ((3, 2), (16, 3), (255, 255), (0, 0)):
        header = struct.pack(">IIBBBBB", 9, 9, depth, kind, 0, 0, 0)
        yield f"PNG of {depth} bits of kind {kind}", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + whole[33:]
    yield "PNG with two headers", with_chunk(whole, whole[8:33])
    yield "PNG with a chunk of 2 GiB", with_chunk(whole, struct.pack(">I", 2**31) + b"tEXt")
    yield "PNG with wrong checksums", with_chunk(whole, chunk(b"tEXt", b"a\0b", crc=7))
    yield "PNG of 5,000 chunks", with_chunk(whole, b"".join(chunk(b"tEXt", b"a\0b") for _ in range(5000)))
    yield "APNG of 2 billion frames", with_chunk(whole, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)))
    yield "JPEG of 65535 x 65535", _jpeg_of(65535, 65535)
    yield "JPEG of 0 x 0", _jpeg_of(0, 0)
    yield "JPEG of 10,000 segments", with_segment(picture(form="JPEG"), segment(0xE1, b"Exif\0\0") * 10_000)
    yield "GIF of 65535 x 65535", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b","
    yield "WebP of 16 million x 16 million", _canvas()
    yield "WebP with a chunk of 4 GiB", with_riff_chunk(picture(form="WEBP"), b"EXIF", b"x", length=2**32 - 1)
    for height in (-(2**31), -1, 2**31 - 1):
        yield f"BMP {height} high", _bmp(9, height)
    yield "PPM of 10^9 x 10^9", b"P6 1000000000 1000000000 255\n"
    yield "PPM with a number of 100,000 digits", b"P6 " + b"9" * 100_000 + b" 1 255\n"
    yield "PPM below zero", b"P6 -5 5 255\n" + bytes(75)
    grey = np.zeros((4, 4), np.uint8)
    for tag, value in ((256, 2**31), (257, 2**32 - 1), (258, 64), (259, 7), (273, 2**31), (277, 60_000), (279, 2**31)):
        yield f"TIFF with {value} for {tag}", tiff(grey, **{f"t{tag}": value})  # type: ignore[arg-type]
    page = tiff(grey)
    yield "TIFF whose next page is its first", page[:-4] + page[4:8]


def _jpeg_of(width: int, height: int) -> bytes:
    whole = bytearray(picture(form="JPEG"))
    at = whole.index(b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(whole)


def _bmp(width: int, height: int) -> bytes:
    whole = bytearray(plain("red", (9, 9), form="BMP"))
    struct.pack_into("<ii", whole, 18, width, height)
    return bytes(whole)


def _canvas() -> bytes:
    size = (2**24 - 1).to_bytes(3, "little")
    content = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + size * 2
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _bombs() -> Iterator[tuple[str, bytes]]:
    bomb = zlib.compress(bytes(BOMB))
    whole = picture()
    yield "PNG with a text that unpacks to much", with_chunk(whole, chunk(b"zTXt", b"Comment\0\0" + bomb))
    yield "PNG with much text in UTF-8", with_chunk(whole, chunk(b"iTXt", b"ganymede\0\1\0\0\0" + bomb))
    yield "PNG with a profile that unpacks to much", with_chunk(whole, chunk(b"iCCP", b"p\0\0" + bomb))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    yield (
        "PNG with more pixels than it says",
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", bomb) + chunk(b"IEND", b""),
    )
    yield "PNG of many pixels of one colour", plain(0, (10_000, 1000), mode="L")
    yield "WebP of many pixels of one colour", plain("red", (2000, 2000), form="WEBP", lossless=True)
    packed = plain(0, (3000, 3000), mode="L", form="TIFF", compression="tiff_deflate")
    yield "TIFF of many pixels of one colour", packed
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    yield (
        "SVG of a billion laughs",
        f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "a">{laughs}]><svg>&l11;</svg>'.encode(),
    )
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n(%pipe%id) (w) file\n"


def _moving() -> Iterator[tuple[str, bytes]]:
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        frames = [Image.new("RGB", (6, 6), (i, 0, 0)) for i in range(40)]
        buffer = io.BytesIO()
        frames[0].save(buffer, form, save_all=True, append_images=frames[1:])
        yield f"{form} of 40 frames", buffer.getvalue()


def _floats() -> Iterator[tuple[str, bytes]]:
    for name, value in (("NaN", np.nan), ("infinity", np.inf), ("1e38", 1e38)):
        yield f"TIFF of {name}", tiff(np.full((4, 4), value, np.float32))
    yield "PNG of 16 bits", png(np.full((4, 4, 1), 40_000, np.uint16), 0)
    yield "PNG of 16 bits in RGBA", png(np.full((4, 4, 4), 40_000, np.uint16), 6)
