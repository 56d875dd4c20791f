"""Logits to probabilities. Loads no torch. Shape suffixes: N pictures, K classes."""

import numpy as np
from numpy.typing import NDArray


def probabilities(logits_NK: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Softmax of logits that are divided by the temperature."""
    scaled_NK = logits_NK.astype(np.float64) / temperature
    raised_NK = np.exp(scaled_NK - scaled_NK.max(axis=1, keepdims=True))
    shares_NK: NDArray[np.float64] = raised_NK / raised_NK.sum(axis=1, keepdims=True)
    return shares_NK
