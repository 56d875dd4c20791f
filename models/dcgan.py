"""DCGAN: the generator, with the label beside the noise if there is one, and the trunk of its discriminator.

Architecture only: no loss, no optimiser. Radford et al. 2015 (arXiv 1511.06434); upsampling + convolution in the place
of transposed convolution, which leaves checkerboards (Odena et al. 2016, distill.pub); no batch norm in the trunk, so
that every objective and penalty fits it.

Shape suffixes: B batch, Z latent, F features, C channels, H height, W width.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.blocks import UpConv2d
from models.folding import fold_into
from models.sizes import DCGANConfig

SLOPE = 0.2  # of LeakyReLU, Radford et al. section 3


class Generator(nn.Module):
    """z (B, Z) and labels (B,) to images (B, C, H, W) in [-1, 1].

    The label is embedded to as many numbers of the same size as z has: one-hot, the noise drowns it.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.num_classes, self.base, widths = config.num_classes, config.base, config.generator_widths
        self.stem_width = widths[0]
        inputs = config.latent_dim * (2 if config.num_classes else 1)
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.latent_dim)
        self.stem = nn.Linear(inputs, widths[0] * self.base**2, bias=False)
        self.stem_norm = nn.Sequential(nn.BatchNorm2d(widths[0]), nn.LeakyReLU(SLOPE))
        self.blocks = nn.Sequential(*_levels(widths, config.depth))
        self.to_image = UpConv2d(widths[-1], config.channels, bias=True)
        self.apply(_initialise)

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        return self.before_tanh(z_BZ, label_B).tanh()

    def before_tanh(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Return the input of tanh in float32: tanh of bfloat16 would round once more."""
        if self.num_classes:
            z_BZ = torch.cat([z_BZ, self.embedding(label_B)], dim=1)
        x_BCHW = self.stem(z_BZ).view(len(z_BZ), self.stem_width, self.base, self.base)
        image_BCHW: Tensor = self.to_image(self.blocks(self.stem_norm(x_BCHW)))
        return image_BCHW.float()

    def fold_norms(self) -> None:
        """Fold the norm behind the stem, which sees the stem's output as an image (models/folding.py)."""
        norm = self.stem_norm[0]
        assert isinstance(norm, nn.BatchNorm2d)
        fold_into(self.stem, norm)
        self.stem_norm[0] = nn.Identity()


class Trunk(nn.Module):
    """Images (B, channels_in, H, W) to features (B, F)."""

    def __init__(self, config: DCGANConfig, channels_in: int) -> None:
        super().__init__()
        widths = [channels_in, *config.discriminator_widths]
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        self.blocks = nn.Sequential(*layers)
        side = config.image_size >> len(config.discriminator_widths)
        self.features = widths[-1] * side**2
        self.apply(_initialise)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        feature_BF: Tensor = self.blocks(x_BCHW).flatten(1)
        return feature_BF


def _levels(widths: list[int], depth: int) -> Iterator[nn.Module]:
    """Yield the layers from the stem to the picture: at each size `depth` convolutions, then a doubling."""
    for i, width in enumerate(widths):
        if i:
            yield from _normed(UpConv2d(widths[i - 1], width, bias=False))
        for _ in range(depth):
            yield from _normed(nn.Conv2d(width, width, 3, padding=1, bias=False))


def _normed(layer: nn.Conv2d) -> Iterator[nn.Module]:
    yield layer
    yield nn.BatchNorm2d(layer.out_channels)
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
