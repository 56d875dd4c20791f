"""From a seed to a noise vector. numpy draws it, so that a seed means the same vector for ever and on every device.

Shape suffixes: B images, N of a request, Z latent.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SEEDS = 2**32
DISTRIBUTION = "standard_normal"  # named in every manifest

_local = threading.local()


def draw_noise(seeds: Sequence[int], latent_dim: int) -> npt.NDArray[np.float32]:
    """Standard normal vectors (B, Z), row i of `seeds[i]` alone: RandomState(seed).standard_normal(latent_dim).

    One RandomState a thread is re-seeded, which gives the stream of a new one in a twentieth of the time. The legacy
    generator is frozen by numpy's compatibility policy (NEP 19).
    """
    state = getattr(_local, "state", None)
    if state is None:
        state = _local.state = np.random.RandomState()
    z_BZ = np.empty((len(seeds), latent_dim), np.float32)
    for row, seed in zip(z_BZ, seeds, strict=True):
        state.seed(seed % SEEDS)
        row[:] = state.standard_normal(latent_dim)
    return z_BZ


@dataclass(frozen=True, slots=True)
class Latents:
    """The noise of N images, drawn on demand from seeds, or given; `truncation` shrinks it."""

    seeds: Sequence[int]
    truncation: float = 1.0
    given_NZ: npt.NDArray[np.float32] | None = None  # instead of seeds

    def __len__(self) -> int:
        return len(self.seeds) if self.given_NZ is None else len(self.given_NZ)


def seeds_from(seed: int, count: int) -> Sequence[int]:
    """Return seed, seed + 1, ... modulo 2^32; a range if they do not wrap around."""
    if seed + count <= SEEDS:
        return range(seed, seed + count)
    return [(seed + i) % SEEDS for i in range(count)]


def in_one_form(seeds: list[int]) -> Sequence[int]:
    """Return the same seeds, as a range if they count up."""
    counted = seeds_from(seeds[0], len(seeds))
    return counted if seeds == list(counted) else seeds


def default_labels(seeds: Sequence[int], num_classes: int, drawn: Sequence[int] | None = None) -> list[int]:
    """Return the label of each seed if none is asked for: seed mod classes, of all, or only of those `drawn`."""
    classes = drawn or range(num_classes)
    return [classes[seed % len(classes)] for seed in seeds]


def classes_with_images(counts: Sequence[int]) -> list[int] | None:
    """Return the classes that have images, the only ones drawn unasked; None: all of them."""
    drawn = [label for label, count in enumerate(counts) if count]
    return drawn if 0 < len(drawn) < len(counts) else None
