"""Contact sheets and encodings: the layout, and pixels that come back as they were."""

import io

import numpy as np
import pytest
from PIL import Image

from core.media import images


def some_images(count: int, height: int = 5, width: int = 7, channels: int = 1, seed: int = 0) -> images.Images:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def decoded(data: bytes) -> images.Images:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def test_a_sheet_is_filled_row_by_row_without_gaps() -> None:
    cells = some_images(6)

    sheet = images.contact_sheet(cells, columns=3)

    assert sheet.shape == (10, 21, 1)
    for i in range(6):
        row, column = divmod(i, 3)
        assert (sheet[5 * row : 5 * row + 5, 7 * column : 7 * column + 7] == cells[i]).all()


@pytest.mark.parametrize(
    ("count", "columns", "shape"),
    [
        *((1, None, (5, 7, 3)), (2, None, (5, 14, 3)), (4, None, (10, 14, 3)), (5, None, (10, 21, 3))),
        *((64, None, (40, 56, 3)), (3, 1, (15, 7, 3)), (3, 5, (5, 35, 3))),
    ],
)
def test_a_sheet_is_as_square_as_it_gets_unless_columns_are_given(
    count: int, columns: int | None, shape: tuple[int, ...]
) -> None:
    assert images.contact_sheet(some_images(count, channels=3), columns).shape == shape


def test_empty_places_are_black() -> None:
    sheet = images.contact_sheet(np.full((3, 4, 4, 1), 255, np.uint8), columns=2)

    assert (sheet[4:, 4:] == 0).all()
    assert sheet.sum() == 3 * 16 * 255


@pytest.mark.parametrize("channels", [1, 3])
def test_webp_is_lossless(channels: int) -> None:
    image = some_images(1, 28, 32, channels)[0]

    data = images.to_webp(image)

    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP")
    assert (decoded(data) == np.broadcast_to(image, (28, 32, 3))).all()
    assert images.to_webp(image.copy()) == data


def test_an_enlarged_pixel_is_a_square_of_its_colour() -> None:
    batch = some_images(2, 3, 2, 3)

    large = images.enlarge(batch, 4)

    assert large.shape == (2, 12, 8, 3)
    for y, x in np.ndindex(12, 8):
        assert (large[:, y, x] == batch[:, y // 4, x // 4]).all()
    assert images.enlarge(batch, 1) is batch


def test_npy_keeps_the_array() -> None:
    batch = some_images(3, channels=3)

    loaded = np.load(io.BytesIO(images.to_npy(batch)), allow_pickle=False)

    assert loaded.dtype == np.uint8
    assert (loaded == batch).all()
