"""Pictures of more than 8 bits: their values as they are, which Pillow alone cuts to 8 where there are colours.

Shape suffixes: H height, W width, C channels (1 grey, 2 with alpha, 3 RGB, 4 with alpha).
"""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from core.datasets.levels import Levels, Span, Values, levels_of

WHOLE_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})
BITS_TAG, PHOTOMETRIC_TAG = 258, 262  # of TIFF
FULL = 65535
NATIVE = "L" if sys.byteorder == "little" else "B"
PLANES = frozenset("RGBA")  # of colours that lie apart
SPLIT = frozenset(f"{channels};16" for channels in ("RGB", "RGBX", "RGBA", *PLANES))  # of which each byte can be had
GREY_AND_ALPHA = "LA;16B"

MORE_TIFFS = {  # byte order, photometric interpretation, sample format, fill order, bits, extra samples: modes
    (b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
    (b"II", 0, (1,), 1, (12,), ()): ("I;16", "I;12"),
}

Key = tuple[int, ...]
Upright = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Deep:
    """Values (H, W, C), and what the file declares about them."""

    values_HWC: Values
    levels: Levels | None = None
    is_negative: bool = False
    key: Key | None = None  # the one colour that is transparent

    @property
    def is_grey(self) -> bool:
        colours_HWC = self._colours()
        return bool((colours_HWC == colours_HWC[..., :1]).all())

    def span(self) -> Span:
        """Return the span of all channels but alpha; NoLevels if there is none."""
        return Span.of(self._colours())

    def to_picture(self, levels: Levels) -> Image.Image:
        """Convert to 8 bits a channel by `levels`, unless the file declares others."""
        levels = self.levels or levels
        levels_HWC = (levels.reversed if self.is_negative else levels).to_8_bits(self._colours())
        alpha_HW = self._alpha()
        if alpha_HW is not None:
            levels_HWC = np.concatenate([levels_HWC, alpha_HW[..., None]], axis=2)
        return Image.fromarray(levels_HWC[..., 0] if levels_HWC.shape[2] == 1 else levels_HWC)

    def _colours(self) -> Values:
        channels = self.values_HWC.shape[2]
        return self.values_HWC[..., : channels - 1 + channels % 2]

    def _alpha(self) -> Values | None:
        if self.key is not None:
            return np.where((self.values_HWC == self.key).all(axis=2), 0, 255).astype(np.uint8)
        if self.values_HWC.shape[2] % 2:
            return None
        alpha_HW = self.values_HWC[..., -1]
        return levels_of(Span.of(alpha_HW)).to_8_bits(alpha_HW)


@functools.cache
def know_more_tiffs() -> None:
    """Register negatives that Pillow could read but does not list."""
    for layout, modes in MORE_TIFFS.items():
        TiffImagePlugin.OPEN_INFO.setdefault(layout, modes)


def is_deep(picture: ImageFile.ImageFile) -> bool:
    """Return whether more than 8 bits a channel can be read from a picture that is not loaded yet."""
    return picture.mode in WHOLE_MODES or picture.mode == "F" or bool(_raw_modes(picture))


def read_deep(picture: ImageFile.ImageFile, again: Callable[[], ImageFile.ImageFile], upright: Upright) -> Deep:
    """Read the values of a deep picture. again: reopens it; upright: loads and turns it."""
    key = picture.info.get("transparency")
    key = (key,) if isinstance(key, int) else key if isinstance(key, tuple) else None
    if picture.mode in WHOLE_MODES or picture.mode == "F":
        return _grey(picture, upright, key)
    modes = _raw_modes(picture)
    if modes == [GREY_AND_ALPHA]:
        _unpack(picture, ["RGBA"])  # bytes as they are: two of grey, two of alpha
        return Deep(np.asarray(upright(picture)).view(">u2"))
    halves = []
    for half, half_modes in ((picture, modes), (again(), [_other_order(mode) for mode in modes])):
        _unpack(half, half_modes)
        halves.append(np.asarray(upright(half)).astype(np.uint16))
    return Deep(halves[0] << 8 | halves[1], key=key)


def _grey(picture: ImageFile.ImageFile, upright: Upright, key: Key | None) -> Deep:
    is_negative, levels = False, None
    args = picture.tile[0].args
    white = args[-1] if picture.format == "PPM" and isinstance(args, tuple) else None
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        is_negative = picture.tag_v2.get(PHOTOMETRIC_TAG) == 0
        levels = Levels(0, 4095) if picture.tag_v2.get(BITS_TAG) == (12,) else None
    values_HW: Values = np.asarray(upright(picture))
    if isinstance(white, int) and white < FULL:  # Pillow stretched what was 0 to white
        values_HW, levels = (values_HW.astype(np.int64) * white + FULL // 2) // FULL, Levels(0, white)
    return Deep(values_HW[..., None], levels, is_negative, key)


def _raw_modes(picture: ImageFile.ImageFile) -> list[str]:
    """Return how Pillow unpacks each tile's 16 bits of colour; empty if there are none, or they are lost."""
    modes = [str(tile.args[0] if isinstance(tile.args, tuple) else tile.args) for tile in picture.tile]
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and set(picture.tag_v2.get(BITS_TAG, ())) == {16}:
        order = "L" if picture.tag_v2.prefix == b"II" else "B"
        modes = [f"{mode};16{order}" if mode in PLANES else mode for mode in modes]
    is_deep = all(mode[:-1] in SPLIT or mode == GREY_AND_ALPHA for mode in modes)
    return modes if is_deep else []


def _other_order(mode: str) -> str:
    """Return the mode that takes the other byte of each two."""
    order = NATIVE if mode.endswith("N") else mode[-1]
    return mode[:-1] + ("B" if order == "L" else "L")


def _unpack(picture: ImageFile.ImageFile, modes: list[str]) -> None:
    picture.tile = [
        tile._replace(args=(mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode)
        for tile, mode in zip(picture.tile, modes, strict=True)
    ]
