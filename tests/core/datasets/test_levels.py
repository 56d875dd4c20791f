"""Pictures of more or fewer than 8 bits: what is black and what is white, in every file that may hold them."""

import contextlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.datasets.levels import NoLevels, Span, levels_of
from core.datasets.members import FileRefused
from core.datasets.picture import Plan, decode, look_at
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.pictures import Pixels, chunk, packed_bits, png, tiff
from tests.uploads import picture, saved, zipped

RAMP = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)  # every 257
FINE = np.random.default_rng(3).integers(0, 65536, (16, 16, 4)).astype(np.uint16)
FINE[0, 0] = 65535


def exact(values: Pixels, white: float) -> Pixels:
    """The nearest of 256 levels."""
    return np.rint(values.astype(np.float64) * 255 / white).astype(np.uint8)


def taken(take: Build, *data: bytes, **form: Any) -> Any:
    built = take(zipped((str(i), each) for i, each in enumerate(data)), **form)
    assert built.report.bad == 0
    return built.content.images_NHWC


def pgm(values: Pixels, white: int, *, is_plain: bool = False) -> bytes:
    head = f"P{'2' if is_plain else '5'}\n{values.shape[1]} {values.shape[0]}\n{white}\n".encode()
    if is_plain:
        return head + " ".join(map(str, values.reshape(-1).tolist())).encode() + b"\n"
    return head + values.astype(">u2" if white > 255 else "u1").tobytes()


def ppm(values: Pixels, white: int) -> bytes:
    return f"P6\n{values.shape[1]} {values.shape[0]}\n{white}\n".encode() + values.astype(">u2").tobytes()


GREYS_OF_16_BITS = {
    "PNG": png(RAMP[..., None], 0),
    "PGM": pgm(RAMP, 65535),
    "plain PGM": pgm(RAMP, 65535, is_plain=True),
    "TIFF": tiff(RAMP),
    "TIFF, big end first": tiff(RAMP, order=">"),
    "packed TIFF": saved(Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"),
    "TIFF where white is zero": tiff(65535 - RAMP, photometric=0),
    "the same, big end first": tiff(65535 - RAMP, photometric=0, order=">"),
    "TIFF of 32 bits": tiff(RAMP.astype(np.uint32)),
    "TIFF of 32 bits with a sign": tiff(RAMP.astype(np.int32), order=">"),
    "TIFF of floats": tiff((RAMP / np.float32(65535)).astype(np.float32)),
    "TIFF of floats where white is zero": tiff((1 - RAMP / np.float32(65535)).astype(np.float32), photometric=0),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in GREYS_OF_16_BITS.items()])
def test_16_bits_are_scaled_to_the_nearest_of_8_in_every_kind_of_file(take: Build, data: bytes) -> None:
    image = taken(take, data)[0]

    assert image.shape == (16, 16, 1)
    assert image.reshape(-1).tolist() == list(range(256))


@pytest.mark.parametrize("white", [1000, 1023, 4095, 16383, 40000])
@pytest.mark.parametrize("is_plain", [True, False])
def test_a_pgm_says_which_value_is_white(take: Build, white: int, is_plain: bool) -> None:
    values = np.linspace(0, white, 256).astype(np.uint16).reshape(16, 16)
    values[0, 1] = values[0, 0]

    image = taken(take, pgm(values, white, is_plain=is_plain))[0, ..., 0]

    assert abs(image.astype(int) - exact(values, white)).max() <= (white == 1000)  # halves go either way
    assert image.max() == 255


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        pytest.param(png(FINE[..., :3].copy(), 2), FINE[..., :3], id="PNG"),
        pytest.param(ppm(FINE[..., :3].copy(), 65535), FINE[..., :3], id="PPM"),
        pytest.param(tiff(FINE[..., :3].copy(), photometric=2), FINE[..., :3], id="TIFF"),
        pytest.param(tiff(FINE[..., :3].copy(), photometric=2, order=">"), FINE[..., :3], id="TIFF, big end first"),
    ],
)
def test_colours_of_16_bits_are_scaled_to_the_nearest_of_8(take: Build, data: bytes, pixels: Pixels) -> None:
    assert (taken(take, data)[0] == exact(pixels, 65535)).all()


