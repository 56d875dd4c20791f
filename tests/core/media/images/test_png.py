"""PNG: pixels that come back as they were, and strangers' files that are refused before they do harm."""

import io
import random
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.errors import PictureInvalid
from core.media.images import Images, enlarge
from core.media.images.png import read_png, write_png

ROOT = Path(__file__).resolve().parents[2]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LIMIT = 1 << 16


def noise(height: int = 28, width: int = 32, channels: int = 1, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def ramp(height: int, width: int, channels: int) -> Images:
    """Smooth from above to below: what the filter is for."""
    rows = np.linspace(0, 255, height).astype(np.uint8)
    return np.broadcast_to(rows[:, None, None], (height, width, channels)).copy()


def decoded(data: bytes) -> Images:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int = 2, height: int = 2, depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(*chunks: bytes, head: bytes | None = None) -> bytes:
    """A PNG of 2 x 2 grey pixels with these chunks in it."""
    pixels = chunk(b"IDAT", zlib.compress(b"\0\1\2\0\3\4"))
    return SIGNATURE + (header() if head is None else head) + b"".join(chunks) + pixels + chunk(b"IEND", b"")


IMAGES = {
    "small and grey": noise(),
    "small and in colour": noise(channels=3),
    "large and grey": noise(100, 90),
    "large and in colour": noise(70, 50, 3),
    "one pixel": noise(1, 1, 3),
    "one row": noise(1, 9000),
    "smooth": ramp(200, 100, 1),
    "smooth in colour": ramp(200, 100, 3),
    "smooth from left to right": ramp(100, 200, 3).transpose(1, 0, 2),
    "one column": noise(9000, 1, 3),
    "enlarged": enlarge(noise(20, 20, 3)[None], 8)[0],
    "black": np.zeros((100, 100, 1), np.uint8),
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_every_pixel_is_kept_and_equal_pixels_give_equal_bytes(image: Images) -> None:
    data = write_png(image)

    assert (decoded(data).reshape(image.shape) == image).all()
    assert write_png(image.copy()) == data
    assert write_png(np.asfortranarray(image)) == data


def test_it_says_nothing_but_the_pixels() -> None:
    with Image.open(io.BytesIO(write_png(noise()))) as picture:
        assert picture.info == {}
        assert (picture.mode, picture.size) == ("L", (32, 28))


def test_equal_pixels_give_equal_bytes_in_any_thread_and_order() -> None:
    files = {name: write_png(image) for name, image in IMAGES.items()}
    order = random.Random(0).choices(list(IMAGES), k=500)

    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda name: write_png(IMAGES[name].copy()), order))

    assert again == [files[name] for name in order]


@pytest.mark.parametrize("name", ["small and grey", "smooth", "enlarged"])
def test_equal_pixels_give_equal_bytes_in_another_process(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGES[name])
    load = "import sys, numpy; from core.media.images.png import write_png"
    code = f"{load}; print(write_png(numpy.load(sys.argv[1])).hex())"

    command = [sys.executable, "-c", code, str(tmp_path / "image.npy")]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert bytes.fromhex(written) == write_png(IMAGES[name])


STEPS = noise(100, 100) % 4  # two bits each
SMALL_FILES = {
    "a ramp": (ramp(200, 100, 3), 700),
    "few greys": (STEPS, 3400),
    "in steps from above": (STEPS.cumsum(axis=0, dtype=np.uint8), 3400),
    "in steps from the left": (STEPS.cumsum(axis=1, dtype=np.uint8), 3400),
    "in colour, in steps from the left": ((noise(100, 100, 3) % 4).cumsum(axis=1, dtype=np.uint8), 10000),
    "enlarged": (enlarge(noise(16, 16, 3)[None], 8)[0], 3000),  # 768 bytes, 64 times each
}


@pytest.mark.parametrize(("image", "most"), SMALL_FILES.values(), ids=SMALL_FILES)
def test_what_is_simple_is_small(image: Images, most: int) -> None:
    assert len(write_png(image)) < most


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_a_reader_with_no_more_memory_than_the_file_asks_for_can_read_it(image: Images) -> None:
    data = write_png(image)
    begin = data.index(b"IDAT") + 4
    (length,) = struct.unpack_from(">I", data, begin - 8)

    window = zlib.decompressobj(wbits=9)
    rows = window.decompress(data[begin : begin + length])

    assert window.eof
    assert len(rows) == image.shape[0] * (1 + image.shape[1] * image.shape[2])


def test_a_text_is_read_by_others_and_by_us() -> None:
    text = '{"model": "dïgits"}'

    data = write_png(noise(), text)

    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info == {"ganymede": text}
    assert read_png(data, LIMIT).text == text


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_what_was_written_is_read(image: Images) -> None:
    picture = read_png(write_png(image, "told"), LIMIT)

    assert (picture.height, picture.width) == image.shape[:2]
    pixels = picture.decode()
    assert pixels is not None
    assert (pixels == image).all()  # grey is broadcast


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_picture_that_another_program_saved_is_read_too(mode: str) -> None:
    buffer = io.BytesIO()
    told = PngImagePlugin.PngInfo()
    told.add_itxt("ganymede", "told", lang="en", tkey="Ganymède")
    told.add_text("Comment", "x" * 2000, zip=True)
    Image.fromarray(noise(channels=3)).convert(mode).save(buffer, "PNG", pnginfo=told)

    picture = read_png(buffer.getvalue(), LIMIT)

    assert picture.text == "told"
    assert picture.decode() is not None


