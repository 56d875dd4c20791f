"""Objectives: checked against values worked out by hand."""

import math

import pytest
import torch

from worker.training.objectives import (
    OBJECTIVES,
    Hinge,
    LeastSquares,
    NonSaturating,
    Relativistic,
    Wasserstein,
    classification,
)

REAL_B, FAKE_B = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])


def test_at_zero_logits_nothing_is_known_and_each_term_is_log_two() -> None:
    zero_B = torch.zeros(5)

    d_loss = NonSaturating().discriminator(zero_B, zero_B)
    g_loss = NonSaturating().generator(zero_B, None)

    assert d_loss.item() == pytest.approx(2 * math.log(2))
    assert g_loss.item() == pytest.approx(math.log(2))


def test_losses_are_binary_cross_entropy_on_logits() -> None:
    real_B, fake_B = torch.tensor([1.5, -0.5]), torch.tensor([-2.0, 0.25])
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    d_loss = NonSaturating().discriminator(real_B, fake_B)

    assert torch.allclose(d_loss, bce(real_B, torch.ones(2)) + bce(fake_B, torch.zeros(2)))
    assert torch.allclose(NonSaturating().generator(fake_B, None), bce(fake_B, torch.ones(2)))


def test_a_generator_that_fools_nobody_still_has_a_gradient() -> None:
    hopeless_B = torch.full((3,), -50.0, requires_grad=True)

    NonSaturating().generator(hopeless_B, None).backward()  # type: ignore[no-untyped-call]

    assert hopeless_B.grad is not None
    assert torch.allclose(hopeless_B.grad.sum(), torch.tensor(-1.0))


def test_least_squares_by_hand() -> None:
    d_loss = LeastSquares().discriminator(REAL_B, FAKE_B)
    g_loss = LeastSquares().generator(FAKE_B, None)

    assert d_loss.item() == pytest.approx(0.5 * (1 + 0.25) / 2 + 0.5 * (9 + 0) / 2)
    assert g_loss.item() == pytest.approx(0.5 * (16 + 1) / 2)


def test_hinge_by_hand() -> None:
    d_loss = Hinge().discriminator(REAL_B, FAKE_B)
    g_loss = Hinge().generator(FAKE_B, None)

    assert d_loss.item() == pytest.approx((0 + 0.5) / 2 + (0 + 1) / 2)
    assert g_loss.item() == pytest.approx(1.5)


def test_wasserstein_by_hand() -> None:
    d_loss = Wasserstein().discriminator(REAL_B, FAKE_B)
    g_loss = Wasserstein().generator(FAKE_B, None)

    assert d_loss.item() == pytest.approx(-1.5 - 1.25)
    assert g_loss.item() == pytest.approx(1.5)


def test_relativistic_scores_are_compared_in_pairs() -> None:
    d_loss = Relativistic().discriminator(REAL_B, FAKE_B)
    g_loss = Relativistic().generator(FAKE_B, REAL_B)

    assert d_loss.item() == pytest.approx((math.log1p(math.exp(-5)) + math.log1p(math.exp(-0.5))) / 2)
    assert g_loss.item() == pytest.approx((math.log1p(math.exp(5)) + math.log1p(math.exp(0.5))) / 2)


def test_a_classifiers_logits_go_through_one_softmax() -> None:
    class_BK, label_B = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])

    loss = classification(class_BK, label_B)

    assert loss.item() == pytest.approx((math.log1p(math.exp(-2)) + math.log1p(math.exp(1))) / 2)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_pulls_real_up_and_fakes_apart(name: str) -> None:
    objective = OBJECTIVES[name]
    real_B, fake_B = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)

    d_real, d_fake = torch.autograd.grad(objective.discriminator(real_B, fake_B), [real_B, fake_B])
    (g_fake,) = torch.autograd.grad(objective.generator(fake_B, real_B.detach()), fake_B)

    assert (d_real < 0).all()
    assert (d_fake >= 0).all()
    assert (g_fake < 0).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_score_is_so_extreme_that_a_loss_stops_being_a_number(name: str) -> None:
    objective, far_B = OBJECTIVES[name], torch.tensor([1e4, -1e4])

    losses = objective.discriminator(far_B, -far_B), objective.generator(far_B, -far_B)

    assert all(bool(torch.isfinite(loss)) for loss in losses)
