"""Spectral norm: every weight has a largest singular value of one; its vectors move in training alone."""

import pytest
import torch
from torch import Tensor, nn

from models.architectures import ARCHITECTURES
from models.sizes import CONFIGS
from models.spectral import SpectralNorm, constrain


def largest_singular_value(weight: Tensor) -> float:
    return float(torch.linalg.matrix_norm(weight.detach().flatten(1).double(), ord=2))


@pytest.fixture
def layer() -> nn.Conv2d:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 16, 3)
    constrain(layer)
    return layer


def vectors(network: nn.Module) -> list[Tensor]:
    norms = [module for module in network.modules() if isinstance(module, SpectralNorm)]
    return [vector.clone() for norm in norms for vector in (norm.u_O, norm.v_I)]


def test_after_some_steps_the_largest_singular_value_is_one(layer: nn.Conv2d) -> None:
    for _ in range(50):
        layer(torch.randn(1, 8, 5, 5))

    assert largest_singular_value(layer.weight) == pytest.approx(1, abs=1e-3)


def test_it_begins_near_the_truth() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 32)
    before = layer.weight.clone()
    constrain(layer)

    layer.eval()

    assert largest_singular_value(layer.weight) == pytest.approx(1, abs=0.05)
    assert torch.allclose(layer.weight * largest_singular_value(before), before, rtol=0.05)


def test_the_vectors_move_in_training_and_rest_in_eval(layer: nn.Conv2d) -> None:
    x_BCHW = torch.randn(1, 8, 5, 5)
    before = vectors(layer)

    layer.eval()
    first, again = layer(x_BCHW), layer(x_BCHW)
    resting = vectors(layer)
    layer.train()
    layer(x_BCHW)
    moved = vectors(layer)

    assert torch.equal(first, again)
    assert all(map(torch.equal, before, resting))
    assert not any(map(torch.equal, before, moved))


def test_two_passes_can_be_differentiated_together(layer: nn.Conv2d) -> None:
    real, fake = layer(torch.randn(1, 8, 5, 5)), layer(torch.randn(1, 8, 5, 5))

    (real.mean() - fake.mean()).backward()

    assert layer.parametrizations is not None
    assert next(layer.parameters()).grad is not None


def test_in_bfloat16_the_value_is_still_measured_in_float32(layer: nn.Conv2d) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(1, 8, 5, 5))

        assert layer.weight.dtype == torch.float32
        assert all(vector.dtype == torch.float32 for vector in vectors(layer))


def test_the_vectors_are_in_what_a_checkpoint_holds(layer: nn.Conv2d) -> None:
    names = [name.rpartition(".")[2] for name in layer.state_dict()]

    assert sorted(names) == ["bias", "original", "u_O", "v_I"]


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "r3gan"])
def test_every_weight_of_a_discriminator_is_constrained(name: str) -> None:
    architecture = ARCHITECTURES[name]
    sizes = CONFIGS[name](image_size=16, channels=1, latent_dim=4, width=16, num_classes=3)
    discriminator = architecture.discriminator(sizes, "projection")

    constrain(discriminator)

    layers = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) >= 4
    assert [layer for layer in layers if not hasattr(layer, "parametrizations")] == []
    for layer in layers:
        assert largest_singular_value(layer.weight) < 1.1
