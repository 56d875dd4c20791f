"""R3GAN's networks: resampled as in the paper's code, and older ones as they were trained."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.architectures import ARCHITECTURES
from models.r3gan import FirstResample, Resample
from models.sizes import R3GANConfig

FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
FIRST_DREW = 31.258739  # the sum of a picture, by the build before there were revisions
SIZES = {"image_size": 16, "channels": 3, "latent_dim": 4, "width": 32, "num_classes": 2}


def filtered(x_BCHW: Tensor, *, doubles: bool) -> Tensor:
    """What upfirdn2d does: zeros beyond the edge, and twice the size has four times the filter."""
    channels = x_BCHW.shape[1]
    kernel = FILTER.expand(channels, 1, 4, 4)
    if doubles:
        return F.conv_transpose2d(x_BCHW, 4 * kernel, stride=2, padding=1, groups=channels)
    return F.conv2d(x_BCHW, kernel, stride=2, padding=1, groups=channels)


@pytest.mark.parametrize("doubles", [True, False])
def test_pictures_are_resampled_with_the_filter_of_the_paper(doubles: bool) -> None:
    x_BCHW = torch.randn(2, 5, 14, 14, generator=torch.Generator().manual_seed(0))

    assert torch.allclose(Resample(5, 5, doubles=doubles)(x_BCHW), filtered(x_BCHW, doubles=doubles), atol=1e-6)


def test_levels_of_equal_width_have_nothing_between_them_to_learn() -> None:
    assert list(Resample(5, 5, doubles=True).parameters()) == []
    assert [weight.shape for weight in Resample(5, 3, doubles=True).parameters()] == [(3, 5, 1, 1)]


def test_sizes_without_a_revision_are_those_of_the_first_network() -> None:
    config = R3GANConfig(**SIZES)

    resamples = [type(module) for module in ARCHITECTURES["r3gan"].generator(config).modules()]

    assert config.revision == 1
    assert FirstResample in resamples
    assert Resample not in resamples


def test_the_first_network_draws_what_it_drew() -> None:
    torch.manual_seed(0)
    generator = ARCHITECTURES["r3gan"].generator(R3GANConfig(**SIZES)).eval()

    drawn_BCHW = generator(torch.ones(1, 4), torch.tensor([1]))

    assert drawn_BCHW.sum().item() == pytest.approx(FIRST_DREW, rel=1e-4)


def test_a_revision_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="revision must be 1 or 2, got 3"):
        R3GANConfig(**SIZES, revision=3)
