"""uint8 images to files: contact sheets, PNG, WebP. Knows no model and no HTTP.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

Images = npt.NDArray[np.uint8]

PNG_LEVEL = 6  # zlib level; generated pictures are small, and a cached one is sent more often than it is made


def contact_sheet(images_NHWC: Images, columns: int | None = None) -> Images:
    """Lay N images out in rows of `columns` (default: as square as it gets), without gaps; empty places are black.

    Returns (rows * H, columns * W, C).
    """
    count, height, width, channels = images_NHWC.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = images_NHWC
    grid = cells.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


def to_png(image_HWC: Images) -> bytes:
    """PNG of one image; equal pixels give equal bytes."""
    return _encode(image_HWC, "PNG", compress_level=PNG_LEVEL)


def to_webp(image_HWC: Images) -> bytes:
    """Lossless WebP of one image."""
    return _encode(image_HWC, "WEBP", lossless=True, quality=60, method=3)


def to_npy(images_NHWC: Images) -> bytes:
    """The array as a .npy file: uint8, N H W C."""
    buffer = io.BytesIO()
    np.save(buffer, images_NHWC, allow_pickle=False)
    return buffer.getvalue()


def _encode(image_HWC: Images, form: str, **options: object) -> bytes:
    picture = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
