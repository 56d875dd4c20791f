"""Diversity, label accuracy and missing classes: by hand."""

import numpy as np
import pytest

from worker.training.scores.variety import (
    diversity_ratio,
    label_accuracy,
    mean_distance,
    mean_distance_within,
    missing_classes,
)


def test_the_mean_distance_of_a_triangle_is_that_of_its_sides() -> None:
    triangle_ND = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])

    assert mean_distance(triangle_ND) == pytest.approx((3 + 4 + 5) / 3)


def test_diversity_is_measured_within_classes_that_both_sets_have_twice() -> None:
    reals = mean_distance_within(np.array([[0.0], [2.0], [100.0], [104.0], [7.0]]), np.array([0, 0, 1, 1, 2]))
    fakes = mean_distance_within(np.array([[0.0], [1.0], [50.0], [52.0]]), np.array([0, 0, 1, 1]))

    ratio = diversity_ratio(fakes, reals)

    assert reals == {0: 2, 1: 4}
    assert ratio == pytest.approx((1 + 2) / (2 + 4))


def test_fakes_all_alike_have_no_diversity_and_reals_all_alike_no_ratio() -> None:
    alike, apart = {0: 0.0}, {0: 1.0}

    assert diversity_ratio(alike, apart) == 0
    assert diversity_ratio(apart, alike) is None
    assert diversity_ratio(apart, {1: 1.0}) is None


def test_label_accuracy_and_missing_classes_are_counted() -> None:
    read_N, asked_N = np.array([0, 1, 1, 3]), np.array([0, 1, 2, 3])

    assert label_accuracy(read_N, asked_N) == 0.75
    assert missing_classes(read_N, num_classes=5) == 2