def test_colours_of_16_bits_that_are_grey_are_grey(take: Build) -> None:
    assert taken(take, png(np.stack([RAMP] * 3, axis=2), 2)).shape[3] == 1


@pytest.mark.parametrize("kind", [4, 6])
def test_16_bits_with_alpha_show_the_background(take: Build, kind: int) -> None:
    pixels = FINE[..., : 2 if kind == 4 else 4].copy()
    pixels[..., -1] = 65535
    pixels[8:, :, -1] = 0

    image = taken(take, png(pixels, kind), channels="3")[0]

    assert (image[:8] == exact(pixels[:8, :, :-1], 65535)).all()
    assert (image[8:] == 255).all()


@pytest.mark.parametrize(("kind", "key"), [(0, b"\x12\x34"), (2, b"\x12\x34" * 3)])
def test_one_transparent_colour_of_16_bits_shows_the_background(take: Build, kind: int, key: bytes) -> None:
    pixels = np.full((16, 16, 1 if kind == 0 else 3), 0x1235, np.uint16)  # one less would be the same in 8 bits
    pixels[0, 0], pixels[8:] = 65535, 0x1234

    image = taken(take, png(pixels, kind, chunk(b"tRNS", key)), background="white")[0]

    assert (image[1:8] == 0x12).all()
    assert (image[8:] == 255).all()


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("form", ["PNG", "PGM", "TIFF", "negative TIFF", "colours"])
def test_white_is_what_the_brightest_picture_needs_bits_for_and_that_is_told(take: Build, bits: int, form: str) -> None:
    white = 2**bits - 1
    values = np.linspace(0, white, 256).astype(np.uint16).reshape(16, 16)
    data = {
        "PNG": lambda: png(values[..., None], 0),
        "PGM": lambda: pgm(values, 65535),
        "TIFF": lambda: tiff(values),
        "negative TIFF": lambda: tiff(white - values, photometric=0),
        "colours": lambda: png(np.stack([values] * 3, axis=2), 2),
    }[form]()

    built = take(zipped([("a", data)]))

    assert (built.content.images_NHWC[0, ..., 0] == exact(values, white)).all()
    told = [f"pictures of 16 bits use {bits} of them at most: 0 is black and {white} is white"] if bits < 16 else []
    assert built.report.to_body().notes == told


def test_a_dark_picture_stays_dark_beside_a_bright_one(take: Build) -> None:
    dark, bright = np.full((16, 16, 1), 300, np.uint16), np.full((16, 16, 1), 4000, np.uint16)

    images = taken(take, png(dark, 0), png(bright, 0), size="16", channels="1")

    assert images[:, 0, 0, 0].tolist() == [round(300 * 255 / 4095), round(4000 * 255 / 4095)]


def test_bits_that_a_png_declares_are_no_fewer_than_those(take: Build) -> None:
    dark = np.full((16, 16, 1), 300, np.uint16)

    assert taken(take, png(dark, 0, chunk(b"sBIT", b"\x0c")))[0, 0, 0, 0] == round(300 * 255 / 4095)
    assert taken(take, png(dark, 0, chunk(b"sBIT", b"\x10")))[0, 0, 0, 0] == round(300 * 255 / 65535)


def test_12_bits_of_a_tiff_that_says_so_need_no_measuring(take: Build) -> None:
    packed = np.tile(np.array([0x00, 0x10, 0x00], np.uint8), (16, 8))  # 1, 0, 1, 0 ... a byte and a half each
    data = tiff(packed, bits=12, t256=16)

    built = take(zipped([("a", data), ("b", png(RAMP[..., None], 0))]))

    assert built.content.images_NHWC[0].max() == 0
    assert built.report.bad == 0


