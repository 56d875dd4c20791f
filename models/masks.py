"""From a seed to a mask: which pixels of a picture are known. numpy draws it, the same for ever and on every device.

Shape suffixes: B masks, H height, W width.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.noise import SEEDS

LEAST_HOLE, MOST_HOLE = 0.1, 0.6  # of the picture
FEWEST_STROKES, MOST_STROKES = 2, 5

Hole = npt.NDArray[np.bool_]


def draw_masks(seeds: Sequence[int], side: int) -> npt.NDArray[np.bool_]:
    """Masks (B, H, W), row i of `seeds[i]` alone: True where a pixel is known.

    A hole is a box, a few strokes or a half plane, and takes LEAST_HOLE to MOST_HOLE of the picture.
    """
    known_BHW = np.empty((len(seeds), side, side), np.bool_)
    for known_HW, seed in zip(known_BHW, seeds, strict=True):
        known_HW[:] = ~_hole(np.random.RandomState(seed % SEEDS), side)
    return known_BHW


def _hole(source: np.random.RandomState, side: int) -> Hole:
    kind = KINDS[source.randint(len(KINDS))]
    while True:
        hole_HW = kind(source, side)
        if LEAST_HOLE <= hole_HW.mean() <= MOST_HOLE:
            return hole_HW


def _box(source: np.random.RandomState, side: int) -> Hole:
    height, width = source.randint(max(1, side // 4), side + 1, 2)
    top, left = source.randint(side - height + 1), source.randint(side - width + 1)
    hole_HW = np.zeros((side, side), np.bool_)
    hole_HW[top : top + height, left : left + width] = True
    return hole_HW


def _strokes(source: np.random.RandomState, side: int) -> Hole:
    """A line from point to point, as wide as a brush."""
    points = source.uniform(0, side, (source.randint(FEWEST_STROKES, MOST_STROKES + 1) + 1, 2))
    radius = side * source.uniform(0.04, 0.12)
    hole_HW = np.zeros((side, side), np.bool_)
    for start, end in pairwise(points):
        hole_HW |= _distance(side, start, end) <= radius
    return hole_HW


def _distance(side: int, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance (H, W) of the middle of each pixel to the line between two points."""
    middle = np.arange(side) + 0.5
    y_H1, x_1W = middle[:, None] - start[0], middle[None, :] - start[1]
    dy, dx = end - start
    along_HW = np.clip((y_H1 * dy + x_1W * dx) / max(dy * dy + dx * dx, 1e-9), 0, 1)
    distance_HW: npt.NDArray[np.float64] = np.hypot(y_H1 - along_HW * dy, x_1W - along_HW * dx)
    return distance_HW


def _half_plane(source: np.random.RandomState, side: int) -> Hole:
    angle, share = source.uniform(0, 2 * np.pi), source.uniform(LEAST_HOLE, MOST_HOLE)
    middle = np.arange(side) + 0.5
    height_HW = np.sin(angle) * middle[:, None] + np.cos(angle) * middle[None, :]
    hole_HW: Hole = height_HW < np.quantile(height_HW, share)
    return hole_HW


KINDS: tuple[Callable[[np.random.RandomState, int], Hole], ...] = (_box, _strokes, _half_plane)
