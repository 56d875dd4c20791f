"""uint8 images: sizes, contact sheets, larger copies, WebP and .npy files (PNG: png.py). Knows no model and no HTTP.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

Images = npt.NDArray[np.uint8]

LARGEST_SIDE = 512  # pixels of what networks draw


def base_size(side: int) -> int | None:
    """Return 4 or 7, which `side` is a power of two times of, up to 512 px; None if networks draw no such squares."""
    for base in (4, 7) if side <= LARGEST_SIDE else ():
        factor, rest = divmod(side, base)
        if rest == 0 and factor >= 2 and factor & (factor - 1) == 0:
            return base
    return None


def layout(count: int, columns: int | None = None) -> tuple[int, int]:
    """Return rows and columns of a sheet of `count` images."""
    columns = columns or math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def contact_sheet(images_NHWC: Images, columns: int | None = None) -> Images:
    """Lay N images out in rows of `columns` (default: as square as possible): (rows * H, columns * W, C)."""
    count, height, width, channels = images_NHWC.shape
    rows, columns = layout(count, columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = images_NHWC
    grid = cells.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


def enlarge(images_NHWC: Images, scale: int) -> Images:
    """Draw every pixel as a square of scale x scale: (N, scale * H, scale * W, C)."""
    return images_NHWC if scale == 1 else images_NHWC.repeat(scale, axis=1).repeat(scale, axis=2)


def to_webp(image_HWC: Images) -> bytes:
    picture = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=60, method=3)
    return buffer.getvalue()


def to_npy(images_NHWC: Images) -> bytes:
    """Return the array as a .npy file: uint8, N H W C."""
    buffer = io.BytesIO()
    np.save(buffer, images_NHWC, allow_pickle=False)
    return buffer.getvalue()
