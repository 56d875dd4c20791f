"""The judge that a dataset gives of itself: its classifier, and reals held out, half of which give the floor."""

from pathlib import Path

import numpy as np
import pytest

from bench import avatars
from bench.judge.avatars import Pictures, avatars_judge, judge_of, trained
from bench.judge.examination import Judge

NAMES = ("above", "below", "beside")


def shapes(rng: np.random.Generator, per_class: int) -> Pictures:
    """Colour pictures of 8 px, class by class: where a bar is tells the class."""
    labels_N = np.repeat(np.arange(len(NAMES)), per_class)
    images_NHWC = rng.integers(0, 80, (len(labels_N), 8, 8, 3), np.uint8)
    for image_HWC, label in zip(images_NHWC, labels_N, strict=True):
        row = 5 * label if label < 2 else 0
        image_HWC[row : row + 3, 4 * (label == 2) :] += rng.integers(90, 170, dtype=np.uint8)
    return images_NHWC, labels_N


@pytest.fixture(scope="module")
def judge() -> Judge:
    learnt, held_out = shapes(np.random.default_rng(0), 80), shapes(np.random.default_rng(1), 80)
    return judge_of(trained(learnt, len(NAMES)), held_out, NAMES)


def others(per_class: int = 40) -> Pictures:
    """Reals that the judge has neither learnt from nor holds."""
    return shapes(np.random.default_rng(2), per_class)


def test_other_reals_score_about_as_the_reals_beside(judge: Judge) -> None:
    found = judge.examine(*others())

    assert found["label_accuracy"] == pytest.approx(found["reals"]["label_accuracy"], abs=0.05)
    assert found["label_accuracy"] >= 0.95
    assert found["ratio"] == pytest.approx(found["frechet_distance"] / judge.floor)
    assert 0.2 < found["ratio"] < 5
    for score in ("precision", "recall"):
        assert found[score] == pytest.approx(found["reals"][score], abs=0.2)
    assert found["recall"] > 0.5


def test_shuffled_labels_are_right_as_often_as_chance_and_leave_the_rest_alone(judge: Judge) -> None:
    images_NHWC, labels_N = others()

    straight = judge.examine(images_NHWC, labels_N)
    shuffled = judge.examine(images_NHWC, np.random.default_rng(3).permutation(labels_N))

    assert shuffled["label_accuracy"] < 0.6
    assert {name: shuffled[name] for name in ("frechet_distance", "kid", "recall")} == {
        name: straight[name] for name in ("frechet_distance", "kid", "recall")
    }


def test_one_picture_of_each_class_again_and_again_reads_well_and_covers_nothing(judge: Judge) -> None:
    images_NHWC, labels_N = others()
    collapsed_NHWC = images_NHWC[np.repeat([0, 40, 80], 40)]

    found = judge.examine(collapsed_NHWC, labels_N)

    assert found["label_accuracy"] == 1.0
    assert found["recall"] < 0.1
    assert found["frechet_distance"] > judge.examine(*others())["frechet_distance"]


def test_fewer_pictures_than_compare_get_no_kid_and_no_recall(judge: Judge) -> None:
    images_NHWC, labels_N = others(per_class=10)

    found = judge.examine(images_NHWC, labels_N)

    assert (found["images"], judge.comparable) == (30, 120)
    assert [found[score] for score in ("kid", "precision", "recall")] == [None] * 3
    assert found["reals"]["recall"] > 0.5


def test_a_class_that_nobody_asked_for_has_no_accuracy(judge: Judge) -> None:
    images_NHWC, labels_N = others()

    found = judge.examine(images_NHWC[labels_N < 2], labels_N[labels_N < 2])

    assert found["per_class_accuracy"][2] is None
    assert None not in found["per_class_accuracy"][:2]


def test_who_makes_it_again_has_the_same_judge() -> None:
    learnt = shapes(np.random.default_rng(0), 10)

    assert trained(learnt, len(NAMES)) == trained(learnt, len(NAMES))


@pytest.mark.slow
def test_of_the_avatars_reals_score_about_the_floor_and_shuffled_labels_are_read_wrong(tmp_path: Path) -> None:
    judge = avatars_judge(tmp_path, learnt_per_class=60, per_class=60)
    images_NHWC, labels_N = avatars.kept(tmp_path, 30, avatars.HELD_OUT + 60)

    found = judge.examine(images_NHWC, labels_N)
    shuffled = judge.examine(images_NHWC, np.random.default_rng(0).permutation(labels_N))
    again = avatars_judge(tmp_path, learnt_per_class=60, per_class=60)

    assert (judge.shape, judge.class_names, judge.comparable) == ((64, 64, 3), avatars.STYLES, 240)
    assert found["label_accuracy"] >= 0.95
    assert found["ratio"] < 3
    assert found["recall"] > 0.5
    assert shuffled["label_accuracy"] < 0.3
    assert again.examine(images_NHWC, labels_N) == found
