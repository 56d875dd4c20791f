"""One picture of any kind to a square of uint8: what a stranger's file leads to ends here. Knows no archive.

Shape suffixes: H height, W width, C channels (1 or 3).
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from core.images import Images
from core.intake.archive import FileRefused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SHOWN_FORMATS = "PNG, JPEG, WebP, GIF, BMP, TIFF or PPM"
SUFFIXES = frozenset(
    {"png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff", "pbm", "pgm", "ppm", "pnm"}
)
GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"})
DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
UNRANGED_MODES = frozenset({"I", "F"})
REDUCING_GAP = 3.0  # far larger pictures are averaged down to so many times the size, then filtered (Lanczos)
OPENED_WITHIN = 2  # a JPEG may be decoded smaller, to no less than so many times the size


@dataclass(frozen=True, slots=True)
class Shape:
    """What a picture is before it is decoded; one that is to be turned has its sides the other way round."""

    width: int
    height: int
    is_grey: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What every picture becomes."""

    size: int
    channels: int
    is_cropped: bool
    background: int  # grey level


def look_at(data: bytes, max_pixels: int) -> Shape:
    """The shape of a picture; FileRefused if it is none that may be decoded."""
    with _opened(data, max_pixels) as picture:
        return Shape(*picture.size, picture.mode in GREY_MODES)


def decode(data: bytes, plan: Plan, max_pixels: int) -> tuple[Images, bool]:
    """A picture as (size, size, C), and whether it had to be enlarged; FileRefused if it cannot be read."""
    with _opened(data, max_pixels) as picture:
        try:
            picture.draft(None, (OPENED_WITHIN * plan.size, OPENED_WITHIN * plan.size))
            upright = ImageOps.exif_transpose(picture)  # decodes
            flat = _flattened(upright, plan)
        except FileRefused:
            raise
        except MemoryError:
            raise FileRefused("takes more memory than there is") from None
        except Exception as error:  # whatever a stranger's bytes lead to
            raise FileRefused(f"cannot be decoded: {_reason(error)}") from None
    return fit(flat, plan)


def fit(picture: Image.Image, plan: Plan) -> tuple[Images, bool]:
    """A grey or RGB picture as (size, size, C), and whether it had to be enlarged."""
    size, (width, height) = plan.size, picture.size
    picture = picture.convert("L" if plan.channels == 1 else "RGB")
    is_enlarged = (min(width, height) if plan.is_cropped else max(width, height)) < size
    if (width, height) != (size, size):
        picture = _cropped(picture, size) if plan.is_cropped else _padded(picture, plan)
    return np.asarray(picture).reshape(size, size, plan.channels), is_enlarged


def _cropped(picture: Image.Image, size: int) -> Image.Image:
    """The middle square."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box, REDUCING_GAP)


def _padded(picture: Image.Image, plan: Plan) -> Image.Image:
    """All of it, in the middle of a square."""
    width, height = picture.size
    scale = plan.size / max(width, height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = picture.resize(inner, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    square = Image.new(picture.mode, (plan.size, plan.size), (plan.background,) * plan.channels)
    square.paste(scaled, ((plan.size - inner[0]) // 2, (plan.size - inner[1]) // 2))
    return square


def _flattened(picture: Image.Image, plan: Plan) -> Image.Image:
    """8 bits, grey or RGB, nothing transparent."""
    if picture.mode in UNRANGED_MODES:
        raise FileRefused("has pixels of 32 bits, and does not say which of them is white")
    if picture.mode in DEEP_MODES:
        return Image.fromarray(_to_8_bits(np.asarray(picture)))
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (plan.background,) * 3 + (255,))
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode == "1" else "RGB")


def _to_8_bits(values_HW: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """65535 becomes 255, and what lies between the nearest."""
    return ((values_HW.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _opened(data: bytes, max_pixels: int) -> Image.Image:
    """A picture whose header was read; nothing of it is decoded yet."""
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise FileRefused(f"is no {SHOWN_FORMATS} that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileRefused(f"has more than {max_pixels} pixels") from None
    except Exception as error:  # as above
        raise FileRefused(f"cannot be read: {_reason(error)}") from None
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise FileRefused(f"has {width} x {height} pixels, more than {max_pixels}")
    return picture


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:100]
