"""How right a classifier is, and how right its probabilities are. Pure functions of logits and labels.

Shape suffixes: N pictures, K classes.
"""

import math

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]  # (N, K)
Labels = NDArray[np.int64]  # (N,)

WILSON_Z = 1.96  # of an interval that has the truth in 95 of 100 cases
BINS = 15  # of confidence, as in Guo et al. 2017
COLDEST, HOTTEST = 0.05, 20.0  # temperatures
ROUNDS = 60  # of the search; each leaves 0.62 of the range
GOLDEN = (math.sqrt(5) - 1) / 2


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which stays between 0 and 1 and is right for few pictures."""
    share, z2 = right / count, WILSON_Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = WILSON_Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def fit_temperature(logits_NK: Logits, label_N: Labels) -> float:
    """Return the temperature with the least negative log-likelihood (Guo et al. 2017, arXiv 1706.04599, section 4.2).

    The likelihood has one maximum in the logarithm of the temperature, which golden sections close in on.
    """
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _surprise(logits_NK, label_N, math.exp(left)) <= _surprise(logits_NK, label_N, math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _surprise(logits_NK: Logits, label_N: Labels, temperature: float) -> float:
    """Return the mean negative log-likelihood in nats."""
    scaled_NK = logits_NK.astype(np.float64) / temperature
    scaled_NK -= scaled_NK.max(axis=1, keepdims=True)
    return float((np.log(np.exp(scaled_NK).sum(axis=1)) - scaled_NK[np.arange(len(label_N)), label_N]).mean())


def calibration_error(probability_NK: NDArray[np.float64], label_N: Labels) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, in the mean over BINS of confidence
    (Guo et al. 2017, section 2)."""
    confidence_N, is_right_N = probability_NK.max(axis=1), probability_NK.argmax(axis=1) == label_N
    bin_N = np.minimum((confidence_N * BINS).astype(np.int64), BINS - 1)
    off = np.bincount(bin_N, weights=confidence_N - is_right_N, minlength=BINS)
    return float(np.abs(off).sum() / len(label_N))


def confusion(named_N: Labels, label_N: Labels, num_classes: int) -> NDArray[np.int64]:
    """Count (K, K): row, the true class; column, the one that was named."""
    counts = np.bincount(label_N * num_classes + named_N, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)
