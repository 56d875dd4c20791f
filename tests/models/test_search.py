"""Completion by search: which known pixels count, where it begins, and that the noise it finds draws what is known."""

import numpy as np
import pytest
import torch
from torch import nn

from core.media.images import Images
from models.context import NUM_CANDIDATES, Descent, candidates, context_weights, distances, with_known
from models.noise import SEEDS, draw_noise
from models.sampling import to_uint8
from models.search import descend

FOREVER = 1e9  # seconds


def drawn(generator: nn.Module, seed: int, label: int = 1) -> Images:
    with torch.inference_mode():
        z_1Z = torch.from_numpy(draw_noise([seed], 4))
        image: Images = to_uint8(generator(z_1Z, torch.tensor([label])))[0].numpy()
    return image


@pytest.fixture
def picture(generator: nn.Module) -> Images:
    """What the generator draws of seed 7, with a hole (H, W, A)."""
    known_HW1 = np.full((8, 8, 1), 255, np.uint8)
    known_HW1[2:6, 2:6] = 0
    return np.dstack([drawn(generator, 7) * (known_HW1 == 255), known_HW1])


def start(seed: int = 1) -> Descent:
    return Descent.begin(draw_noise([seed], 4), 1, 1.0)


def test_a_draft_begins_with_its_own_seed_and_others_that_are_always_the_same() -> None:
    first, again, other = candidates(5), candidates(5), candidates(6)

    assert (len(first), first[0], first) == (NUM_CANDIDATES, 5, again)
    assert all(0 <= seed < SEEDS for seed in first)
    assert len({*first, *other}) > 1.9 * NUM_CANDIDATES


def test_known_pixels_count_the_more_the_nearer_they_are_to_the_hole() -> None:
    known_HW = np.ones((16, 16), np.bool_)
    known_HW[8:10, 8:10] = False

    weight_HW = context_weights(known_HW)

    assert (weight_HW[~known_HW] == 0).all()
    assert weight_HW[8, 7] == pytest.approx(4 / 49)
    assert weight_HW[8, 5] == pytest.approx(2 / 49)
    assert weight_HW[0, 0] == weight_HW[8, 4] == 0


def test_a_picture_is_as_far_as_its_known_pixels_differ(generator: nn.Module, picture: Images) -> None:
    same, other = drawn(generator, 7), drawn(generator, 8)
    in_the_hole = same.copy()
    in_the_hole[2:6, 2:6] ^= 255

    far = distances(np.stack([same, in_the_hole, other]), picture)

    assert far.shape == (3, 2)
    assert far[:2].tolist() == [[0, 0], [0, 0]]
    assert ((far[2] > 0) & (far[2] < 1)).all()
    assert np.array_equal(with_known(other[None], picture)[0][:2], same[:2])
    assert np.array_equal(with_known(other[None], picture)[0][2:6, 2:6], other[2:6, 2:6])


def test_each_step_leads_nearer_to_what_is_known(generator: nn.Module, picture: Images) -> None:
    first = descend(generator, start(), picture, 1, FOREVER)

    last = descend(generator, start(), picture, 150, FOREVER)

    assert (first.step, last.step) == (1, 150)
    assert last.distance < first.distance / 2
    assert 0.5 < np.linalg.norm(last.noise) / 2 < 2  # Z is 4


def test_in_how_many_parts_it_is_done_changes_no_number(generator: nn.Module, picture: Images) -> None:
    whole, parts = descend(generator, start(), picture, 20, FOREVER), start()

    while parts.step < 20:
        parts = descend(generator, parts, picture, 20, within_s=0)

    assert np.array_equal(whole.noise, parts.noise)
    assert np.array_equal(whole.square, parts.square)
    assert whole.distance == parts.distance
    assert whole.noise.dtype == np.float32
