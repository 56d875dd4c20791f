"""Pixels decide: a picture is taken whatever is wrong beside them, and refused when they are wrong themselves."""

import struct
import zlib
from typing import Any
from zipfile import ZIP_STORED

import numpy as np
import pytest
from PIL import Image

from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.pictures import chunk, segment, with_chunk, with_riff_chunk, with_segment
from tests.uploads import saved, zipped

PIXELS = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
PICTURE = Image.fromarray(PIXELS)
PNG, JPEG = saved(PICTURE), saved(PICTURE, "JPEG", quality=95)
WEBP = saved(PICTURE, "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
BOMB = zlib.compress(bytes(50_000_000))
LOOP = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0"  # an EXIF that points to itself

SOUND_PNGS = {
    "EXIF that is none": with_chunk(PNG, chunk(b"eXIf", b"junk" * 5)),
    "EXIF cut short": with_chunk(PNG, chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff")),
    "EXIF in circles": with_chunk(PNG, chunk(b"eXIf", LOOP)),
    "EXIF as a text that is none": with_chunk(
        PNG, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  zz\nno hex"))
    ),
    "a wrong checksum of a text": with_chunk(PNG, chunk(b"tEXt", b"a\0b", 1)),
    "a wrong checksum of something unknown": with_chunk(PNG, chunk(b"abCd", b"a", 1)),
    "a wrong checksum of the transparency": with_chunk(PNG, chunk(b"tRNS", bytes(6), 1)),
    "a text of two megabytes": with_chunk(PNG, chunk(b"tEXt", b"a\0" + b"b" * 2_000_000)),
    "a text that unpacks to 50 megabytes": with_chunk(PNG, chunk(b"zTXt", b"a\0\0" + BOMB)),
    "the same in UTF-8": with_chunk(PNG, chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)),
    "the same behind the pixels": with_chunk(PNG, chunk(b"zTXt", b"a\0\0" + BOMB), late=True),
    "the same as what may turn it": with_chunk(PNG, chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB)),
    "a profile that unpacks to 50 megabytes": with_chunk(PNG, chunk(b"iCCP", b"a\0\0" + BOMB)),
    "a profile packed in no known way": with_chunk(PNG, chunk(b"iCCP", b"a\0\7abc")),
    **{f"{kind.decode()} without content": with_chunk(PNG, chunk(kind, b"")) for kind in (b"pHYs", b"gAMA", b"cHRM")},
    **{f"{kind.decode()} without content": with_chunk(PNG, chunk(kind, b"")) for kind in (b"tRNS", b"acTL", b"fcTL")},
    "bytes behind the end": PNG + b"junk" * 999,
}
SOUND_WEBPS = {
    "EXIF that is none": saved(PICTURE, "WEBP", lossless=True, exif=b"junk" * 5),
    "EXIF cut short": WEBP[:-6],
    "EXIF longer than the file": with_riff_chunk(saved(PICTURE, "WEBP", lossless=True), b"EXIF", b"II*\0", 9999),
    "a profile that is none": saved(PICTURE, "WEBP", lossless=True, icc_profile=b"junk" * 20),
    "a file that says it is shorter": WEBP[:4] + struct.pack("<I", 30) + WEBP[8:],
    "a file that says it is longer": WEBP[:4] + struct.pack("<I", len(WEBP) + 100) + WEBP[8:],
    "bytes behind the end": WEBP + b"junk" * 99,
}
SOUND_JPEGS = {
    "EXIF that is none": with_segment(JPEG, segment(0xE1, b"Exif\0\0" + b"junk" * 5)),
    "EXIF in circles": with_segment(JPEG, segment(0xE1, b"Exif\0\0" + LOOP)),
    "a profile of too few bytes": with_segment(JPEG, segment(0xE2, b"ICC_PROFILE\0")),
    "a profile of a megabyte": with_segment(
        JPEG, b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 20]) + bytes(60_000)) for i in range(1, 21))
    ),
    "Photoshop's notes cut short": with_segment(JPEG, segment(0xED, b"Photoshop 3.0\0" + b"8BIM")),
    "a list of pictures that is none": with_segment(JPEG, segment(0xE2, b"MPF\0junk")),
    "JFIF of too few bytes": with_segment(JPEG, segment(0xE0, b"JFIF\0")),
    "Adobe's mark of too few bytes": with_segment(JPEG, segment(0xEE, b"Adobe")),
    "a segment without a length": with_segment(JPEG, b"\xff\xe5\0\0"),
    "a long comment": with_segment(JPEG, segment(0xFE, bytes(60_000)) * 20),
    "junk before the first segment": with_segment(JPEG, b"junk"),
    "junk before the end": JPEG[:-2] + b"junk" + JPEG[-2:],
    "bytes behind the end": JPEG + b"junk" * 999,
    "a second picture": saved(PICTURE, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))], quality=95),
}
SOUND_TIFFS = {"an EXIF in circles": saved(PICTURE, "TIFF", exif=LOOP)}
UNSOUND = {
    "a PNG cut short": PNG[: len(PNG) // 2],
    "a PNG with a wrong checksum of its header": PNG[:30] + bytes([PNG[30] ^ 1]) + PNG[31:],
    "a WebP cut short": WEBP[: len(WEBP) // 2],
    "a JPEG cut short": JPEG[: len(JPEG) * 3 // 4],
    "a JPEG of segments alone": JPEG[:100],
    "a TIFF cut short": saved(PICTURE, "TIFF")[:500],
    "a GIF cut short": saved(PICTURE, "GIF")[:200],
}


def named(*groups: dict[str, bytes]) -> Any:
    return [pytest.param(data, id=name) for group in groups for name, data in group.items()]


@pytest.mark.parametrize("data", named(SOUND_PNGS, SOUND_WEBPS, SOUND_TIFFS))
def test_what_is_wrong_beside_the_pixels_does_not_matter(take: Build, data: bytes) -> None:
    built = take(zipped([("a", data)], ZIP_STORED))

    assert (built.content.images_NHWC[0] == PIXELS).all()
    assert built.report.bad == 0


@pytest.mark.parametrize("data", named(SOUND_JPEGS))
def test_nor_does_it_in_a_jpeg(take: Build, data: bytes) -> None:
    sound = take(zipped([("a", JPEG)])).content.images_NHWC[0]

    image = take(zipped([("a", data)], ZIP_STORED)).content.images_NHWC[0]

    assert (image == sound).all()


@pytest.mark.parametrize("data", named(UNSOUND))
def test_what_is_wrong_with_the_pixels_is_refused(take: Build, data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="there is no picture in it") as refused:
        take(zipped([("a", data)]))

    assert "can" in str(refused.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says_in_every_kind_of_file(take: Build, form: str, turn: int) -> None:
    corner = Image.new("L", (16, 16), 0)
    corner.paste(255, (0, 0, 8, 4))  # wide, at the left of the top
    exif = Image.Exif()
    exif[0x0112] = turn
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose: 0 and 1 flip, 2 to 4 rotate, 5 and 6 both
    sent = corner.transpose(Image.Transpose(undone[turn])) if turn > 1 else corner
    data = saved(sent.convert("RGB"), form, exif=exif, quality=95)

    image = take(zipped([("a", data)])).content.images_NHWC[0]

    assert abs(image[..., 0].astype(int) - np.asarray(corner)).max() < 30


def test_a_picture_with_a_broken_text_is_still_turned(take: Build) -> None:
    upright = Image.new("L", (16, 16), 0)
    upright.paste(255, (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)

    image = take(zipped([("a", with_chunk(data, chunk(b"tEXt", b"a\0b", 1)))])).content.images_NHWC[0]

    assert (image[..., 0] == np.asarray(upright)).all()


def test_transparency_with_a_wrong_checksum_is_transparency(take: Build) -> None:
    picture = Image.new("RGB", (16, 16), "black")
    picture.paste("red", (0, 0, 8, 16))

    image = take(zipped([("a", with_chunk(saved(picture), chunk(b"tRNS", bytes(6), 1)))])).content.images_NHWC[0]

    assert (image[:, 8:] == 255).all()
    assert (image[:, :8] == (255, 0, 0)).all()


def test_an_animation_is_its_first_frame_in_every_kind_of_file(take: Build) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]

    for form, options in (("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("AVIF", {})):
        data = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
        image = take(zipped([("a", data)]), channels="3").content.images_NHWC[0]
        assert abs(image.astype(int) - (255, 0, 0)).max() < 8, form
