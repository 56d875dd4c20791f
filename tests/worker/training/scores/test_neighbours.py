"""Precision, recall, density, coverage: by hand, and on sets of which the truth is known."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.training.scores import neighbours
from worker.training.scores.neighbours import K_DENSITY, K_MANIFOLD, density_coverage, manifold, nearest, nearest_other
from worker.training.scores.neighbours import share_within as share

Points = NDArray[np.float64]


def precision_recall(fakes_MD: Points, reals_ND: Points) -> tuple[float, float]:
    precision = share(fakes_MD, manifold(reals_ND, K_MANIFOLD))
    return precision, share(reals_ND, manifold(fakes_MD, K_MANIFOLD))


def density_and_coverage(fakes_MD: Points, reals_ND: Points) -> tuple[float, float]:
    return density_coverage(fakes_MD, manifold(reals_ND, K_DENSITY), K_DENSITY)


def rectangle(draws: np.random.Generator, width: float, height: float, left: float = 0.0) -> Points:
    """1,500 points, spread evenly."""
    return draws.uniform(size=(1500, 2)) * [width, height] + [left, 0.0]


def ring(draws: np.random.Generator, modes: int) -> Points:
    """1,600 points: the first `modes` of eight narrow Gaussians on a circle."""
    angle = draws.integers(0, modes, 1600) * 2 * np.pi / 8
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) + draws.normal(size=(1600, 2)) * 0.02


def test_of_three_points_each_they_are_the_ones_worked_out_by_hand() -> None:
    # k = 1. Balls of the reals: [-1, 1], [0, 2], [1, 5]; of the fakes: [-3.5, 4.5], [0.5, 8.5], [4.5, 15.5].
    reals_ND, fakes_MD = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [4.5], [10.0]])

    precision, recall = share(fakes_MD, manifold(reals_ND, 1)), share(reals_ND, manifold(fakes_MD, 1))
    density, coverage = density_coverage(fakes_MD, manifold(reals_ND, 1), 1)

    assert (precision, recall) == (2 / 3, 1)
    assert (density, coverage) == ((2 + 1 + 0) / 3, 1)


def test_a_fake_on_the_edge_of_a_ball_lies_within_and_copies_lie_in_balls_without_extent() -> None:
    # k = 1. Reals on a line, 2 apart: each ball ends at the next real.
    reals_ND = np.array([[0.0], [2.0], [4.0]])
    edge_MD, beyond_MD = np.array([[-2.0], [6.0]]), np.array([[-2.1], [6.1]])

    assert [share(fakes_MD, manifold(reals_ND, 1)) for fakes_MD in (edge_MD, beyond_MD)] == [1.0, 0.0]
    assert density_coverage(edge_MD, manifold(reals_ND, 1), 1) == (1.0, 2 / 3)
    twice_ND = np.repeat(reals_ND, 2, axis=0)
    assert share(reals_ND, manifold(twice_ND, 1)) == 1.0
    assert share(reals_ND + 0.01, manifold(twice_ND, 1)) == 0.0


def test_the_neighbour_that_counts_is_the_kth_other_one() -> None:
    points_ND = np.array([[0.0], [1.0], [3.0], [7.0]])

    radii = [np.sqrt(manifold(points_ND, k).square_radius_N).tolist() for k in (1, 2, 3)]

    assert radii == [[1, 1, 2, 4], [3, 2, 3, 6], [7, 6, 4, 7]]


@pytest.mark.parametrize(
    ("width", "height", "left", "precision", "recall"),
    [
        (1, 1, 0, 1, 1),  # the same square
        (0.5, 1, 0, 1, 0.5),  # its left half
        (1, 1, 0.75, 0.25, 0.25),  # moved by three quarters
        (2, 2, 0, 0.25, 1),  # around it, four times as large
        (1, 1, 5, 0, 0),  # elsewhere
    ],
)
def test_of_convex_shapes_precision_and_recall_are_the_shares_of_area(
    width: float, height: float, left: float, precision: float, recall: float
) -> None:
    draws = np.random.default_rng(0)
    reals_ND = rectangle(draws, 1, 1)

    found = precision_recall(rectangle(draws, width, height, left), reals_ND)

    assert found == pytest.approx((precision, recall), abs=0.06)


def test_fakes_on_every_mode_of_a_ring_are_precise_and_cover_it() -> None:
    draws = np.random.default_rng(1)
    reals_ND, fakes_MD = ring(draws, 8), ring(draws, 8)

    precision, recall = precision_recall(fakes_MD, reals_ND)
    density, coverage = density_and_coverage(fakes_MD, reals_ND)

    assert min(precision, recall, coverage) > 0.93
    assert density == pytest.approx(1, abs=0.05)


def test_a_dropped_mode_costs_recall_and_coverage_its_share_and_precision_nothing() -> None:
    draws = np.random.default_rng(2)
    reals_ND, all_MD, seven_MD = ring(draws, 8), ring(draws, 8), ring(draws, 7)

    precision, recall = precision_recall(seven_MD, reals_ND)
    _, coverage = density_and_coverage(seven_MD, reals_ND)

    assert precision > 0.93
    assert recall / precision_recall(all_MD, reals_ND)[1] == pytest.approx(7 / 8, abs=0.03)
    assert coverage / density_and_coverage(all_MD, reals_ND)[1] == pytest.approx(7 / 8, abs=0.03)


def test_points_off_the_ring_cost_precision_and_density_their_share() -> None:
    draws = np.random.default_rng(3)
    reals_ND, fakes_MD = ring(draws, 8), ring(draws, 8)
    fakes_MD[:400] = draws.normal(size=(400, 2)) * 0.1  # a quarter of them in the middle

    precision, recall = precision_recall(fakes_MD, reals_ND)
    density, _ = density_and_coverage(fakes_MD, reals_ND)

    assert precision == pytest.approx(0.75, abs=0.04)
    assert recall > 0.93
    assert density == pytest.approx(0.75, abs=0.05)


def test_fakes_that_are_all_one_real_are_precise_and_cover_next_to_nothing() -> None:
    reals_ND = ring(np.random.default_rng(4), 8)
    fakes_MD = np.repeat(reals_ND[:1], 500, axis=0)

    precision, recall = precision_recall(fakes_MD, reals_ND)
    _, coverage = density_and_coverage(fakes_MD, reals_ND)

    assert (precision, recall) == (1, 1 / len(reals_ND))
    assert coverage < 0.01


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(5)
    reals_ND, fakes_MD = draws.normal(size=(200, 8)), draws.normal(size=(150, 8))
    whole = (precision_recall(fakes_MD, reals_ND), density_and_coverage(fakes_MD, reals_ND))

    monkeypatch.setattr(neighbours, "ROWS", 7)

    assert (precision_recall(fakes_MD, reals_ND), density_and_coverage(fakes_MD, reals_ND)) == whole


def test_five_thousand_by_five_thousand_distances_are_never_in_memory_at_once() -> None:
    reals_ND = np.random.default_rng(6).normal(size=(5000, 4)).astype(np.float32)
    tracemalloc.start()

    share(reals_ND, manifold(reals_ND, K_MANIFOLD))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5000 * 5000 * 8 / 4


def test_a_copy_of_a_training_image_is_nearest_to_it_at_no_distance() -> None:
    training_ND = np.random.default_rng(7).normal(size=(300, 16)).astype(np.float32) + 100

    copied, places = nearest(training_ND[:20], training_ND)
    apart = nearest_other(training_ND)

    assert copied.max() < 1e-5
    assert places.tolist() == list(range(20))
    assert apart.min() > 1


def test_too_few_points_for_so_many_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="no 3 neighbours"):
        manifold(np.zeros((3, 2)), 3)
