"""How well a published classifier reads MNIST's 10,000 test digits. Trains nothing.

Shape suffixes: N pictures, K classes.
"""

from typing import Any

import numpy as np
from torch import nn

from bench.dataset import CLASSES, Digits
from models.classifier import PictureClassifier
from models.probabilities import probabilities
from models.sampling import read
from worker.evaluation.classification import accuracy_of
from worker.training.scores.calibration import calibration_error, confusion


def read_test(network: nn.Module, test: Digits, temperature: float) -> dict[str, Any]:
    """Accuracy with its interval, expected calibration error as it is and at the temperature of the version, confusion
    (rows: what they show)."""
    assert isinstance(network, PictureClassifier)
    logits_NK, label_N = read(network, test.images[..., None]), test.labels.astype(np.int64)
    return {
        "images": len(label_N),
        **accuracy_of(logits_NK, label_N),
        "temperature": temperature,
        "ece": calibration_error(probabilities(logits_NK), label_N),
        "ece_calibrated": calibration_error(probabilities(logits_NK, temperature), label_N),
        "confusion": confusion(logits_NK.argmax(axis=1), label_N, CLASSES).tolist(),
    }
