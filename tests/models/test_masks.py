"""Masks: the same for the same seed, of three kinds, neither nothing nor all."""

import hashlib

import numpy as np
import pytest

from models.masks import KINDS, LEAST_HOLE, MOST_HOLE, draw_masks


@pytest.mark.parametrize("side", [8, 28, 128])
def test_a_hole_takes_a_tenth_to_six_tenths_of_the_picture(side: int) -> None:
    shares = 1 - draw_masks(range(60), side).mean(axis=(1, 2))

    assert shares.min() >= LEAST_HOLE
    assert shares.max() <= MOST_HOLE
    assert shares.std() > 0.05


def test_a_mask_is_of_its_seed_alone_and_another_seed_has_another() -> None:
    alone, beside = draw_masks([7], 28), draw_masks([3, 7, 2**32 + 7], 28)

    assert np.array_equal(alone[0], beside[1])
    assert np.array_equal(alone[0], beside[2])
    assert len({mask.tobytes() for mask in draw_masks(range(50), 28)}) == 50


def test_a_seed_means_the_same_mask_for_ever() -> None:
    assert hashlib.sha256(draw_masks(range(20), 28).tobytes()).hexdigest()[:16] == "b6276a1c261db85a"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_hole_is_in_reach_of_what_is_asked(kind: object) -> None:
    source = np.random.RandomState(0)

    shares = [kind(source, 28).mean() for _ in range(40)]  # type: ignore[operator]

    assert sum(LEAST_HOLE <= share <= MOST_HOLE for share in shares) > 15
