"""One picture of any kind to a square of uint8: what a stranger's file leads to ends here. Knows no archive.

Shape suffixes: H height, W width, C channels (1 or 3).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from core.datasets.container import bare, significant_bits
from core.datasets.deep import Deep, is_deep, know_more_tiffs, read_deep
from core.datasets.levels import FULL, UNIT, Levels, NoLevels, Span, levels_of
from core.datasets.members import FileRefused
from core.datasets.names import words_of
from core.datasets.sniff import HEAD, kind_of
from core.media.images import Images

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
SHOWN_FORMATS = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or PPM"
SUFFIXES = frozenset(
    {"png", "jpg", "jpeg", "jpe", "jfif", "webp", "avif", "gif", "bmp", "dib", "tif", "tiff"}
    | {"pbm", "pgm", "ppm", "pnm", "pfm"}
)
GREY_MODES = frozenset({"1", "L", "LA", "La"})
REDUCING_GAP = 3.0  # far larger pictures are averaged down to so many times the size, then filtered (Lanczos)
OPENED_WITHIN = 2  # a JPEG may be decoded smaller, to no less than so many times the size
LOOKED_AT = OPENED_WITHIN * 256  # px, to find out whether a picture is grey: no less than it is decoded at
ORIENTATION_TAG, SUBFILE_TAG, DNG_TAG = 274, 254, 50706
IS_REDUCED = 1  # in SUBFILE_TAG: a small copy of another picture in this file
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and colour of a picture; sides are swapped if it must be turned but was not decoded for it."""

    width: int
    height: int
    is_grey: bool
    span: Span | None = None  # of values of which the file does not say which is white


@dataclass(frozen=True, slots=True)
class Plan:
    """What every picture becomes."""

    size: int
    channels: int
    is_cropped: bool
    background: int  # grey level
    whole: Levels = FULL  # of pictures of more than 8 bits that do not tell theirs
    floats: Levels = UNIT

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size, self.size, self.channels


def look_at(data: bytes, background: int, max_pixels: int, needs_colour: Callable[[], bool]) -> Shape:
    """Return the shape of a picture; FileRefused if it may not be decoded.

    Its pixels are read only if needed: for the levels of deep pictures, and for colour while `needs_colour`. If they
    cannot be read, the shape tells nothing of them.
    """
    with _bared(data, lambda data: _opened(data, max_pixels)) as picture:
        width, height = picture.size
        has_levels, may_be_grey = _is_deep(picture), picture.mode in GREY_MODES
    if not has_levels and (may_be_grey or not needs_colour()):
        return Shape(width, height, may_be_grey)
    try:
        found = _pixels(data, max_pixels, LOOKED_AT)
        if isinstance(found, Image.Image):
            return Shape(width, height, _is_grey(_flattened(found, background)))
        return Shape(width, height, found.is_grey, None if found.levels else _span(found, significant_bits(data)))
    except (FileRefused, NoLevels):
        return Shape(width, height, is_grey=True)


def read_alone(data: bytes, plan: Plan, shape: Shape, max_pixels: int) -> Images:
    """Return a picture that is no part of an upload as (size, size, C): the levels of a deep one are those of its own
    values. `shape`: as `look_at` found it. FileRefused if it cannot be read."""
    if shape.span:
        levels = levels_of(shape.span)
        plan = replace(plan, whole=levels) if shape.span.is_whole else replace(plan, floats=levels)
    return decode(data, plan, max_pixels)[0]


def decode(data: bytes, plan: Plan, max_pixels: int) -> tuple[Images, bool]:
    """Return a picture as (size, size, C), and whether it was enlarged; FileRefused if it cannot be read."""
    found = _pixels(data, max_pixels, OPENED_WITHIN * plan.size)
    if isinstance(found, Deep):
        try:
            span = _span(found, 0)
        except NoLevels as error:
            raise FileRefused(str(error)) from None
        found = found.to_picture(plan.whole if span.is_whole else plan.floats)
    return fit(_flattened(found, plan.background), plan)


def _span(deep: Deep, bits: int) -> Span:
    """Return the span of a deep picture that declares `bits` significant (0: nothing); NoLevels if none fits."""
    span = deep.span()
    levels_of(span)
    return replace(span, high=max(span.high, 2 ** min(bits, 16) - 1)) if span.is_whole else span


