"""The context of a hole, by which a search completes: which known pixels count, what is nearest to them, which seeds
are tried first, and how far a draft is. Knows no network; models/search.py has the method, and its source.

Shape suffixes: N images, Z latent, H height, W width, C channels, A = C + 1 of a picture with a hole: the last is 255
where a pixel is known, else 0; 1 a single row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.media.images import Images
from models.noise import SEEDS

NUM_CANDIDATES = 256  # seeds that are tried for a draft
RADIUS = 3  # a window of 7 x 7, as Yeh et al. have it
KNOWN = 255

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """A draft after `step` steps: its noise, and the two moments by which Adam goes on, (1, Z) each."""

    noise: Vector
    mean: Vector
    square: Vector
    label: int | None
    step: int
    distance: float  # of the known pixels, weighted, before the last step; 0 to 1

    @classmethod
    def begin(cls, noise_1Z: Vector, label: int | None, distance: float) -> "Descent":
        return cls(noise_1Z, np.zeros_like(noise_1Z), np.zeros_like(noise_1Z), label, 0, distance)


def candidates(seed: int) -> list[int]:
    """Seeds that are tried for the draft of `seed`: itself, and others that numpy draws from it, the same for ever."""
    others = np.random.RandomState(seed).randint(0, SEEDS, NUM_CANDIDATES - 1, np.int64)
    return [seed, *others.tolist()]


def context_weights(known_HW: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Weight of each pixel: the share of its window that is missing; 0 where it is missing itself.

    Known pixels at the edge of the hole count most, those far from it nothing.
    """
    missing_HW = _sum_of_windows(~known_HW) / _sum_of_windows(np.ones_like(known_HW))
    return np.where(known_HW, missing_HW, 0).astype(np.float32)


def _sum_of_windows(mask_HW: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    side = 2 * RADIUS + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask_HW, RADIUS), (side, side))
    sums: npt.NDArray[np.int64] = windows.sum(axis=(2, 3))
    return sums


def distances(drawn_NHWC: Images, picture_HWA: Images) -> npt.NDArray[np.float64]:
    """Mean difference of the known pixels, 0 to 1: of all alike, and as the context weighs them (N, 2)."""
    known_HW = picture_HWA[..., -1] == KNOWN
    wanted, weight = picture_HWA[known_HW, :-1].astype(np.int16), context_weights(known_HW)[known_HW]
    found = [np.abs(image_HWC[known_HW].astype(np.int16) - wanted).mean(axis=1) / 255 for image_HWC in drawn_NHWC]
    return np.array([(far.mean(), np.average(far, weights=weight)) for far in found])


def with_known(drawn_NHWC: Images, picture_HWA: Images) -> Images:
    """Put the known pixels back, byte for byte."""
    return np.where(picture_HWA[..., -1:] == KNOWN, picture_HWA[..., :-1], drawn_NHWC)
