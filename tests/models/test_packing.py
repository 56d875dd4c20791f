"""Packed networks draw what the folded ones draw, in every batch size the same."""

import pytest
import torch
from torch import nn

from models.folding import run_in
from models.packing import PackedConvTranspose2d, pack
from models.sampling import to_uint8
from tests.models.test_folding import noise, trained


@pytest.mark.parametrize(("precision", "levels"), [("float32", 1), ("bfloat16", 2)])
@pytest.mark.parametrize(("classes", "size", "channels"), [(0, 32, 3), (5, 28, 1)])
def test_a_packed_generator_draws_the_same_up_to_rounding(
    classes: int, size: int, channels: int, precision: str, levels: int
) -> None:
    generator, labels = trained(classes, size, channels), torch.arange(16) % classes if classes else None

    with torch.inference_mode():
        packed = pack(run_in(generator, precision))
        drawn, expected = (to_uint8(network(noise(16), labels)) for network in (packed, run_in(generator, precision)))

    assert (drawn.int() - expected.int()).abs().max() <= levels
    assert expected.float().std() > 20


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_picture_of_a_packed_generator_is_the_same_in_batches_of_any_size(precision: str) -> None:
    packed, z_BZ = pack(run_in(trained(), precision)), noise(64)

    with torch.inference_mode():
        together = to_uint8(packed(z_BZ))
        for size in (1, 2, 4, 8, 16, 32):
            apart = torch.cat([to_uint8(packed(part)) for part in torch.split(z_BZ, size)])
            assert torch.equal(apart, together), size


def test_an_activation_goes_into_the_layer_before_it_alone() -> None:
    layers = nn.Sequential(
        nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1), nn.Identity(), nn.LeakyReLU(0.3), nn.Tanh(), nn.LeakyReLU(0.1)
    ).requires_grad_(False)
    x_BIHW = torch.randn(2, 4, 3, 3)

    expected = layers(x_BIHW)
    pack(layers)

    assert [type(layer) for layer in layers] == [PackedConvTranspose2d, nn.Identity, nn.Identity, nn.Tanh, nn.LeakyReLU]
    assert torch.allclose(layers(x_BIHW), expected, atol=1e-6)


def test_a_build_without_the_operators_draws_with_the_network_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.packing.OPERATORS", ("no_such_operator",))
    folded = run_in(trained(), "float32")

    assert not [module for module in pack(folded).modules() if isinstance(module, PackedConvTranspose2d)]
