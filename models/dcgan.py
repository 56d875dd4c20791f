"""DCGAN, unconditional or with the label fed to both networks (CGAN). Architecture only: no loss, no optimiser.

Radford et al. 2015 (arXiv 1511.06434), Mirza & Osindero 2014 (arXiv 1411.1784); upsampling + convolution in the place
of transposed convolution, which leaves checkerboards (Odena et al. 2016, distill.pub).

Shape suffixes: B batch, Z latent, K classes, F features, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import UpConv2d
from models.folding import fold_into

SLOPE = 0.2  # of LeakyReLU, Radford et al. section 3
NARROWEST = 16  # feature maps
LARGEST = 512  # pixels a side
LIMITS = {"channels": (1, 4), "latent_dim": (1, 1024), "width": (NARROWEST, 1024), "num_classes": (0, 1000)}


@dataclass(frozen=True, kw_only=True, slots=True)
class DCGANConfig:
    """Sizes of both networks.

    `image_size` is 4 * 2^k or 7 * 2^k pixels, `width` the feature maps at the coarsest level, halved with each doubling
    of the size; `num_classes` 0 means unconditional.
    """

    image_size: int
    channels: int
    latent_dim: int
    width: int
    num_classes: int

    def __post_init__(self) -> None:
        if base_size(self.image_size) is None:
            raise ValueError(f"image_size must be 8 to 512 and 4 * 2^k or 7 * 2^k, got {self.image_size}")
        for field, (least, most) in LIMITS.items():
            if not least <= getattr(self, field) <= most:
                raise ValueError(f"{field} must be {least} to {most}, got {getattr(self, field)}")

    @property
    def generator_widths(self) -> list[int]:
        """Feature maps before each upsampling; 32 px and width 256: [256, 128, 64], the last step gives the image."""
        upsamplings = (self.image_size // _base(self.image_size)).bit_length() - 1
        return [max(self.width >> level, NARROWEST) for level in range(upsamplings)]

    @property
    def discriminator_widths(self) -> list[int]:
        """Feature maps after each halving, down to 3 or 4 px; 28 and 32 px and width 256: [64, 128, 256]."""
        halvings = (self.image_size // 4).bit_length() - (self.image_size % 7 != 0)
        return [max(self.width >> level, NARROWEST) for level in reversed(range(halvings))]


class Generator(nn.Module):
    """z (B, Z) and labels (B,) to images (B, C, H, W) in [-1, 1].

    The label is embedded to as many numbers of the same size as z has: one-hot, the noise drowns it.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.num_classes, self.base, widths = config.num_classes, _base(config.image_size), config.generator_widths
        self.stem_width = widths[0]
        inputs = config.latent_dim * (2 if config.num_classes else 1)
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.latent_dim)
        self.stem = nn.Linear(inputs, widths[0] * self.base**2, bias=False)
        self.stem_norm = nn.Sequential(nn.BatchNorm2d(widths[0]), nn.LeakyReLU(SLOPE))
        self.blocks = nn.Sequential(*(layer for pair in pairwise(widths) for layer in _up(*pair)))
        self.to_image = UpConv2d(widths[-1], config.channels, bias=True)
        self.apply(_initialise)

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        if self.num_classes:
            z_BZ = torch.cat([z_BZ, self.embedding(label_B)], dim=1)
        x_BCHW = self.stem(z_BZ).view(len(z_BZ), self.stem_width, self.base, self.base)
        image_BCHW: Tensor = self.to_image(self.blocks(self.stem_norm(x_BCHW)))
        return image_BCHW.float().tanh()  # of bfloat16, tanh would round once more

    def fold_norms(self) -> None:
        """For models/folding.py: the norm behind the stem, which views what it gives as an image in between."""
        norm = self.stem_norm[0]
        assert isinstance(norm, nn.BatchNorm2d)
        fold_into(self.stem, norm)
        self.stem_norm[0] = nn.Identity()


class Discriminator(nn.Module):
    """Images (B, C, H, W) in [-1, 1] and labels (B,) to logits (B,): above 0 means real.

    The label enters twice: as constant planes beside the image, and in a hidden layer that sees it together with the
    features (the joint layer of Mirza & Osindero). docs/decisions/0001 has the numbers.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.num_classes = config.num_classes
        widths = [config.channels + config.num_classes, *config.discriminator_widths]
        self.blocks = nn.Sequential(*(layer for pair in pairwise(widths) for layer in _down(*pair)))
        side = config.image_size >> len(config.discriminator_widths)
        features = widths[-1] * side**2
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.width)
            joint = nn.Linear(features + config.width, config.width)
            self.head = nn.Sequential(joint, nn.LeakyReLU(SLOPE), nn.Linear(config.width, 1))
        else:
            self.head = nn.Sequential(nn.Linear(features, 1))
        self.apply(_initialise)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None = None) -> Tensor:
        if self.num_classes:
            assert label_B is not None
            one_hot_BK11 = F.one_hot(label_B, self.num_classes).to(x_BCHW.dtype)[:, :, None, None]
            planes_BKHW = one_hot_BK11.expand(-1, -1, *x_BCHW.shape[2:])
            x_BCHW = torch.cat([x_BCHW, planes_BKHW], dim=1)
        feature_BF = self.blocks(x_BCHW).flatten(1)
        if self.num_classes:
            feature_BF = torch.cat([feature_BF, self.embedding(label_B)], dim=1)
        logit_B1: Tensor = self.head(feature_BF)
        return logit_B1.squeeze(1)


def base_size(image_size: int) -> int | None:
    """4 or 7, the size that `image_size` is a power of two times of; None if it is of no such size."""
    for base in (4, 7) if image_size <= LARGEST else ():
        factor, rest = divmod(image_size, base)
        if rest == 0 and factor >= 2 and factor & (factor - 1) == 0:
            return base
    return None


def _base(image_size: int) -> int:
    base = base_size(image_size)
    assert base is not None
    return base


def _up(wide: int, narrow: int) -> Iterator[nn.Module]:
    yield UpConv2d(wide, narrow, bias=False)
    yield nn.BatchNorm2d(narrow)
    yield nn.LeakyReLU(SLOPE)


def _down(narrow: int, wide: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(narrow, wide, 4, stride=2, padding=1)
    yield nn.LeakyReLU(SLOPE)


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02) weights, N(1, 0.02) for the scales of batch norm, Radford et al. section 4."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