@pytest.mark.parametrize("is_negative", [False, True])
@pytest.mark.parametrize("bits", [1, 8])
def test_a_tiff_where_white_is_zero_is_no_negative(take: Build, bits: int, is_negative: bool) -> None:
    pixels = np.zeros((16, 16), bool)
    pixels[:8] = True  # bright above
    stored = pixels ^ is_negative
    data = tiff(
        packed_bits(stored) if bits == 1 else stored * np.uint8(255), bits=bits, photometric=1 - is_negative, t256=16
    )

    image = taken(take, data)[0]

    assert (image[:8] == 255).all()
    assert (image[8:] == 0).all()


@pytest.mark.parametrize(("black", "white"), [(0, 1), (-1, 1), (0, 255)])
def test_floats_have_the_levels_that_are_usual(take: Build, black: float, white: float) -> None:
    values = np.linspace(black, white, 256).astype(np.float32).reshape(16, 16)

    built = take(zipped([("a", saved(Image.fromarray(values), "TIFF"))]))

    assert built.content.images_NHWC[0].reshape(-1).tolist() == list(range(256))
    assert built.report.to_body().notes == [f"pictures of floats: {black:g} is black and {white:g} is white"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (np.full((16, 16), -5, np.int32), "whole numbers from -5 to -5; expected 0 to 65535"),
        (np.full((16, 16), 70000, np.int32), "whole numbers from 70000 to 70000"),
        (np.full((16, 16), 300, np.float32), "floats from 300 to 300; expected 0 to 1, -1 to 1 or 0 to 255"),
        (np.full((16, 16), np.nan, np.float32), "not finite"),
    ],
)
def test_a_picture_of_which_nobody_knows_what_is_white_is_refused_and_spoils_no_other(
    take: Build, values: Pixels, complaint: str
) -> None:
    good = saved(Image.fromarray(np.full((16, 16), 1.0, values.dtype)), "TIFF")

    built = take(zipped([("a", saved(Image.fromarray(values), "TIFF")), ("b", good)]))

    assert (built.report.bad, built.report.taken) == (1, 1)
    assert complaint in built.report.to_body().bad_files[0].reason
    assert (built.content.images_NHWC[0] == 255).all()


def test_levels_of_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(NoLevels, match="no real numbers"):
        Span.of(np.array([1j]))


def test_computed_values_may_lie_a_little_outside() -> None:
    assert levels_of(Span(False, -1.0000001, 1.0000001)).white == 1
    with pytest.raises(NoLevels):
        levels_of(Span(False, -1.1, 1))


def test_a_preview_within_a_raw_photo_is_not_taken_for_it(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="preview of another picture, as raw photos do: develop it"):
        take(zipped([("a.tif", tiff(np.zeros((16, 16), np.uint8), t254=1))]))


def test_adobe_cmyk_is_no_negative_whatever_its_transform(take: Build) -> None:
    data = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    at = data.index(b"Adobe") + 11

    plain = taken(take, data)[0]
    ycck = taken(take, data[:at] + b"\2" + data[at + 1 :])[0]

    assert abs(plain.astype(int) - (255, 0, 0)).max() < 12
    assert plain.std(axis=(0, 1)).max() < 2
    assert ycck.shape[2] == 3


def test_no_damage_does_more_than_have_a_file_refused() -> None:
    random = np.random.default_rng(7)
    files = [
        *(picture((12, 12), form=form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "PPM")),
        *(png(FINE[..., :channels].copy(), kind) for channels, kind in ((1, 0), (3, 2), (2, 4), (4, 6))),
        *(tiff(RAMP), tiff(FINE[..., :3].copy(), photometric=2), tiff(RAMP.astype(np.float32))),
        *(pgm(RAMP, 4095), b"\x89PNG\r\n\x1a\n\0\0\0\0tRNS"),
    ]
    plan = Plan(16, 3, is_cropped=True, background=255)

    for i in range(600):
        data = bytearray(files[i % len(files)])
        for _ in range(random.integers(1, 4)):
            data[random.integers(min(len(data), 200))] = random.integers(256)
        with contextlib.suppress(FileRefused):
            look_at(bytes(data), 255, 10**6, lambda: True)
            decode(bytes(data), plan, 10**6)
