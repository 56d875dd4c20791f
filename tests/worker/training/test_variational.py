"""The losses of a VAE: against closed forms, torch's own distributions, and by hand."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from models.encoder import Posterior
from worker.training.variational import bernoulli, divergence_from_normal, gaussian, sampled


def test_the_divergence_of_the_prior_from_itself_is_nothing() -> None:
    assert divergence_from_normal(Posterior(torch.zeros(2, 5), torch.zeros(2, 5))).tolist() == [0, 0]


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(4, 6), torch.randn(4, 6))

    divergence_B = divergence_from_normal(posterior)

    expected = kl_divergence(Normal(posterior.mean_BZ, (0.5 * posterior.log_variance_BZ).exp()), Normal(0.0, 1.0))
    assert torch.allclose(divergence_B, expected.sum(dim=1), atol=1e-5)


def test_samples_have_the_mean_and_the_variance_of_the_posterior() -> None:
    posterior = Posterior(torch.full((20_000, 1), 3.0), torch.full((20_000, 1), math.log(4)))

    z_BZ = sampled(posterior, torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)))

    assert z_BZ.mean().item() == pytest.approx(3, abs=0.05)
    assert z_BZ.var().item() == pytest.approx(4, abs=0.15)


def test_noise_reaches_the_encoder_with_its_gradient() -> None:
    mean_BZ, log_variance_BZ = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)

    sampled(Posterior(mean_BZ, log_variance_BZ), torch.ones(2, 3)).sum().backward()  # type: ignore[no-untyped-call]

    assert torch.equal(mean_BZ.grad, torch.ones(2, 3))  # type: ignore[arg-type]
    assert torch.equal(log_variance_BZ.grad, torch.full((2, 3), 0.5))  # type: ignore[arg-type]


def test_a_pixel_is_the_probability_of_white_that_tanh_draws() -> None:
    before_tanh_BP = torch.tensor([[0.0, 1.0, -2.0]])
    real_BP = torch.tensor([[-1.0, 1.0, 1.0]])

    nats_B = bernoulli(before_tanh_BP, real_BP)

    probability_BP = (before_tanh_BP.tanh() + 1) / 2
    expected = -Bernoulli(probability_BP).log_prob((real_BP + 1) / 2).sum(dim=1)  # type: ignore[no-untyped-call]
    assert torch.allclose(nats_B, expected, atol=1e-5)


def test_a_pixel_of_which_the_decoder_is_sure_and_wrong_costs_a_finite_number() -> None:
    nats_B = bernoulli(torch.tensor([[50.0]]), torch.tensor([[-1.0]]))

    assert nats_B.item() == pytest.approx(100)


def test_the_variance_of_pixels_is_the_one_that_fits_best() -> None:
    real_BP = torch.tensor([[0.5, -0.5], [0.1, 0.3]])
    before_tanh_BP = torch.zeros(2, 2)

    nats = gaussian(before_tanh_BP, real_BP).sum().item()

    def with_deviation(deviation: float) -> float:
        log_density = Normal(torch.zeros(2, 2), deviation).log_prob(real_BP)  # type: ignore[no-untyped-call]
        return -float(log_density.sum())

    best = real_BP.square().mean().sqrt().item()
    assert nats == pytest.approx(with_deviation(best), rel=1e-5)
    assert nats < min(with_deviation(0.9 * best), with_deviation(1.1 * best))


def test_pictures_that_are_drawn_perfectly_cost_a_finite_number() -> None:
    assert bool(torch.isfinite(gaussian(torch.zeros(1, 4), torch.zeros(1, 4))).all())
