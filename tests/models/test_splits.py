"""Which pictures a classifier learns from and is tested with: the same in every run, and none twice."""

import numpy as np
import pytest

from models.splits import count_learnt, draw_labelled, split


@pytest.mark.parametrize("count", [3, 10, 96, 10_000, 60_000])
def test_every_picture_is_learnt_from_or_held_out_or_of_the_test(count: int) -> None:
    parts, again = split(count), split(count)

    together = np.concatenate([parts.learnt_N, parts.held_out_N, parts.test_N])
    assert np.array_equal(np.sort(together), np.arange(count))
    assert len(parts.learnt_N) == count_learnt(count)
    assert len(parts.held_out_N) == len(parts.test_N) == max(1, min(count // 10, 2000))
    assert np.array_equal(parts.test_N, again.test_N)


def test_labels_are_drawn_once_by_the_seed_as_many_of_each_class() -> None:
    labels_N, learnt_N = np.arange(1000) % 10, split(1000).learnt_N

    one, again, other = (draw_labelled(labels_N, learnt_N, 7, seed) for seed in (1, 1, 2))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.bincount(labels_N[one]).tolist() == [7] * 10
    assert np.isin(one, learnt_N).all()


def test_a_class_with_fewer_pictures_has_all_of_them_labelled() -> None:
    labels_N = np.array([0] * 90 + [1] * 10)
    learnt_N = split(100).learnt_N

    drawn = draw_labelled(labels_N, learnt_N, 20, 0)

    assert np.bincount(labels_N[drawn]).tolist() == [20, int((labels_N[learnt_N] == 1).sum())]
