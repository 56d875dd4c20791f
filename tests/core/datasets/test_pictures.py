"""Pictures of every kind become images of one size: what is seen of each, and what auto comes to."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.uploads import picture, plain, saved, zipped

RED = (255, 0, 0)


def one(take: Build, data: bytes, name: str = "a.png", **form: Any) -> Any:
    """The image that one picture becomes, (H, W, C)."""
    return take(zipped([(name, data)]), **{"size": "16", **form}).content.images_NHWC[0]


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")),
        *(("WEBP", mode, {"lossless": True}) for mode in ("RGB", "RGBA")),
        *(("GIF", mode, {}) for mode in ("L", "P")),
        *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB")),
        *(("TIFF", mode, {"compression": "tiff_lzw"}) for mode in ("L", "RGB", "RGBA")),
        *(("PPM", mode, {}) for mode in ("1", "L", "RGB")),
    ],
)
def test_every_kind_of_picture_is_read(take: Build, form: str, mode: str, options: dict[str, Any]) -> None:
    data = picture((40, 30), mode, form, **options)

    for channels in ("1", "3"):
        built = take(zipped([("a", data)]), size="32", channels=channels)
        assert built.content.images_NHWC.shape == (1, 32, 32, int(channels))
        assert built.content.images_NHWC.std() > 5
        assert (built.report.taken, built.report.bad, built.report.enlarged) == (1, 0, 1)


def test_a_picture_of_the_size_keeps_every_pixel(take: Build) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)

    image = one(take, saved(Image.fromarray(pixels)), size="28")

    assert (image == pixels).all()


def test_the_middle_square_is_kept_or_all_of_it_with_margins(take: Build) -> None:
    wide = Image.new("RGB", (96, 32), "blue")
    wide.paste(RED, (32, 0, 64, 32))

    cropped, whole, on_black = (
        one(take, saved(wide), size="32", **form)
        for form in ({}, {"crop": "none"}, {"crop": "none", "background": "black"})
    )

    assert (cropped[:, 2:-2] == RED).all()
    assert (whole[:10] == 255).all()
    assert (on_black[:10] == 0).all()
    assert (whole[22:] == 255).all()
    assert (whole[16, 13:19] == RED).all()
    assert (whole[16, :8] == (0, 0, 255)).all()


def test_a_picture_is_turned_as_its_exif_says(take: Build) -> None:
    upright = Image.new("RGB", (16, 16), "black")
    upright.paste("white", (0, 0, 16, 8))  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = saved(upright.rotate(90), "PNG", exif=exif)

    image = one(take, turned)

    assert (image[:8] == 255).all()
    assert (image[8:] == 0).all()


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0)])
def test_the_background_shines_through_what_is_transparent(take: Build, background: str, level: int) -> None:
    sprite = Image.new("RGBA", (16, 16), (9, 9, 9, 0))
    sprite.paste((200, 100, 0, 255), (0, 0, 8, 16))
    palette = sprite.quantize(4)

    images = [one(take, saved(kind), background=background) for kind in (sprite, palette)]

    for image in images:
        assert (image[:, 8:] == level).all()
        assert (image[:, :8] == (200, 100, 0)).all()


def test_16_bits_become_8(take: Build) -> None:
    deep = np.array([[0, 128, 32768, 65535]], np.uint16).repeat(4, axis=0).repeat(4, axis=0).repeat(4, axis=1)

    image = one(take, saved(Image.fromarray(deep)))

    assert image.shape == (16, 16, 1)
    assert image[0, ::4, 0].tolist() == [0, 0, 128, 255]


def test_of_several_frames_the_first_is_taken(take: Build) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    animated = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)

    assert (one(take, animated, name="a.webp") == RED).all()


def test_cmyk_is_read_as_colours(take: Build) -> None:
    image = one(take, plain((0, 255, 255, 0), mode="CMYK", form="JPEG", quality=100), name="a.jpg")

    assert abs(image.astype(int) - RED).max() < 12


def test_a_huge_jpeg_is_averaged_down_and_not_sampled(take: Build) -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255

    image = one(take, saved(Image.fromarray(stripes), "JPEG", quality=95), name="a.jpg")

    assert abs(image.astype(int) - 127).max() < 20


@pytest.mark.parametrize(
    ("sizes", "crop", "expected"),
    [
        ([(28, 28)] * 3, "centre", 28),
        ([(8, 8)] * 3, "centre", 8),
        ([(128, 128)] * 3, "centre", 128),
        ([(30, 30)] * 3, "centre", 28),
        ([(600, 400)] * 3, "centre", 64),
        ([(40, 100), (70, 60), (20, 20)], "centre", 32),
        ([(40, 100), (70, 60), (20, 20)], "none", 64),
        ([(5, 9)], "centre", 16),
    ],
)
def test_auto_finds_a_size_that_half_of_the_pictures_have(
    take: Build, sizes: list[tuple[int, int]], crop: str, expected: int
) -> None:
    entries = [(f"{i}.png", plain("red", size)) for i, size in enumerate(sizes)]

    images = take(zipped(entries), crop=crop).content.images_NHWC

    assert images.shape == (len(sizes), expected, expected, 3)


GREY_SPRITE = Image.new("RGBA", (16, 16), (255, 0, 0, 0))  # red where nobody sees it
GREY_SPRITE.paste((90, 90, 90, 255), (0, 0, 8, 8))
SPOT = Image.new("RGB", (600, 600), (90, 90, 90))
SPOT.paste((255, 0, 0), (0, 0, 100, 100))


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([Image.new(mode, (16, 16)) for mode in ("L", "1", "LA", "I;16")], 1),
        ([Image.new(mode, (16, 16)) for mode in ("RGB", "RGBA", "P", "L")], 1),
        ([GREY_SPRITE], 1),
        ([Image.new("RGB", (16, 16), (90, 90, 91))], 3),
        ([Image.new("L", (16, 16)), SPOT], 3),
        ([Image.new("RGB", (16, 16), "red").quantize(4)], 3),
    ],
)
def test_auto_takes_one_channel_where_every_pixel_is_grey_whatever_the_file_could_hold(
    take: Build, pictures: list[Image.Image], expected: int
) -> None:
    entries = [(f"{i}.png", saved(picture)) for i, picture in enumerate(pictures)]

    assert take(zipped(entries)).content.images_NHWC.shape[3] == expected


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_a_grey_photo_kept_with_colours_is_grey(take: Build, form: str) -> None:
    photo = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("RGB")

    built = take(zipped([("a", saved(photo, form, quality=90))]))

    assert built.content.images_NHWC.shape == (1, 16, 16, 1)


def test_broken_pictures_say_nothing_about_colour(take: Build) -> None:
    broken = picture((16, 16))[:400]

    built = take(zipped([("a", saved(Image.new("L", (16, 16)))), ("b", broken)]))

    assert built.content.images_NHWC.shape[3] == 1
    assert built.report.bad == 1


def test_folders_are_classes_in_the_order_of_their_names_whatever_the_order_in_the_archive(take: Build) -> None:
    entries = [(f"data/{name}/{i}.png", plain((10 * i, 0, 0))) for i, name in enumerate(["10", "9", "b", "a", "9"])]

    first, second = take(zipped(entries)), take(zipped(reversed(entries)))

    assert first.content.class_names == ("9", "10", "a", "b")
    assert first.content.labels_N is not None
    reds = first.content.images_NHWC[:, 0, 0, 0].tolist()
    assert sorted(zip(reds, first.content.labels_N.tolist(), strict=True)) == [
        (0, 1),
        (10, 0),
        (20, 3),
        (30, 2),
        (40, 0),
    ]
    assert first.content.digest == second.content.digest


@pytest.mark.parametrize("folder", ["", "flat/", "a/b/c/"])
def test_without_folders_of_their_own_pictures_have_no_classes(take: Build, folder: str) -> None:
    content = take(zipped([(f"{folder}{i}.png", plain("red")) for i in range(3)])).content

    assert (content.labels_N, content.class_names) == (None, ())


def test_a_picture_beside_the_class_folders_is_told_as_having_no_class(take: Build) -> None:
    built = take(zipped([("a/1.png", plain("red")), ("b/x/1.png", plain("red")), ("0.png", plain("red"))]))

    assert built.content.class_names == ("a", "b")
    assert [(bad.name, bad.reason) for bad in built.report.to_body().bad_files] == [
        ("0.png", "lies in no class folder, and others do")
    ]


def test_a_class_of_bad_files_alone_is_no_class(take: Build) -> None:
    built = take(zipped([("a/1.png", plain("red")), ("b/1.png", plain("red")), ("c/1.png", b"no picture")]))

    assert built.content.class_names == ("a", "b")


def test_what_file_managers_leave_behind_is_ignored(take: Build) -> None:
    junk = ["__MACOSX/a/._1.png", "a/.DS_Store", "a/Thumbs.db", ".hidden/1.png", "b/desktop.ini"]
    entries = [("a/1.png", plain("red")), ("b/1.png", plain("red")), *((name, b"junk") for name in junk)]

    report = take(zipped(entries)).report.to_body()

    assert (report.taken, report.bad, report.ignored, report.files) == (2, 0, 5, 7)


def test_more_classes_than_networks_take_are_refused(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="1 to 1000 different names, got 1001"):
        take(zipped((f"{i}/1.png", b"") for i in range(1001)), limits=LIMITS.model_copy(update={"files": 5000}))
