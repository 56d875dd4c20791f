"""Which pictures a classifier learns from, and which tell how good it is. Knows no network.

Of a dataset a tenth, 2,000 pictures at most, is for its temperature and as many for its test; both are the same in
every run. Shape suffixes: N pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]  # of pictures in the dataset, in their order

SHARE, MOST = 0.1, 2000  # of the pictures, for each of both
LABELLED = 1  # a stream of its own, beside those by which epochs are ordered


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Places of the pictures to learn from, of those that the temperature is fitted to, and of those of the test."""

    learnt_N: Places
    held_out_N: Places
    test_N: Places


def split(count: int) -> Split:
    """Divide so many pictures; three at least."""
    size, order_N = _size(count), np.random.default_rng(0).permutation(count)
    parts = order_N[2 * size :], order_N[:size], order_N[size : 2 * size]
    return Split(*(np.sort(part_N) for part_N in parts))


def count_learnt(count: int) -> int:
    """Return how many of so many pictures are learnt from."""
    return max(0, count - 2 * _size(count))


def draw_labelled(labels_N: npt.NDArray[np.int64], learnt_N: Places, per_class: int, seed: int) -> Places:
    """Draw the pictures whose labels are learnt from: of each class so many, or all where there are fewer."""
    order_N = np.random.default_rng([seed, LABELLED]).permutation(learnt_N)
    of_each = [order_N[labels_N[order_N] == label][:per_class] for label in np.unique(labels_N[learnt_N])]
    return np.sort(np.concatenate(of_each))


def too_few(class_counts: Sequence[int], per_class: int) -> list[int]:
    """Return the classes that have pictures, and fewer than `per_class`."""
    return [label for label, count in enumerate(class_counts) if 0 < count < per_class]


def _size(count: int) -> int:
    return max(1, min(int(count * SHARE), MOST))