def _pixels(data: bytes, max_pixels: int, least: int) -> Image.Image | Deep:
    """Decode a picture upright, a JPEG to no less than `least` px; FileRefused if impossible."""
    return _bared(data, lambda data: _decoded(data, max_pixels, least))


def _bared(data: bytes, read: Callable[[bytes], T]) -> T:
    """Call `read(data)` without metadata, which must not decide; if need be, without what turns it."""
    turned = bare(data, is_turned=True)
    try:
        return read(turned)
    except FileRefused:
        unturned = bare(data, is_turned=False)
        if unturned == turned:
            raise
        return read(unturned)


def _decoded(data: bytes, max_pixels: int, least: int) -> Image.Image | Deep:
    with _opened(data, max_pixels) as picture:
        try:
            if is_deep(picture):
                return read_deep(picture, lambda: _opened(data, max_pixels), _upright)
            picture.draft(None, (least, least))
            return _upright(picture)
        except FileRefused:
            raise
        except MemoryError:
            raise FileRefused("takes more memory than there is") from None
        except Exception as error:  # whatever a stranger's bytes lead to
            raise FileRefused(f"cannot be decoded: {words_of(error)}") from None


def _is_deep(picture: ImageFile.ImageFile) -> bool:
    try:
        return is_deep(picture)
    except Exception as error:  # as above
        raise FileRefused(f"cannot be read: {words_of(error)}") from None


def _upright(picture: Image.Image) -> Image.Image:
    """Decode and turn as EXIF says; unreadable EXIF counts as missing."""
    picture.load()
    try:
        turn = TURNS.get(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # as above
        turn = None
    return picture.copy() if turn is None else picture.transpose(turn)


def fit(picture: Image.Image, plan: Plan) -> tuple[Images, bool]:
    """Fit a grey or RGB picture into (size, size, C); return whether it was enlarged."""
    size, (width, height) = plan.size, picture.size
    picture = picture.convert("L" if plan.channels == 1 else "RGB")
    is_enlarged = (min(width, height) if plan.is_cropped else max(width, height)) < size
    if (width, height) != (size, size):
        picture = _cropped(picture, size) if plan.is_cropped else _padded(picture, plan)
    return np.asarray(picture).reshape(size, size, plan.channels), is_enlarged


def _cropped(picture: Image.Image, size: int) -> Image.Image:
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box, REDUCING_GAP)


def _padded(picture: Image.Image, plan: Plan) -> Image.Image:
    width, height = picture.size
    scale = plan.size / max(width, height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = picture.resize(inner, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    square = Image.new(picture.mode, (plan.size, plan.size), (plan.background,) * plan.channels)
    square.paste(scaled, ((plan.size - inner[0]) // 2, (plan.size - inner[1]) // 2))
    return square


def _flattened(picture: Image.Image, background: int) -> Image.Image:
    """Convert to 8 bits, grey or RGB, nothing transparent."""
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (background,) * 3 + (255,))
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode == "1" else "RGB")


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode == "L":
        return True
    pixels_HWC = np.asarray(picture)
    return bool((pixels_HWC == pixels_HWC[..., :1]).all())


def _opened(data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header of a picture; nothing is decoded yet."""
    know_more_tiffs()
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise FileRefused(_why_unreadable(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileRefused(f"has more than {max_pixels} pixels") from None
    except Exception as error:  # as above
        raise FileRefused(f"cannot be read: {words_of(error)}") from None
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise FileRefused(f"has {width} x {height} pixels, more than {max_pixels}")
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and _is_preview(picture):
        picture.close()
        raise FileRefused(
            "holds a preview of another picture, as raw photos do: develop it, and save it as JPEG or PNG"
        )
    return picture


def _is_preview(picture: TiffImagePlugin.TiffImageFile) -> bool:
    try:
        return DNG_TAG in picture.tag_v2 or picture.tag_v2.get(SUBFILE_TAG, 0) == IS_REDUCED
    except Exception:  # as above: a tag that cannot be read says nothing
        return False


def _why_unreadable(data: bytes) -> str:
    kind = kind_of(data[:HEAD])
    if kind and kind.is_picture:
        return f"{kind} that cannot be read: damaged, or of a rare kind"
    if kind and kind.advice:
        return str(kind)
    return f"is no {SHOWN_FORMATS} that can be read" + (f": it {kind}" if kind else "")
