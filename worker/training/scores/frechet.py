"""The Frechet distance between two Gaussians, and the statistics it needs. Knows nothing of networks.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium"
(there on Inception features, and called FID; on other features it is only FD). Everything is float64.
Shape suffixes: N images, D feature dimensions.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def statistics(features_ND: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return mean (D,) and unbiased covariance (D, D) of features (N, D); ValueError for fewer than two rows."""
    if features_ND.ndim != 2 or len(features_ND) < 2:
        raise ValueError(f"features of shape {features_ND.shape}: a covariance needs at least two rows")
    mean = features_ND.mean(axis=0, dtype=np.float64)
    centred = features_ND.astype(np.float64) - mean
    return mean, centred.T @ centred / (len(features_ND) - 1)


def frechet_distance(mean1: Floats, cov1: Floats, mean2: Floats, cov2: Floats) -> float:
    """|mean1 - mean2|^2 + tr(cov1 + cov2 - 2 (cov1 cov2)^1/2), never below 0.

    The trace of the root is that of (cov1^1/2 cov2 cov1^1/2)^1/2, which is symmetric and has the same
    eigenvalues, so that no complex number can arise and singular covariances need no offset.
    """
    root1 = _symmetric_root(cov1)
    inner = root1 @ cov2 @ root1
    eigenvalues = np.linalg.eigvalsh((inner + inner.T) / 2)
    trace_of_root = np.sqrt(eigenvalues.clip(min=0)).sum()
    difference = mean1 - mean2
    distance = difference @ difference + np.trace(cov1) + np.trace(cov2) - 2 * trace_of_root
    return max(float(distance), 0.0)


def _symmetric_root(matrix: Floats) -> Floats:
    eigenvalues, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    root: Floats = (vectors * np.sqrt(eigenvalues.clip(min=0))) @ vectors.T
    return root
