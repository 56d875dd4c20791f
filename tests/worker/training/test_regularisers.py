"""Penalties, on critics whose gradient is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.architectures import ARCHITECTURES
from models.sizes import CONFIGS
from worker.training.regularisers import Judged, gradient_penalty, zero_centred

Score = Callable[[Tensor], Tensor]


def judged(score: Score, real_BCHW: Tensor, fake_BCHW: Tensor, mixing_B: Tensor | None = None) -> Judged:
    real, fake = real_BCHW.detach().requires_grad_(), fake_BCHW.detach().requires_grad_()
    mixing_B = torch.rand(len(real)) if mixing_B is None else mixing_B
    return Judged(real, fake, score(real), score(fake), score, mixing_B)


def pictures(count: int = 4) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(count, 1, 4, 4), torch.randn(count, 1, 4, 4)


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_the_square_of_its_norm_less_one(norm: float) -> None:
    weight = torch.zeros(16)
    weight[3] = norm

    penalty = gradient_penalty(judged(lambda x: x.flatten(1) @ weight, *pictures()))

    assert penalty.item() == pytest.approx((norm - 1) ** 2, abs=1e-5)


def test_a_critic_without_any_slope_still_learns_from_the_penalty() -> None:
    weight = torch.zeros(16, requires_grad=True)

    gradient_penalty(judged(lambda x: x.flatten(1) @ weight, *pictures())).backward()  # type: ignore[no-untyped-call]

    assert weight.grad is not None
    assert bool(torch.isfinite(weight.grad).all())


@pytest.mark.parametrize(("mixing", "nearer"), [(0.0, 0), (1.0, 1)])
def test_the_penalty_is_taken_between_real_and_fake(mixing: float, nearer: int) -> None:
    real_BCHW, fake_BCHW = pictures()
    quadratic: Score = lambda x: 0.5 * x.flatten(1).square().sum(dim=1)  # noqa: E731 (its gradient is x)

    penalty = gradient_penalty(judged(quadratic, real_BCHW, fake_BCHW, torch.full((4,), mixing)))

    norm_B = (real_BCHW, fake_BCHW)[nearer].flatten(1).norm(dim=1)
    assert penalty.item() == pytest.approx((norm_B - 1).square().mean().item(), rel=1e-5)


def test_every_picture_has_a_place_of_its_own_between_them() -> None:
    seen: list[Tensor] = []

    def score(x_BCHW: Tensor) -> Tensor:
        seen.append(x_BCHW)
        return x_BCHW.flatten(1).sum(dim=1)

    gradient_penalty(judged(score, torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2), torch.tensor([0.1, 0.5, 0.9])))

    assert torch.allclose(seen[-1][:, 0, 0, 0], torch.tensor([0.1, 0.5, 0.9]))


def test_r1_and_r2_of_a_quadratic_are_the_mean_square_of_the_pictures() -> None:
    real_BCHW, fake_BCHW = pictures()

    penalty = zero_centred(judged(lambda x: 0.5 * 3.0 * x.flatten(1).square().sum(dim=1), real_BCHW, fake_BCHW))

    squares = [images.flatten(1).square().sum(dim=1).mean().item() for images in (real_BCHW, fake_BCHW)]
    assert penalty.item() == pytest.approx(0.5 * 9 * sum(squares), rel=1e-5)


@pytest.mark.parametrize("penalty", [gradient_penalty, zero_centred])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_penalty_has_the_gradient_that_small_differences_have(name: str, penalty: Callable[[Judged], Tensor]) -> None:
    """Second derivatives through every trunk, channels last: right, also to the digits that a float64 has."""
    critic = _critic(name)
    real_BCHW, fake_BCHW = (x.to(memory_format=torch.channels_last) for x in _doubles())
    mixing_B = torch.tensor([0.3, 0.8], dtype=torch.float64)

    def value() -> Tensor:
        return penalty(judged(lambda x: critic(x).score_B, real_BCHW, fake_BCHW, mixing_B))

    weights = [weight for weight in critic.parameters() if weight.dim() > 1]
    gradients = torch.autograd.grad(value(), weights, allow_unused=True)
    direction = [torch.randn_like(weight) for weight in weights]
    step = 1e-6
    with torch.no_grad():
        _move(weights, direction, step)
        above = value_of(value)
        _move(weights, direction, -2 * step)
        below = value_of(value)

    slope = sum((g * d).sum().item() for g, d in zip(gradients, direction, strict=True) if g is not None)
    assert abs(slope) > 1e-6
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-3)


def value_of(value: Callable[[], Tensor]) -> float:
    with torch.enable_grad():
        return value().item()


def _move(weights: list[nn.Parameter], direction: list[Tensor], step: float) -> None:
    for weight, d in zip(weights, direction, strict=True):
        weight.add_(d, alpha=step)


def _doubles() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 1, 8, 8, dtype=torch.float64), torch.randn(2, 1, 8, 8, dtype=torch.float64)


def _critic(name: str) -> nn.Module:
    architecture = ARCHITECTURES[name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        sizes = CONFIGS[name](image_size=8, channels=1, latent_dim=4, width=16, num_classes=0)
        critic = architecture.discriminator(sizes, "none")
        for parameter in critic.parameters():
            nn.init.normal_(parameter, 0, 0.2)
    return critic.double().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
