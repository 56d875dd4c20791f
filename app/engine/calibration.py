"""How a generator is run here: its number format, its batch shapes, what each costs. Knows no version and no queue.

What can change a byte is decided by a rule and a probe that give the same answer at each start: the format, and the
shapes. Timing decides no more than how many images to put into a batch.

Shape suffixes: B images, Z latent.
"""

import functools
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from app.engine.batch import Precision, PrecisionChoice, Rows
from app.engine.forward import EagerForward, Forward, GraphForward
from models.folding import run_in
from models.noise import Latents, default_labels
from models.packing import pack
from models.precision import has_bfloat16
from models.subjects import Subjects

BUCKETS = (1, 2, 4, 8, 16, 32, 64)  # batch shapes
REFERENCE_BUCKET = 4  # the others draw its bytes, or are not used
MAX_DEVIATION = 2  # grey levels by which a bfloat16 picture may differ from the float32 one
TRIAL_PIXELS = 1 << 16  # of all trial images together, by which their number is chosen
TRIAL_IMAGES = (8, 64)  # at least and at most
COMPARED = 16  # images by which shapes are compared; every place in a batch of a larger shape
MAX_BATCH_S = 0.1  # of the largest shape that is used: who comes next waits for so long
TIMINGS = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """The result: `seconds` of a batch of each shape."""

    forward: Forward
    precision: Precision
    buckets: list[int]
    seconds: dict[int, float]


def draw_all(rows: Rows, forward: Callable[..., npt.NDArray[Any]], bucket: int) -> npt.NDArray[Any]:
    """Draw rows in batches of one shape."""
    parts = [rows.take(slice(i, i + bucket)) for i in range(0, len(rows), bucket)]
    return np.concatenate([forward(part.padded(bucket)) for part in parts])[: len(rows)]


def trial_rows(pixels: int, latent_dim: int, num_classes: int, subjects: Subjects | None = None) -> Rows:
    """Make the rows on which each way to draw is tried, of the first seeds; fewer for larger images (`pixels` each).

    subjects: what a network that completes is shown.
    """
    seeds = range(_num_trials(pixels))
    labels = default_labels(seeds, num_classes) if num_classes else None
    rows = Rows.of(Latents(seeds), labels).with_noise(latent_dim)
    return rows if subjects is None else Rows({**rows.tensors, "picture": subjects.holed(seeds, None)})


def trial_pictures(pixels: int, subjects: Subjects) -> Rows:
    """Make the same rows for a network that takes pictures alone."""
    return Rows.of_pictures(subjects.reals(range(_num_trials(pixels)), None))


def _num_trials(pixels: int) -> int:
    least, most = TRIAL_IMAGES
    return max(least, min(most, TRIAL_PIXELS // pixels))


def calibrate(generator: nn.Module, device: torch.device, trial: Rows, choice: PrecisionChoice) -> Calibration:
    """Choose how `generator` (float32, in eval mode, on the CPU) is run on `device`, and warm every shape of it up."""
    here = functools.cache(functools.partial(make_forward, generator, device))  # what the trial needed may be the one
    precision = _precision(here, device, trial, choice)
    forward = here(precision)
    return Calibration(forward, precision, *_measure(forward, trial))


def _precision(
    here: Callable[[Precision], Forward], device: torch.device, trial: Rows, choice: PrecisionChoice
) -> Precision:
    if choice != "auto":
        return choice
    if not has_bfloat16(device) or trial.are_pictures:
        return "float32"  # probabilities are not seen: nobody would notice that they are off
    exact, halved = (draw_all(trial, here(name), REFERENCE_BUCKET).astype(np.int16) for name in ("float32", "bfloat16"))
    return "bfloat16" if np.abs(halved - exact).max() <= MAX_DEVIATION else "float32"


def make_forward(generator: nn.Module, device: torch.device, precision: Precision) -> Forward:
    network = run_in(generator, precision).to(device)
    return GraphForward(network, device) if device.type == "cuda" else EagerForward(pack(network), device)


def _measure(forward: Forward, trial: Rows) -> tuple[list[int], dict[int, float]]:
    """Find the shapes that draw as the reference does, up to the first that takes too long; time them.

    Images are compared before rounding: kernels that sum in another order differ there in every image, but in only one
    of a hundred after rounding.
    """
    reference = draw_all(trial, forward.raw, REFERENCE_BUCKET)
    buckets: list[int] = []
    seconds: dict[int, float] = {}
    for bucket in BUCKETS:
        if seconds and bucket * min(s / b for b, s in seconds.items()) > MAX_BATCH_S:
            break
        compared = trial.take(slice(max(bucket, COMPARED)))
        if np.array_equal(draw_all(compared, forward.raw, bucket), reference[: len(compared)]):
            buckets.append(bucket)
            batch = trial.take(slice(bucket)).padded(bucket)
            seconds[bucket] = min(timeit.repeat(functools.partial(forward, batch), number=1, repeat=TIMINGS))
    return buckets, seconds
