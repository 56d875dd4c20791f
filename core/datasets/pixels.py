"""Arrays of any type and layout to images: uint8, channels last. Knows no file format.

Shape suffixes: N images, H height, W width, C channels (1 or 3), D values of an image in one row.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.datasets.levels import NoLevels, Span, levels_of
from core.errors import InvalidRequest
from core.media.images import Images

CHANNELS = (1, 3)
SMALLEST_SIDE = 8  # of images kept as one row each
CHUNK_BYTES = 1 << 24

Array = npt.NDArray[Any]


def to_images(arrays: Mapping[str, Array], folder: Path, note: Callable[[str], None]) -> Images:
    """Join arrays in order as uint8 (N, H, W, C), converted in `folder`; InvalidRequest at one without images."""
    laid_out = {name: _channels_last(array, name) for name, array in arrays.items()}
    first, *others = laid_out
    for name in others:
        if laid_out[name].shape[1:] != laid_out[first].shape[1:]:
            detail = f"its images are {_sides(laid_out[name])}, and those of {first} {_sides(laid_out[first])}"
            raise InvalidRequest.field(name, detail)
    if any(0 in array.shape for array in laid_out.values()):
        raise InvalidRequest.field(first, f"expected images, got shape {laid_out[first].shape}")
    span = _span(laid_out)
    is_plain = all(array.dtype == np.uint8 for array in laid_out.values()) and span.high > 1
    if is_plain and len(laid_out) == 1:
        return laid_out[first]
    try:
        levels = levels_of(span)
    except NoLevels as error:
        raise InvalidRequest.field(first, str(error)) from None
    if not is_plain and span.high > span.low:
        note(f"images of {laid_out[first].dtype}: {levels}")
    shape = (sum(map(len, laid_out.values())), *laid_out[first].shape[1:])
    images_NHWC = np.lib.format.open_memmap(folder / "converted.npy", "w+", np.uint8, shape)
    at = 0
    for part in _chunks(laid_out):
        images_NHWC[at : at + len(part)] = part if is_plain else levels.to_8_bits(part)
        at += len(part)
    return images_NHWC


def _channels_last(array: Array, name: str) -> Array:
    """Turn (N, H, W), (N, H, W, C), (N, C, H, W), or squares in a row each (N, D), into (N, H, W, C)."""
    shape = array.shape
    if array.ndim == 4 and shape[3] not in CHANNELS and shape[1] in CHANNELS:
        return np.moveaxis(array, 1, 3)
    if array.ndim == 4 and shape[3] in CHANNELS:
        return array
    if array.ndim == 3 and shape[2] not in (3, 4):
        return array[..., None]
    side = math.isqrt(shape[1]) if array.ndim == 2 else 0
    if side >= SMALLEST_SIDE and side * side == shape[1]:
        return array.reshape(-1, side, side, 1)
    detail = f"expected images as N H W, N H W C or N C H W with 1 or 3 channels, got shape {shape}"
    hint = "; of one picture send the file" if array.ndim == 3 else ""
    raise InvalidRequest.field(name, detail + hint)


def _span(arrays: Mapping[str, Array]) -> Span:
    name = next(iter(arrays))
    try:
        spans = [Span.of(chunk) for chunk in _chunks(arrays)]
    except NoLevels as error:
        raise InvalidRequest.field(name, str(error)) from None
    if len({span.is_whole for span in spans}) > 1:
        raise InvalidRequest.field(name, "is of another type than the other images: floats and whole numbers")
    joined = Span.joined(spans)
    assert joined is not None
    return joined


def _chunks(arrays: Mapping[str, Array]) -> Iterator[Array]:
    for array in arrays.values():
        step = max(1, CHUNK_BYTES // max(1, array.nbytes // len(array)))
        yield from (array[begin : begin + step] for begin in range(0, len(array), step))


def _sides(array: Array) -> str:
    return "x".join(map(str, array.shape[1:]))