@pytest.mark.parametrize("mode", ["LA", "RGBA", "I;16"])
def test_pixels_that_are_more_than_colours_are_none_of_ours(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (3, 3)).save(buffer, "PNG")

    assert read_png(buffer.getvalue(), LIMIT).decode() is None


def test_a_picture_without_a_text_has_none() -> None:
    other = chunk(b"iTXt", b"other\0\0\0\0\0text")

    assert read_png(png(other), LIMIT).text is None


BOMB = zlib.compress(b"\0" * 10_000_000)
HOSTILE = {
    "nothing": (b"", "no PNG"),
    "text": (b"hello", "no PNG"),
    "JPEG": (b"\xff\xd8\xff\xe0" + b"\0" * 100, "no PNG"),
    "the signature alone": (SIGNATURE, "cut short"),
    "half": (write_png(noise())[:300], "cut short"),
    "without its end": (png()[:-12], "cut short"),
    "a length beyond the end": (SIGNATURE + b"\xff\xff\xff\xffIHDR", "cut short"),
    "a flipped bit": (png()[:45] + bytes([png()[45] ^ 1]) + png()[46:], "checksum"),
    "a chunk without a name": (png(chunk(b"a\0b1", b"")), "a name that is none"),
    "no header": (SIGNATURE + chunk(b"IEND", b""), "begins with it"),
    "two headers": (png(header()), "one IHDR"),
    "a short header": (png(head=chunk(b"IHDR", b"\0\0\0\1")), "wrong length"),
    "no width": (png(head=header(width=0)), "1 to 65536 pixels"),
    "too many pixels": (png(head=header(width=2**31 - 1, height=2**31 - 1)), "1 to 65536 pixels"),
    "one pixel too many": (png(head=header(width=LIMIT + 1, height=1)), "1 to 65536 pixels"),
    "a compressed text": (png(chunk(b"iTXt", b"ganymede\0\1\0\0\0" + BOMB)), "compressed"),
    "an unknown compression": (png(chunk(b"iTXt", b"ganymede\0\0\7\0\0text")), "compressed"),
    "a text without its parts": (png(chunk(b"iTXt", b"ganymede\0\0\0en")), "no iTXt"),
    "a text that is no UTF-8": (png(chunk(b"iTXt", b"ganymede\0\0\0\0\0\xff\xfe")), "no iTXt"),
    "two texts": (png(*[chunk(b"iTXt", b"ganymede\0\0\0\0\0text")] * 2), "2 texts"),
}


@pytest.mark.parametrize(("data", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_sound_png_is_refused_with_the_reason(data: bytes, told: str) -> None:
    with pytest.raises(PictureInvalid, match=told):
        read_png(data, LIMIT)


UNREADABLE = {
    "pixels that are no zlib stream": SIGNATURE + header() + chunk(b"IDAT", b"hello") + chunk(b"IEND", b""),
    "no pixels": SIGNATURE + header() + chunk(b"IEND", b""),
    "too few pixels": SIGNATURE + header(9, 9) + chunk(b"IDAT", zlib.compress(b"\0\1")) + chunk(b"IEND", b""),
    "an unknown kind of colour": png(head=header(colour=9)),
    "an unknown depth": png(head=header(depth=7)),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_pixels_that_cannot_be_read_are_told_as_that(data: bytes) -> None:
    picture = read_png(data, LIMIT)

    with pytest.raises(PictureInvalid, match="pixels of this PNG cannot be read"):
        picture.decode()


def test_pixels_that_unpack_to_far_more_than_the_header_says_take_no_memory() -> None:
    data = SIGNATURE + header() + chunk(b"IDAT", BOMB) + chunk(b"IEND", b"")

    pixels = read_png(data, LIMIT).decode()

    assert pixels is not None
    assert pixels.shape == (2, 2, 3)


def test_a_compressed_comment_is_not_unpacked() -> None:
    comment = chunk(b"zTXt", b"Comment\0\0" + BOMB)

    picture = read_png(png(comment), LIMIT)

    assert b"zTXt" not in picture.critical
    assert picture.decode() is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4), st.booleans())
def test_no_damage_does_more_than_be_refused(damage: list[tuple[int, int]], is_mended: bool) -> None:
    data = bytearray(write_png(noise(8, 8), "told"))
    for at, value in damage:
        data[at % len(data)] = value

    try:
        pixels = read_png(mended(bytes(data)) if is_mended else bytes(data), LIMIT).decode()
    except PictureInvalid:
        return

    assert pixels is None or pixels.ndim == 3


def mended(data: bytes) -> bytes:
    """The same with every checksum right, as an attacker would send it."""
    out, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length
    return out
