"""Test digits with a hole, filled by a network or by something simpler, and how well. Trains nothing, knows no store.

Shape suffixes: N pictures, M that were learnt from, H height, W width, C channels, A = C + 1 of a picture with a hole,
P pixels that are known, Q that are not.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel
from torch import nn

from bench.judge.examination import Judge
from core.media.images import Images
from models import sampling
from models.context import Descent, candidates, distances, with_known
from models.noise import default_labels, draw_noise
from models.search import descend
from models.subjects import Subjects
from worker.training.scores.calibration import wilson

HOLE = 14  # px a side, in the middle: a quarter of the picture, and half of its ink
DRAFTS = 4
BLOCK = 500  # pictures that are compared with all that were learnt from, at once
LEAST_SQUARE = 1e-3
SEARCH_STEPS = 200  # of `method=search` where nothing is said

Hole = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MiddleHoles(Subjects):
    """The hole of each picture is the same; the picture of seed i is number i modulo their count."""

    @property
    def hole(self) -> Hole:
        side = self.images_NHWC.shape[1]
        begin = (side - HOLE) // 2
        hole_HW = np.zeros((side, side), np.bool_)
        hole_HW[begin : begin + HOLE, begin : begin + HOLE] = True
        return hole_HW

    def masks(self, seeds: Sequence[int]) -> Hole:
        return np.repeat(~self.hole[None], len(seeds), axis=0)

    def filled(self, fill_NHWC: Images) -> Images:
        """Put these pictures, or a single one, into the holes."""
        return np.where(self.hole[..., None], fill_NHWC, self.images_NHWC)

    def psnr(self, drawn_NHWC: Images) -> float:
        """Return the peak signal-to-noise ratio of the holes of all pictures together, in dB."""
        off_NQ = (drawn_NHWC.astype(np.float64) - self.images_NHWC)[:, self.hole]
        return float(10 * np.log10(255**2 / max(np.square(off_NQ).mean(), LEAST_SQUARE)))

    def difference(self, one_NHWC: Images, other_NHWC: Images) -> float:
        """Return the mean difference of two sets of pictures in the hole, 0 to 1."""
        off_NQ = (one_NHWC.astype(np.int16) - other_NHWC)[:, self.hole]
        return float(np.abs(off_NQ).mean() / 255)


class FilledHoles(BaseModel):
    """What a judge says of pictures whose holes were filled, beside the whole ones.

    accuracy: share that is read as what the whole picture shows, with a 95 % interval (Wilson). FD and KID are to real
    digits, None where there are too few pictures for them. psnr: in the hole, in dB. milliseconds: a picture.
    """

    pictures: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    frechet_distance: float | None
    kid: float | None
    psnr: float | None
    milliseconds: float | None


def scored(judge: Judge, drawn_NHWC: Images, label_N: Labels, holes: MiddleHoles, seconds: float | None) -> FilledHoles:
    """Have the judge read pictures; `seconds` is what it took to fill all of them."""
    count, examined = len(drawn_NHWC), judge.examine(drawn_NHWC, label_N)
    low, high = wilson(round(examined["label_accuracy"] * count), count)
    is_whole = bool((drawn_NHWC == holes.images_NHWC).all())
    return FilledHoles(
        pictures=count,
        accuracy=examined["label_accuracy"],
        accuracy_low=low,
        accuracy_high=high,
        frechet_distance=examined["frechet_distance"] if count == judge.comparable else None,
        kid=examined["kid"],
        psnr=None if is_whole else holes.psnr(drawn_NHWC),
        milliseconds=None if seconds is None else seconds / count * 1000,
    )


def by_network(network: nn.Module, config: Any, holes: MiddleHoles, draft: int = 0) -> Images:
    """Fill the holes as `/complete` does; a draft's noise is its own."""
    count = len(holes.images_NHWC)
    seeds = range(draft * count, (draft + 1) * count)
    return sampling.draw(network, seeds, config.latent_dim, config.num_classes, subjects=holes)


def by_mean(learnt_MHWC: Images, holes: MiddleHoles) -> Images:
    """Fill them with the mean of all that was learnt from."""
    return holes.filled(learnt_MHWC.mean(axis=0).round().astype(np.uint8))


def by_nearest(learnt_MHWC: Images, holes: MiddleHoles) -> Images:
    """Fill each with what the picture has there whose known pixels are nearest, by the sum of squares."""
    known_HW = ~holes.hole
    learnt_MP = learnt_MHWC[:, known_HW, 0].astype(np.float32)
    square_M = np.square(learnt_MP).sum(axis=1)
    places = []
    for start in range(0, len(holes.images_NHWC), BLOCK):
        part_NP = holes.images_NHWC[start : start + BLOCK, known_HW, 0].astype(np.float32)
        places.append((square_M - 2 * part_NP @ learnt_MP.T).argmin(axis=1))
    return holes.filled(learnt_MHWC[np.concatenate(places)])


def by_biharmonic(holes: MiddleHoles) -> Images:
    """Fill them with scikit-image's biharmonic inpainting (Damelin & Hoang 2018): as smooth as the edge allows."""
    from skimage.restoration import inpaint_biharmonic  # of the packages for developers

    filled_HWN = inpaint_biharmonic(holes.images_NHWC[..., 0].transpose(1, 2, 0) / 255, holes.hole, channel_axis=-1)
    fill_NHWC = (filled_HWN.transpose(2, 0, 1)[..., None] * 255).round().clip(0, 255).astype(np.uint8)
    return holes.filled(fill_NHWC)


def by_search(generator: nn.Module, config: Any, holes: MiddleHoles) -> Images:
    """Fill them as `method=search` does with a generator that knows no holes, one after the other, in this process."""
    return np.concatenate([_searched(generator, config, holes, i) for i in range(len(holes.images_NHWC))])


def _searched(generator: nn.Module, config: Any, holes: MiddleHoles, seed: int) -> Images:
    (picture_HWA,), tried = holes.holed([seed], None), candidates(seed)
    drawn_NHWC = sampling.draw(generator, tried, config.latent_dim, config.num_classes)
    far_N2 = distances(drawn_NHWC, picture_HWA)
    best = int(far_N2[:, 0].argmin())
    label = default_labels(tried, config.num_classes)[best] if config.num_classes else None
    begin = Descent.begin(draw_noise([tried[best]], config.latent_dim), label, float(far_N2[best, 1]))
    end = descend(generator, begin, picture_HWA, SEARCH_STEPS, within_s=np.inf)
    return with_known(_drawn(generator, end), picture_HWA)


def _drawn(generator: nn.Module, draft: Descent) -> Images:
    with torch.inference_mode():
        label_1 = None if draft.label is None else torch.tensor([draft.label])
        return sampling.to_uint8(generator(torch.from_numpy(draft.noise), label_1)).numpy()


def timed(fill: Any, *arguments: Any) -> tuple[Images, float]:
    """Call what fills holes; return the pictures, and how many seconds it took."""
    began = time.perf_counter()
    return fill(*arguments), time.perf_counter() - began
