"""The U-Net: known pixels stay, the others are drawn from noise, label and what is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.masks import draw_masks
from models.sampling import to_uint8
from models.sizes import UNetConfig
from models.unet import Generator


def config(size: int = 28, channels: int = 1, classes: int = 0) -> UNetConfig:
    return UNetConfig(image_size=size, channels=channels, latent_dim=4, width=32, num_classes=classes)


def network(sizes: UNetConfig) -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Generator(sizes).eval()


def pictures(count: int, sizes: UNetConfig) -> Tensor:
    """Pictures of noise (B, H, W, A), each with a hole."""
    rng = np.random.default_rng(0)
    shape = (count, sizes.image_size, sizes.image_size, sizes.channels + 1)
    picture_BHWA = rng.integers(0, 256, shape, np.uint8)
    picture_BHWA[..., -1] = 255 * draw_masks(range(count), sizes.image_size)
    return torch.from_numpy(picture_BHWA)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28, 64, 128])
def test_known_pixels_come_back_as_they_came(size: int, channels: int) -> None:
    sizes = config(size, channels, classes=3)
    picture_BHWA = pictures(4, sizes)

    with torch.inference_mode():
        drawn = to_uint8(network(sizes)(torch.randn(4, 4), torch.tensor([0, 1, 2, 0]), picture_BHWA))

    known = picture_BHWA[..., -1] == 255
    assert drawn.shape == (4, size, size, channels)
    assert torch.equal(drawn[known], picture_BHWA[..., :-1][known])


def test_what_lies_in_the_hole_changes_nothing() -> None:
    sizes = config()
    picture_BHWA, z_BZ = pictures(2, sizes), torch.randn(2, 4)
    emptied = picture_BHWA * (picture_BHWA[..., -1:] == 255)

    with torch.inference_mode():
        one, other = (network(sizes)(z_BZ, None, each) for each in (picture_BHWA, emptied))

    assert torch.equal(one, other)


def test_the_hole_depends_on_noise_on_the_label_and_on_what_is_known() -> None:
    sizes = config(classes=3)
    generator, picture_BHWA = network(sizes), pictures(1, sizes)
    z_BZ, label_B = torch.randn(1, 4), torch.tensor([1])
    other = picture_BHWA.clone()
    other[..., 0] = 255 - other[..., 0]

    with torch.inference_mode():
        drawn = generator(z_BZ, label_B, picture_BHWA)
        changed = [
            generator(2 - z_BZ, label_B, picture_BHWA),
            generator(z_BZ, torch.tensor([2]), picture_BHWA),
            generator(z_BZ, label_B, other),
        ]

    hole = picture_BHWA[:, None, :, :, -1] == 0
    assert all((drawn[hole] - each[hole]).abs().max() > 1e-4 for each in changed)


def test_where_nothing_is_given_nothing_is_known() -> None:
    sizes = config()
    empty = torch.zeros((2, 28, 28, 2), dtype=torch.uint8)
    z_BZ = torch.randn(2, 4)

    with torch.inference_mode():
        one, other = network(sizes)(z_BZ), network(sizes)(z_BZ, None, empty)

    assert torch.equal(one, other)
