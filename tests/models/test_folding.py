"""Folded networks draw what the trained ones draw, in every batch size the same."""

import pytest
import torch
from torch import nn

from models.architectures import ARCHITECTURES
from models.blocks import UpConv2d
from models.dcgan import Generator
from models.folding import PhasedConv2d, fold, fold_into, halve
from models.sampling import to_uint8
from models.sizes import CONFIGS, DCGANConfig


def trained(classes: int = 0, size: int = 32, channels: int = 3) -> Generator:
    """A generator whose batch norms have seen something, and whose pictures have contrast."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = DCGANConfig(image_size=size, channels=channels, latent_dim=20, width=64, num_classes=classes)
        generator = Generator(sizes).requires_grad_(False)
        for _ in range(20):
            generator(torch.randn(32, 20), torch.randint(max(classes, 1), (32,)) if classes else None)
    generator.to_image.weight.mul_(25)
    return generator.eval()


def noise(count: int) -> torch.Tensor:
    return torch.randn(count, 20, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("classes", [0, 5])
@pytest.mark.parametrize(("size", "channels"), [(32, 3), (28, 1), (64, 3)])
def test_a_folded_generator_draws_the_same_up_to_rounding(classes: int, size: int, channels: int) -> None:
    generator = trained(classes, size, channels)
    labels = torch.arange(16) % classes if classes else None

    with torch.inference_mode():
        drawn = fold(generator)(noise(16), labels)
        expected = generator(noise(16), labels)

    assert expected.std() > 0.15
    assert torch.allclose(drawn, expected, atol=1e-4)


@pytest.mark.parametrize("classes", [0, 5])
@pytest.mark.parametrize(("size", "channels"), [(32, 3), (28, 1)])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_folded_draws_the_same_up_to_rounding(
    name: str, size: int, channels: int, classes: int
) -> None:
    generator = practised(name, size, channels, classes)
    labels = torch.arange(16) % classes if classes else None

    with torch.inference_mode():
        drawn = fold(generator)(noise(16), labels)
        expected = generator(noise(16), labels)

    assert expected.std() > 0.1
    assert torch.allclose(drawn, expected, atol=1e-4)


def test_norms_before_a_sum_are_folded_where_that_can_be() -> None:
    conditional, plain = fold(practised("resnet", 32, 3, 5)), fold(practised("resnet", 32, 3, 0))

    assert len([m for m in conditional.modules() if isinstance(m, nn.BatchNorm2d)]) == 1  # the last one
    assert len([m for m in plain.modules() if isinstance(m, nn.BatchNorm2d)]) == 3 + 1  # one a block, and the last


def practised(name: str, size: int, channels: int, classes: int) -> nn.Module:
    """A generator of any architecture, with weights of some size, whose norms have seen something."""
    architecture = ARCHITECTURES[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = CONFIGS[name](image_size=size, channels=channels, latent_dim=20, width=32, num_classes=classes)
        generator = architecture.generator(sizes).requires_grad_(False)
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for _ in range(20):
            generator(torch.randn(32, 20), torch.randint(max(classes, 1), (32,)) if classes else None)
    return generator.eval()


def test_nothing_is_left_of_batch_norm_and_doubling() -> None:
    folded = fold(trained(5))

    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d | UpConv2d)]


@pytest.mark.parametrize(("channels", "bias"), [(1, True), (3, False), (7, True)])
def test_a_doubling_by_phases_gives_what_the_layer_gives(channels: int, bias: bool) -> None:
    layer = UpConv2d(5, channels, bias=bias).requires_grad_(False)
    x_BCHW = torch.randn(2, 5, 3, 4)

    phased = PhasedConv2d(layer)

    assert torch.allclose(phased(x_BCHW), layer(x_BCHW), atol=1e-5)


def test_folding_leaves_the_trained_network_as_it_was() -> None:
    generator = trained()
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}

    fold(generator)

    after = generator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_the_bias_of_a_layer_goes_through_its_norm() -> None:
    layer, norm = nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)
    norm(torch.randn(50, 3, 4, 4) * 3 + 1)
    norm.eval()
    x_BCHW = torch.randn(4, 2, 5, 5)

    expected = norm(layer(x_BCHW))
    fold_into(layer, norm)

    assert torch.allclose(layer(x_BCHW), expected, atol=1e-5)


@pytest.mark.parametrize("classes", [0, 5])
def test_a_picture_is_the_same_in_batches_of_any_size(classes: int) -> None:
    folded = fold(trained(classes)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    z_BZ = noise(64)
    labels = torch.arange(64) % classes if classes else None

    for network in (folded, halve(folded)):
        with torch.inference_mode():
            together = to_uint8(network(z_BZ, labels))
            for size in (1, 2, 3, 4, 8, 16, 32):
                parts = [slice(i, i + size) for i in range(0, 64, size)]
                drawn = [to_uint8(network(z_BZ[p], None if labels is None else labels[p])) for p in parts]
                assert torch.equal(torch.cat(drawn), together), size


def test_in_bfloat16_only_the_convolutions_are_halved() -> None:
    halved = halve(fold(trained(5)))

    types = {(type(module).__name__, p.dtype) for module in halved.modules() for p in module.parameters(recurse=False)}

    assert types == {
        ("SteadyLinear", torch.float32),
        ("Embedding", torch.float32),
        ("ConvTranspose2d", torch.bfloat16),
        ("PhasedConv2d", torch.bfloat16),
    }


def test_a_picture_in_bfloat16_is_near_that_in_float32() -> None:
    folded = fold(trained())

    with torch.inference_mode():
        exact, near = to_uint8(folded(noise(32))).int(), to_uint8(halve(folded)(noise(32))).int()

    assert 0 < (exact - near).abs().max() <= 4
    assert (exact - near).abs().float().mean() < 0.5
