"""How right probabilities are: intervals, the temperature, the calibration error."""

import numpy as np
import pytest

from models.probabilities import probabilities
from worker.training.scores.calibration import (
    Labels,
    Logits,
    calibration_error,
    confusion,
    fit_temperature,
    wilson,
)


def sampled(temperature: float, count: int = 20_000) -> tuple[Logits, Labels]:
    """Logits that are too large by this temperature, and labels drawn from what they should say."""
    rng = np.random.default_rng(0)
    logits_NK = rng.normal(0, 2, (count, 5)).astype(np.float32)
    shares_NK = probabilities(logits_NK)
    labels_N = (rng.random((count, 1)) > shares_NK.cumsum(axis=1)).sum(axis=1).clip(max=4)
    return (logits_NK * temperature).astype(np.float32), labels_N


@pytest.mark.parametrize(
    ("right", "count", "interval"),
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (98, 100, (0.93, 0.9945))],
)
def test_the_interval_of_a_share_stays_within_nothing_and_all(
    right: int, count: int, interval: tuple[float, float]
) -> None:
    assert wilson(right, count) == pytest.approx(interval, abs=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_logits_are_too_large_is_found(temperature: float) -> None:
    logits_NK, labels_N = sampled(temperature)

    found = fit_temperature(logits_NK, labels_N)

    assert found == pytest.approx(temperature, rel=0.05)
    assert calibration_error(probabilities(logits_NK, found), labels_N) < 0.02


def test_confidence_that_is_too_high_is_an_error_as_large_as_it_is_off() -> None:
    logits_NK = np.array([[20.0, 0.0]] * 10, np.float32)  # sure of the first class
    labels_N = np.array([0] * 7 + [1] * 3)

    assert calibration_error(probabilities(logits_NK), labels_N) == pytest.approx(0.3, abs=1e-6)


def test_a_temperature_is_found_even_where_every_picture_is_named_rightly() -> None:
    logits_NK = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)

    assert 0 < fit_temperature(logits_NK, np.array([0, 1])) < 1


def test_confusion_counts_by_the_true_class_which_was_named() -> None:
    counts_KK = confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 2]), 3)

    assert counts_KK.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
