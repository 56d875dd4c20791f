"""How varied a set of images is, and whether each shows the class it was asked for. Knows no networks.

Shape suffixes: N images, B a block of them, D feature dimensions. Features are float64 inside; classes are integers.
"""

import numpy as np
from numpy.typing import NDArray

from worker.training.scores.neighbours import Features, distance_blocks
from worker.training.scores.tick import Tick, unwatched

Classes = NDArray[np.int64]


def mean_distance(features_ND: Features, tick: Tick = unwatched) -> float:
    """Return the mean Euclidean distance of all pairs of different rows; ValueError for fewer than two."""
    count = len(features_ND)
    if count < 2:
        raise ValueError(f"{count} rows: pairs need at least two")
    total = 0.0
    for rows, squares_BN in distance_blocks(features_ND, features_ND, tick):
        distances_BN = np.sqrt(squares_BN)
        distances_BN[np.arange(len(distances_BN)), np.arange(rows.start, rows.stop)] = 0  # a row to itself
        total += float(distances_BN.sum())
    return total / (count * (count - 1))


def mean_distance_within(features_ND: Features, class_N: Classes, tick: Tick = unwatched) -> dict[int, float]:
    """Return mean_distance of each class with two images or more."""
    classes, counts = np.unique(class_N, return_counts=True)
    return {int(each): mean_distance(features_ND[class_N == each], tick) for each in classes[counts >= 2]}


def diversity_ratio(fakes: dict[int, float], reals: dict[int, float]) -> float | None:
    """Divide mean distances of fakes by reals', over common classes; 1: as varied, 0: alike, None: no class."""
    both = fakes.keys() & reals.keys()
    real = sum(reals[each] for each in both)
    return sum(fakes[each] for each in both) / real if real > 0 else None


def label_accuracy(read_N: Classes, asked_N: Classes) -> float:
    """Return the share of images read as the class they were asked to show."""
    return float((read_N == asked_N).mean())


def missing_classes(read_N: Classes, num_classes: int) -> int:
    """Count the classes that no image is read as."""
    return max(0, num_classes - len(np.unique(read_N)))
