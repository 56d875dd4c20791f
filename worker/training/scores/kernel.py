"""The kernel distance (KID): squared maximum mean discrepancy under a cubic polynomial kernel. Knows no networks.

Bińkowski et al. 2018, "Demystifying MMD GANs", arXiv 1801.01401, section 4: k(x, y) = (x.y / D + 1)^3. The estimate is
the unbiased one of Gretton et al. 2012, "A Kernel Two-Sample Test", JMLR 13, lemma 6, of all pairs at once; the paper
averages it over random blocks, which has the same mean and more noise. Unbiased: it does not depend on how many images
there are, and of two sets alike it is as often below 0 as above.

Shape suffixes: N, M rows of the two sets, D feature dimensions. Everything is float64; a block of rows at
a time is in memory.
"""

import numpy as np
from numpy.typing import NDArray

from worker.training.scores.tick import Tick, unwatched

Floats = NDArray[np.float64]
Features = NDArray[np.floating]

ROWS = 256  # of one block


def kernel_distance(x_ND: Features, y_MD: Features, within_y: float | None = None, tick: Tick = unwatched) -> float:
    """Return unbiased MMD^2 of (N, D) and (M, D); `within_y`: mean_within(y_MD). ValueError if unfit."""
    if x_ND.ndim != 2 or y_MD.ndim != 2 or x_ND.shape[1] != y_MD.shape[1]:
        raise ValueError(f"features of shape {x_ND.shape} and {y_MD.shape}: expected (N, D) and (M, D)")
    within_y = mean_within(y_MD, tick) if within_y is None else within_y
    between = _sum(x_ND, y_MD, tick) / (len(x_ND) * len(y_MD))
    return mean_within(x_ND, tick) + within_y - 2 * between


def mean_within(x_ND: Features, tick: Tick = unwatched) -> float:
    """Return the mean of k(x, x') over all pairs of different rows."""
    count = len(x_ND)
    if count < 2:
        raise ValueError(f"{count} rows: pairs need at least two")
    norms_N = np.einsum("nd,nd->n", x_ND, x_ND, dtype=np.float64)
    with_itself = _kernel(norms_N, x_ND.shape[1]).sum()
    return float(_sum(x_ND, x_ND, tick) - with_itself) / (count * (count - 1))


def _sum(x_ND: Features, y_MD: Features, tick: Tick) -> float:
    y_DM, total = y_MD.astype(np.float64).T, 0.0
    for start in range(0, len(x_ND), ROWS):
        total += float(_kernel(x_ND[start : start + ROWS].astype(np.float64) @ y_DM, len(y_DM)).sum())
        tick()
    return total


def _kernel(products: Floats, dimensions: int) -> Floats:
    root = products / dimensions + 1
    return root * root * root
