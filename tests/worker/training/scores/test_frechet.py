"""The Frechet distance, where its value can be worked out."""

import numpy as np
import pytest

from worker.training.scores.frechet import frechet_distance, statistics


def test_samples_of_two_gaussians_come_to_the_closed_form() -> None:
    draws = np.random.default_rng(0)
    one = draws.normal(size=(50_000, 2))
    other = draws.normal(size=(50_000, 2)) * [2.0, 1.0] + [3.0, 0.0]

    distance = frechet_distance(*statistics(one), *statistics(other))

    assert distance == pytest.approx(3**2 + (2 - 1) ** 2, rel=0.02)


def test_the_distance_of_diagonal_gaussians_is_the_closed_form() -> None:
    mean1, mean2 = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, -1.0])
    variance1, variance2 = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])

    distance = frechet_distance(mean1, np.diag(variance1), mean2, np.diag(variance2))

    assert distance == pytest.approx((1 + 0 + 9) + (1 + 0 + 4))


def test_the_distance_of_gaussians_that_do_not_commute_is_the_one_worked_out_by_hand() -> None:
    # For 2x2, tr (AB)^1/2 = sqrt(tr(AB) + 2 sqrt(det A det B)); here tr(AB) = 6, det A = det B = 3.
    cov1, cov2 = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[2.0, -1.0], [-1.0, 2.0]])

    distance = frechet_distance(np.zeros(2), cov1, np.zeros(2), cov2)

    assert distance == pytest.approx(8 - 2 * np.sqrt(6 + 2 * 3))


def test_a_set_has_no_distance_to_itself_and_the_same_both_ways_to_another() -> None:
    draws = np.random.default_rng(1)
    one = statistics(draws.normal(size=(500, 16)))
    other = statistics(draws.normal(size=(500, 16)) @ draws.normal(size=(16, 16)))

    itself, there, back = (
        frechet_distance(*one, *one),
        frechet_distance(*one, *other),
        frechet_distance(*other, *one),
    )

    assert itself == pytest.approx(0, abs=1e-9)
    assert there > 1
    assert there == pytest.approx(back)


def test_a_gaussian_without_spread_is_as_far_as_the_other_one_is_wide() -> None:
    point, wide = np.zeros((3, 3)), np.diag([1.0, 2.0, 3.0])

    distance = frechet_distance(np.ones(3), point, np.zeros(3), wide)

    assert distance == pytest.approx(3 + 6)
