"""Objectives: checked against values worked out by hand."""

import math

import pytest
import torch

from worker.objectives import NonSaturating


def test_at_zero_logits_nothing_is_known_and_each_term_is_log_two() -> None:
    zero_B = torch.zeros(5)

    d_loss = NonSaturating().discriminator(zero_B, zero_B)
    g_loss = NonSaturating().generator(zero_B)

    assert d_loss.item() == pytest.approx(2 * math.log(2))
    assert g_loss.item() == pytest.approx(math.log(2))


def test_losses_are_binary_cross_entropy_on_logits() -> None:
    real_B, fake_B = torch.tensor([1.5, -0.5]), torch.tensor([-2.0, 0.25])
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    d_loss = NonSaturating().discriminator(real_B, fake_B)

    assert torch.allclose(d_loss, bce(real_B, torch.ones(2)) + bce(fake_B, torch.zeros(2)))
    assert torch.allclose(NonSaturating().generator(fake_B), bce(fake_B, torch.ones(2)))


def test_a_generator_that_fools_nobody_still_has_a_gradient() -> None:
    hopeless_B = torch.full((3,), -50.0, requires_grad=True)

    NonSaturating().generator(hopeless_B).backward()  # type: ignore[no-untyped-call]

    assert hopeless_B.grad is not None
    assert torch.allclose(hopeless_B.grad.sum(), torch.tensor(-1.0))
