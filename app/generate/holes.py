"""What is sent to be completed: a picture whose hole is transparent, or a picture and a mask. Trusts nothing in it.

Knows no request and no queue. Shape suffixes: H height, W width, C channels, A = C + 1: the last one is 255 where a
pixel is known, else 0.
"""

import numpy as np
import numpy.typing as npt

from core.errors import InvalidRequest, PictureInvalid
from core.media.images import Images
from core.media.images.png import read_png

PICTURE, MASK = "picture", "mask"
MAX_READ = 2**20  # pixels of a PNG whose header is looked at; which size is wanted is told then
OPAQUE = 255


def read_holed(picture: bytes, mask: bytes | None, side: int, channels: int) -> Images:
    """Read a picture of `side` px with its hole: (H, W, A), nothing in the hole.

    The hole is all that is not opaque, and all that is not black in the mask.

    Raises:
        PictureInvalid: one of them cannot be read, or is not of the size or the colours that the model completes.
        InvalidRequest: there is no hole, or nothing but a hole.
    """
    picture_HW4 = _read(picture, PICTURE, side)
    known_HW = picture_HW4[..., 3] == OPAQUE
    if mask is not None:
        mask_HW4 = _read(mask, MASK, side)
        known_HW &= (mask_HW4[..., :3] == 0).all(axis=2) | (mask_HW4[..., 3] == 0)
    if known_HW.all():
        how = "nothing of the mask is other than black" if mask is not None else "nothing of it is transparent"
        raise InvalidRequest.field(f"/{PICTURE}", f"there is no hole to fill: {how}")
    if not known_HW.any():
        raise InvalidRequest.field(f"/{PICTURE}", "nothing of it is known: one pixel at least is needed")
    pixels_HWC = _in_channels(picture_HW4[..., :3], known_HW, channels)
    return np.dstack([pixels_HWC * known_HW[..., None], np.where(known_HW, np.uint8(OPAQUE), np.uint8(0))])


def _read(data: bytes, part: str, side: int) -> npt.NDArray[np.uint8]:
    """Read one PNG as RGBA (H, W, 4)."""
    try:
        png = read_png(data, MAX_READ)
        if (png.width, png.height) != (side, side):
            raise PictureInvalid(f"this model completes {side} x {side} pixels; it has {png.width} x {png.height}")
        if png.is_animated:
            raise PictureInvalid("it is animated; one picture can be completed at a time")
        return png.decode_rgba()
    except PictureInvalid as error:
        raise PictureInvalid.field(f"/{part}", str(error)) from None


def _in_channels(pixels_HW3: npt.NDArray[np.uint8], known_HW: npt.NDArray[np.bool_], channels: int) -> Images:
    if channels != 1:
        return pixels_HW3
    grey_HW1 = pixels_HW3[..., :1]
    if (pixels_HW3[known_HW] != grey_HW1[known_HW]).any():
        raise PictureInvalid.field(f"/{PICTURE}", "this model completes grey pictures; it has colours")
    return grey_HW1
