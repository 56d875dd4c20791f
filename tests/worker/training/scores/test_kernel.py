"""The kernel distance, where its value can be worked out."""

import numpy as np
import pytest

from worker.training.scores import kernel
from worker.training.scores.kernel import kernel_distance, mean_within


def test_of_two_points_each_it_is_the_one_worked_out_by_hand() -> None:
    # k(x, y) = (xy + 1)^3: within {1, 2} 27, within {0, 1} 1, between them (1 + 8 + 1 + 27) / 4 = 9.25.
    distance = kernel_distance(np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]]))

    assert distance == pytest.approx(27 + 1 - 2 * 9.25)


def test_of_samples_it_comes_to_the_difference_of_the_first_three_moments() -> None:
    # (xy + 1)^3 = 1 + 3xy + 3x^2 y^2 + x^3 y^3, so MMD^2 is 3 d1^2 + 3 d2^2 + d3^2, d the moments' differences;
    # moments of N(0, 1): 0, 1, 0; of N(1, 1): 1, 2, 4.
    draws = np.random.default_rng(0)

    distance = kernel_distance(draws.normal(size=(6_000, 1)), draws.normal(size=(6_000, 1)) + 1)

    assert distance == pytest.approx(3 + 3 + 16, rel=0.15)


def test_of_one_distribution_it_is_0_on_average_however_few_the_points_are() -> None:
    draws = np.random.default_rng(1)

    few = [kernel_distance(draws.normal(size=(8, 4)), draws.normal(size=(12, 4))) for _ in range(2000)]

    assert min(few) < 0
    assert abs(np.mean(few)) < 3 * np.std(few) / np.sqrt(len(few))


def test_a_mean_that_is_known_and_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(2)
    x_ND, y_MD = draws.normal(size=(50, 3)), draws.normal(size=(40, 3))
    whole = kernel_distance(x_ND, y_MD)

    monkeypatch.setattr(kernel, "ROWS", 7)
    in_blocks = kernel_distance(x_ND.astype(np.float32), y_MD.astype(np.float32), mean_within(y_MD))

    assert in_blocks == pytest.approx(whole, rel=1e-5)


def test_the_more_apart_sets_are_the_larger_it_is() -> None:
    draws = np.random.default_rng(3)
    reals = draws.normal(size=(300, 8))

    near, far = (kernel_distance(draws.normal(size=(300, 8)) + shift, reals) for shift in (0.5, 1.0))

    assert 0 < near < far


@pytest.mark.parametrize("shapes", [((1, 2), (5, 2)), ((5, 2), (1, 2)), ((5, 2), (5, 3)), ((5,), (5, 1))])
def test_sets_without_pairs_or_of_other_dimensions_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    x, y = (np.zeros(shape) for shape in shapes)

    with pytest.raises(ValueError, match=r"at least two|features of shape"):
        kernel_distance(x, y)
