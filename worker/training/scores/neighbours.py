"""Scores by nearest neighbours: precision, recall, density, coverage, and how near fakes lie to training images.

Precision and recall: Kynkäänniemi et al. 2019, arXiv 1904.06991; density and coverage: Naeem et al. 2020, arXiv
2002.09797. A manifold is the union of balls around the points of a set, each of which reaches the k-th nearest other
point of its set. Knows no networks.

Shape suffixes: N reals, M fakes, B a block of them, D feature dimensions. Distances are float64; a block of rows at
a time is in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.training.scores.tick import Tick, unwatched

Floats = NDArray[np.float64]
Features = NDArray[np.floating]

ROWS = 256  # of one block
K_MANIFOLD = 3  # of precision and recall, as in their paper
K_DENSITY = 5  # of density and coverage, as in theirs


@dataclass(frozen=True, slots=True)
class Manifold:
    """Points, and the squared radius of each one's ball."""

    features_ND: Features
    square_radius_N: Floats


def distance_blocks(x_ND: Features, y_MD: Features, tick: Tick) -> Iterator[tuple[slice, Floats]]:
    """Yield squared Euclidean distances of some rows of x to all of y: (rows, (B, M))."""
    centre_D = y_MD.mean(axis=0, dtype=np.float64)  # both are moved: less is lost in the difference of large squares
    y_DM = (y_MD - centre_D).T
    square_M = np.square(y_DM).sum(axis=0)
    for start in range(0, len(x_ND), ROWS):
        rows = slice(start, min(start + ROWS, len(x_ND)))
        x_BD = x_ND[rows] - centre_D
        squares_BM = np.square(x_BD).sum(axis=1)[:, None] + square_M - 2 * (x_BD @ y_DM)
        yield rows, squares_BM.clip(min=0, out=squares_BM)
        tick()


def manifold(features_ND: Features, k: int, tick: Tick = unwatched) -> Manifold:
    """Build balls from each point to its k-th nearest other; ValueError if there are too few."""
    if not 1 <= k < len(features_ND):
        raise ValueError(f"{len(features_ND)} points: no {k} neighbours of each")
    return Manifold(features_ND, _squares_to_others(features_ND, k, tick))


def _squares_to_others(features_ND: Features, k: int, tick: Tick) -> Floats:
    """Return squared distances (N,) of each point to its k-th nearest other."""
    square_N = np.empty(len(features_ND))
    for rows, squares_BN in distance_blocks(features_ND, features_ND, tick):
        squares_BN[np.arange(len(squares_BN)), np.arange(rows.start, rows.stop)] = -1  # itself, however it was rounded
        square_N[rows] = np.partition(squares_BN, k, axis=1)[:, k]
    return square_N


def share_within(points_MD: Features, of: Manifold, tick: Tick = unwatched) -> float:
    """Return the share of points in any ball. Fakes in the reals' manifold: precision; the reverse: recall."""
    inside = sum(
        int((squares_BN <= of.square_radius_N).any(axis=1).sum())
        for _, squares_BN in distance_blocks(points_MD, of.features_ND, tick)
    )
    return inside / len(points_MD)


def density_coverage(fakes_MD: Features, reals: Manifold, k: int, tick: Tick = unwatched) -> tuple[float, float]:
    """Density: in how many balls of reals a fake lies, over k; 1 where fakes are spread as reals are, and more where
    they crowd around the densest reals. Coverage: the share of reals with a fake in their ball. `k` is the manifold's.
    """
    hits, is_covered_N = 0, np.zeros(len(reals.features_ND), bool)
    for _, squares_BN in distance_blocks(fakes_MD, reals.features_ND, tick):
        is_inside_BN = squares_BN <= reals.square_radius_N
        hits += int(is_inside_BN.sum())
        is_covered_N |= is_inside_BN.any(axis=0)
    return hits / (k * len(fakes_MD)), float(is_covered_N.mean())


def nearest(points_MD: Features, of_ND: Features, tick: Tick = unwatched) -> tuple[Floats, NDArray[np.int64]]:
    """Return distances (M,) of each point to the nearest of `of_ND`, and which that is (M,)."""
    square_M, index_M = np.empty(len(points_MD)), np.empty(len(points_MD), np.int64)
    for rows, squares_BN in distance_blocks(points_MD, of_ND, tick):
        index_M[rows] = squares_BN.argmin(axis=1)
        square_M[rows] = squares_BN[np.arange(len(squares_BN)), index_M[rows]]
    return np.sqrt(square_M), index_M


def nearest_other(features_ND: Features, tick: Tick = unwatched) -> Floats:
    """Return distances (N,) of each point to the nearest other one."""
    return np.sqrt(manifold(features_ND, 1, tick).square_radius_N)
