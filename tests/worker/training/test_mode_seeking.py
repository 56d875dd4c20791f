"""What a generator pays for pictures that are alike, on pictures whose distances are known."""

import pytest
import torch
from torch import Tensor

from worker.training.mode_seeking import ENOUGH, likeness


def flat(*values: float) -> Tensor:
    """A picture of one value each, (B, 1, 4, 4)."""
    return torch.tensor(values)[:, None, None, None].expand(-1, 1, 4, 4)


def test_pictures_as_far_apart_as_real_ones_cost_nothing() -> None:
    pictures = flat(0.0, 0.4, -0.4, 0.8)

    assert likeness(pictures, pictures, None).item() == 0.0


def test_one_picture_for_all_noise_costs_the_most() -> None:
    assert likeness(flat(0.3, 0.3, 0.3), flat(0.0, 0.5, -0.5), None).item() == 1.0


def test_what_is_paid_is_what_lacks_of_half_the_distance_of_the_reals() -> None:
    cost = likeness(flat(0.0, 0.1), flat(0.0, 0.8), None)

    assert cost.item() == pytest.approx(1 - 0.1 / (ENOUGH * 0.8))


def test_only_pictures_of_the_same_class_are_held_against_each_other() -> None:
    label_B = torch.tensor([0, 1, 0, 1])
    alike_across_classes = flat(0.0, 0.0, 0.8, 0.8)

    assert likeness(alike_across_classes, alike_across_classes, label_B).item() == 0.0
    assert likeness(flat(0.0, 0.8, 0.0, 0.8), alike_across_classes, label_B).item() == 1.0


def test_the_pairs_of_a_class_go_round_so_that_each_picture_has_one() -> None:
    label_B = torch.tensor([1, 0, 1, 1])
    real_BCHW = flat(0.0, 0.0, 0.4, 0.8)

    cost = likeness(flat(0.0, 0.0, 0.0, 0.4), real_BCHW, label_B)

    # 0-2: nothing of 0.2; 2-3: 0.4 of 0.2; 3-0: 0.4 of 0.4
    assert cost.item() == pytest.approx(1 / 3, abs=1e-6)


def test_a_batch_without_two_of_any_class_costs_nothing() -> None:
    fake_BCHW = flat(0.1, 0.1).clone().requires_grad_()

    cost = likeness(fake_BCHW, flat(0.0, 0.9), torch.tensor([0, 1]))
    cost.backward()  # type: ignore[no-untyped-call]

    assert cost.item() == 0.0
    assert fake_BCHW.grad is not None
    assert not fake_BCHW.grad.any()


def test_the_way_out_is_away_from_each_other() -> None:
    fake_BCHW = flat(0.1, 0.2).clone().requires_grad_()

    likeness(fake_BCHW, flat(-0.9, 0.9), None).backward()  # type: ignore[no-untyped-call]

    assert fake_BCHW.grad is not None
    assert (fake_BCHW.grad[0] > 0).all()  # down goes the lower
    assert (fake_BCHW.grad[1] < 0).all()  # and up the higher


def test_real_pictures_that_are_the_same_ask_for_next_to_nothing() -> None:
    assert likeness(flat(0.0, 0.01), flat(0.5, 0.5), None).item() == 0.0
