"""A picture's file with nothing in it but what its pixels depend on. Decodes nothing, and knows no picture library.

Decoders refuse a sound picture for what lies beside it: a broken colour profile, a text that unpacks to gigabytes, a
wrong checksum of either. So that is left out before. Where a file is not built as expected, it stays as it is, and the
decoder decides.
"""

import struct
import zlib
from collections.abc import Iterator

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PNG_TRANSPARENCY: dict[int | None, range] = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}  # bytes of tRNS
PNG_TURNED_BY = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # keywords of texts that may turn a picture
JPEG_TURNED_BY = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")
JPEG_COLOURS = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}  # how they begin, and the fewest bytes of one
COMMENT, START_OF_SCAN, RESTARTS = 0xFE, 0xDA, range(0xD0, 0xD9)
MAX_TEXT = 1 << 20
WEBP_PIXELS = frozenset({b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"})
WEBP_FLAGS = {b"EXIF": 0x08, b"XMP ": 0x04}  # in VP8X: that there is one
WEBP_ALPHA_OR_FRAMES = 0x12


def bare(data: bytes, *, is_turned: bool) -> bytes:
    """Remove what the pixels do not depend on; keep what turns them (EXIF, XMP) if `is_turned`."""
    if data.startswith(PNG):
        return _bare_png(data, is_turned)
    if data.startswith(JPEG[:2]):
        return _bare_jpeg(data, is_turned)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _bare_webp(data, is_turned)
    return data


def significant_bits(data: bytes) -> int:
    """Return the most bits of a sample that a PNG declares significant (sBIT); 0: it declares nothing."""
    for kind, content, _ in _png_chunks(data):
        if kind == b"sBIT":
            return max(content, default=0)
        if kind == b"IDAT":
            break
    return 0


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, content and whole of each chunk; the last one may be cut short."""
    at = len(PNG) if data.startswith(PNG) else len(data)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length], data[at : at + 12 + length]
        at += 12 + length


def _bare_png(data: bytes, is_turned: bool) -> bytes:
    """Keep critical chunks, tRNS, and eXIf; recompute the checksums of the last two."""
    kept, colour = [PNG], data[25] if len(data) > 25 else None
    for kind, content, chunk in _png_chunks(data):
        if not kind[0] & 0x20:
            kept.append(chunk)
        elif (kind == b"tRNS" and len(content) in PNG_TRANSPARENCY.get(colour, ())) or (
            is_turned and _turns_png(kind, content)
        ):
            crc = zlib.crc32(kind + content)
            kept.append(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc))
    return b"".join(kept)


def _turns_png(kind: bytes, content: bytes) -> bool:
    if kind == b"eXIf":
        return True
    return kind in (b"iTXt", b"zTXt", b"tEXt") and content.startswith(PNG_TURNED_BY) and len(content) <= MAX_TEXT


def _bare_jpeg(data: bytes, is_turned: bool) -> bytes:
    """Keep everything from the first scan on, and before it no application segments but those for colours."""
    kept, at = [data[:2]], 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == START_OF_SCAN:
            return b"".join((*kept, data[at:]))
        if marker in (0x00, 0xFF) or marker in RESTARTS:
            at += 1  # a fill byte, or what is no marker of a header
            continue
        length = max(2, int.from_bytes(data[at + 2 : at + 4]))
        if _stays_in_jpeg(marker, data[at + 4 : at + 2 + length], is_turned):
            kept.append(data[at : at + 2 + length])
        at += 2 + length
    return data


def _stays_in_jpeg(marker: int, content: bytes, is_turned: bool) -> bool:
    if marker in JPEG_COLOURS:
        begins, least = JPEG_COLOURS[marker]
        return content.startswith(begins) and len(content) >= least
    if marker == 0xE1:
        return is_turned and content.startswith(JPEG_TURNED_BY)
    return marker != COMMENT and marker not in range(0xE0, 0xF0)


def _bare_webp(data: bytes, is_turned: bool) -> bytes:
    """Keep the chunks of the pixels, whatever length the header declares; correct its flags."""
    kept: list[bytearray] = []
    flags, at = 0, 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        chunk = bytearray(data[at : at + 8 + length + length % 2])
        is_whole = len(chunk) >= 8 + length
        if kind in WEBP_PIXELS or (is_turned and is_whole and kind in WEBP_FLAGS):
            kept.append(chunk + bytes(is_whole and len(chunk) % 2))
            flags |= WEBP_FLAGS.get(kind, 0)
        at += 8 + length + length % 2
    for chunk in kept:
        if chunk.startswith(b"VP8X") and len(chunk) > 8:
            chunk[8] = chunk[8] & WEBP_ALPHA_OR_FRAMES | flags
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
