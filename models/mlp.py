"""The first GAN: fully connected networks (Goodfellow et al. 2014, arXiv 1406.2661). Architecture only.

With batch norm and LeakyReLU, as has been usual since DCGAN; the paper has maxout and dropout in their place.

Shape suffixes: B batch, Z latent, F features, C channels, H height, W width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.sizes import MLPConfig

SLOPE = 0.2  # of LeakyReLU


class Generator(nn.Module):
    """z (B, Z) and labels (B,) to images (B, C, H, W) in [-1, 1]. The label is embedded, as in models/dcgan.py."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.num_classes, self.shape = config.num_classes, (config.channels, config.image_size, config.image_size)
        inputs = config.latent_dim * (2 if config.num_classes else 1)
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.latent_dim)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise([inputs, *config.widths]):
            layers += [nn.Linear(narrow, wide), nn.BatchNorm1d(wide), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(config.widths[-1], config.pixels))

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        return self.before_tanh(z_BZ, label_B).tanh()

    def before_tanh(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Return the input of tanh in float32."""
        if self.num_classes:
            z_BZ = torch.cat([z_BZ, self.embedding(label_B)], dim=1)
        return self.layers(z_BZ).float().view(-1, *self.shape)


class Trunk(nn.Module):
    """Images (B, channels_in, H, W) to features (B, F)."""

    def __init__(self, config: MLPConfig, channels_in: int) -> None:
        super().__init__()
        wide, self.features = config.widths[2], config.widths[1]
        inputs = channels_in * config.image_size**2
        self.layers = nn.Sequential(
            nn.Linear(inputs, wide), nn.LeakyReLU(SLOPE), nn.Linear(wide, self.features), nn.LeakyReLU(SLOPE)
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        feature_BF: Tensor = self.layers(x_BCHW.flatten(1))
        return feature_BF
