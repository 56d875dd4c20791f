"""All scores of fakes against reals, on feature sets of which the truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.training.scores.extractor import Features
from worker.training.scores.reference import ReferenceSet, reals_to_read, spread_labels

CLASSES = 4


def cloud(draws: np.random.Generator, label_N: NDArray[np.int64], spread: float = 1.0) -> Features:
    """Points around a corner of a cube for each class, read as what they are."""
    centre_KD = np.eye(CLASSES, 6) * 20
    values_ND = centre_KD[label_N] + draws.normal(size=(len(label_N), 6)) * spread
    return Features(values_ND.astype(np.float32), label_N)


def balanced(count: int) -> NDArray[np.int64]:
    return np.arange(count) % CLASSES


@pytest.fixture(scope="module")
def reference() -> ReferenceSet:
    draws = np.random.default_rng(0)
    return ReferenceSet(
        cloud(draws, balanced(400)), cloud(draws, balanced(1000)), balanced(400), balanced(1000), CLASSES
    )


def test_fakes_that_are_as_reals_get_what_reals_get(reference: ReferenceSet) -> None:
    fakes = cloud(np.random.default_rng(1), balanced(400))

    scores = reference.scores(fakes, balanced(400))
    of_three_classes = reference.scores(cloud(np.random.default_rng(1), balanced(400) % 3), None)

    assert scores["fd"] == pytest.approx(scores["fd_floor"], abs=1)
    assert max(abs(scores["kid"]), abs(scores["kid_floor"])) < of_three_classes["kid"] / 20
    for name in ("precision", "recall", "coverage"):
        assert scores[name] == pytest.approx(reference.floor[name], abs=0.08)
        assert scores[name] > 0.8
    assert scores["density"] == pytest.approx(1, abs=0.1)
    assert scores["diversity"] == pytest.approx(1, abs=0.05)
    assert scores["nearest"] == pytest.approx(1, abs=0.1)
    assert (scores["label_accuracy"], scores["missing_classes"]) == (1, 0)


def test_a_class_that_is_never_drawn_is_missed_by_every_score_of_variety(reference: ReferenceSet) -> None:
    asked = balanced(400)
    drawn = np.where(asked == 3, 0, asked)

    scores = reference.scores(cloud(np.random.default_rng(1), drawn), asked)

    assert scores["missing_classes"] == 1
    assert scores["label_accuracy"] == 0.75
    assert scores["recall"] < 0.8
    assert scores["coverage"] < 0.8
    assert scores["precision"] > 0.8
    assert scores["fd"] > 10 * scores["fd_floor"]


def test_fakes_that_are_all_alike_within_their_class_have_no_diversity(reference: ReferenceSet) -> None:
    scores = reference.scores(cloud(np.random.default_rng(1), balanced(400), spread=0), balanced(400))

    assert scores["diversity"] == pytest.approx(0, abs=0.01)
    assert scores["label_accuracy"] == 1
    assert scores["coverage"] < 0.5


def test_copies_of_training_images_are_nearest_to_them_wherever_these_are(reference: ReferenceSet) -> None:
    reals = np.concatenate([reference.apart.values_ND[:200], reference.rest.values_ND[:200]])
    copies = Features(reals + np.float32(1e-3), balanced(400))

    scores = reference.scores(copies, balanced(400))

    assert scores["nearest"] < 0.01
    assert scores["precision"] > 0.95


def test_without_classes_nothing_is_said_of_them() -> None:
    draws = np.random.default_rng(2)
    apart, rest, fakes = (Features(draws.normal(size=(n, 3)).astype(np.float32)) for n in (50, 80, 50))

    scores = ReferenceSet(apart, rest).scores(fakes, None)

    assert "label_accuracy" not in scores
    assert "missing_classes" not in scores
    assert scores["diversity"] == pytest.approx(1, abs=0.2)


def test_reals_that_are_all_alike_say_nothing_of_diversity_and_memory() -> None:
    alike = Features(np.ones((20, 3), np.float32))

    scores = ReferenceSet(alike, alike).scores(alike, None)

    assert "nearest" not in scores
    assert "diversity" not in scores
    assert scores["fd"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("count", "fakes", "rest"), [(16, 8, 8), (4000, 2000, 2000), (60_000, 2000, 5000)])
def test_reals_apart_and_the_rest_do_not_meet(count: int, fakes: int, rest: int) -> None:
    apart, others = reals_to_read(count, fakes)

    assert (len(apart), len(others)) == (fakes, rest)
    assert not set(apart) & set(others)
    assert max(*apart, *others) < count


def test_labels_of_fakes_are_spread_as_those_of_the_dataset() -> None:
    labels_N = np.array([2] * 60 + [0] * 30 + [1] * 10)

    assert np.bincount(spread_labels(labels_N, 10)).tolist() == [3, 1, 6]
    assert np.bincount(spread_labels(labels_N, 200)).tolist() == [60, 20, 120]
