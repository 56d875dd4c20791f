"""The DCGAN networks: their sizes, and that a picture owes nothing to its neighbours."""

import pytest
import torch
from torch import nn

from core.media.images import base_size
from models.dcgan import Generator
from models.sizes import NARROWEST, DCGANConfig


def config(size: int = 28, channels: int = 1, width: int = 16, classes: int = 0, depth: int = 0) -> DCGANConfig:
    return DCGANConfig(image_size=size, channels=channels, latent_dim=5, width=width, num_classes=classes, depth=depth)


def loud(generator: Generator, seed: int = 0) -> Generator:
    """An untrained network draws nearly nothing, and always the same: make it louder."""
    source = torch.Generator().manual_seed(seed)
    for module in generator.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, 0.3, generator=source)
    return generator.eval()


@pytest.mark.parametrize("size", [-8, 0, 1, 4, 7, 9, 12, 20, 21, 24, 27, 30, 36, 42, 100, 255, 896, 1024, 2**40])
def test_any_other_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"image_size must be 8 to 512 .* got {size}"):
        config(size)


@pytest.mark.parametrize(
    "change",
    [
        *({"channels": 0}, {"latent_dim": 0}, {"width": 15}, {"num_classes": -1}),
        *({"channels": 5}, {"latent_dim": 1025}, {"width": 1025}, {"num_classes": 1001}),
        *({"depth": -1}, {"depth": 5}),
    ],
)
def test_a_network_without_features_or_with_too_many_is_refused(change: dict[str, int]) -> None:
    fields = {"image_size": 28, "channels": 1, "latent_dim": 5, "width": 16, "num_classes": 0}

    with pytest.raises(ValueError, match=rf"{next(iter(change))} must be \d+ to \d+, got"):
        DCGANConfig(**fields | change)


@pytest.mark.parametrize(
    ("size", "base"), [(8, 4), (512, 4), (14, 7), (28, 7), (448, 7), (32, 4), (9, None), (896, None)]
)
def test_the_base_of_a_size_is_4_or_7(size: int, base: int | None) -> None:
    assert base_size(size) == base


@pytest.mark.parametrize(
    ("size", "generator", "discriminator"),
    [
        (28, [256, 128], [64, 128, 256]),
        (32, [256, 128, 64], [64, 128, 256]),
        (8, [256], [256]),
        (256, [256, 128, 64, 32, 16, 16], [16, 16, 32, 64, 128, 256]),
    ],
)
def test_feature_maps_are_as_many_as_the_docstring_says(
    size: int, generator: list[int], discriminator: list[int]
) -> None:
    sizes = config(size, width=256)

    assert sizes.generator_widths == generator
    assert sizes.discriminator_widths == discriminator
    assert "28 and 32 px and width 256: [64, 128, 256]" in str(DCGANConfig.discriminator_widths.__doc__)
    assert "32 px and width 256: [256, 128, 64]" in str(DCGANConfig.generator_widths.__doc__)


def test_no_level_is_narrower_than_the_narrowest() -> None:
    assert min(config(256, width=32).generator_widths) == NARROWEST


@pytest.mark.parametrize(("depth", "places"), [(0, 9), (1, 25)])
def test_a_pixel_in_the_middle_of_28_px_sees_so_many_of_the_49_places_it_begins_with(depth: int, places: int) -> None:
    """With nine, strokes at both ends of a digit know nothing of each other."""
    generator = loud(Generator(config(28, depth=depth)))
    stem_BCHW = torch.randn(1, 16, 7, 7, requires_grad=True)

    pixel = generator.to_image(generator.blocks(stem_BCHW))[0, 0, 14, 14]
    (gradient_BCHW,) = torch.autograd.grad(pixel, stem_BCHW)

    assert int(gradient_BCHW.abs().sum(dim=(0, 1)).count_nonzero()) == places


@pytest.mark.parametrize("size", [8, 28, 32])
def test_a_picture_owes_nothing_to_its_neighbours_in_the_batch(size: int) -> None:
    generator = loud(Generator(config(size)))
    torch.manual_seed(1)
    z_BZ = torch.randn(8, 5)
    others_BZ = torch.cat([z_BZ[:1], 100 * torch.randn(7, 5)])

    with torch.inference_mode():
        drawn, beside_others, alone = generator(z_BZ)[0], generator(others_BZ)[0], generator(z_BZ[:1])[0]

    assert torch.equal(drawn, beside_others)
    assert torch.allclose(drawn, alone, atol=1e-3)
    assert drawn.std() > 0.01


def test_the_same_seed_of_torch_builds_the_same_network() -> None:
    built = []
    for _ in range(2):
        torch.manual_seed(3)
        built.append(Generator(config(classes=2)).state_dict())

    assert all(torch.equal(built[0][name], built[1][name]) for name in built[0])


def test_weights_begin_as_in_the_paper() -> None:
    torch.manual_seed(0)
    network = Generator(config(32, width=128))

    convolutions = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    scales = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.BatchNorm2d)])

    assert abs(convolutions.std().item() - 0.02) < 0.001
    assert abs(scales.mean().item() - 1) < 0.01
    assert abs(scales.std().item() - 0.02) < 0.005
