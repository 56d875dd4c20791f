"""U-Net: completes pictures. What is known of a picture comes in, a whole picture out. Architecture only.

Ronneberger et al. 2015 (arXiv 1505.04597), with noise at the coarsest level, where the whole picture is in sight, and
the label beside the noise if there is one. The discriminator's trunk is that of models/dcgan.py.

Shape suffixes: B batch, Z latent, C channels, H height, W width, A = C + 1: the channels, and whether a pixel is known.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.blocks import UpConv2d
from models.sizes import UNetConfig

SLOPE = 0.2  # of LeakyReLU
KNOWN = 128  # of the last channel of a picture of bytes: from it on a pixel is known


class Generator(nn.Module):
    """z (B, Z), labels (B,) and pictures with holes to whole pictures (B, C, H, W) in [-1, 1].

    Known pixels are those that came in; the network draws the others.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.num_classes, self.base, self.channels = config.num_classes, config.base, config.channels
        self.image_size, widths = config.image_size, config.widths
        inputs = config.latent_dim * (2 if config.num_classes else 1)
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.latent_dim)
        self.noise = nn.Linear(inputs, widths[0] * self.base**2)
        self.first = nn.Sequential(nn.Conv2d(config.channels + 1, widths[-1], 3, padding=1), nn.LeakyReLU(SLOPE))
        self.downs = nn.ModuleList(
            nn.Sequential(*_normed(nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False)))
            for narrow, wide in pairwise(widths[::-1])
        )
        self.middle = nn.Sequential(*_normed(nn.Conv2d(2 * widths[0], widths[0], 3, padding=1, bias=False)))
        self.ups = nn.ModuleList(
            nn.Sequential(*_normed(UpConv2d(wide, narrow, bias=False))) for wide, narrow in pairwise(widths)
        )
        self.merges = nn.ModuleList(
            nn.Sequential(*_normed(nn.Conv2d(2 * width, width, 3, padding=1, bias=False))) for width in widths[1:]
        )
        self.to_image = nn.Conv2d(widths[-1], config.channels, 3, padding=1)

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None, picture_BHWA: Tensor | None = None) -> Tensor:
        """picture_BHWA: bytes, the last channel 255 where a pixel is known and 0 where not. None: nothing is known."""
        if picture_BHWA is None:
            size = (len(z_BZ), self.image_size, self.image_size, self.channels + 1)
            picture_BHWA = torch.zeros(size, dtype=torch.uint8, device=z_BZ.device)
        picture_BAHW = picture_BHWA.permute(0, 3, 1, 2)
        known_B1HW = (picture_BAHW[:, -1:] >= KNOWN).float()
        return self.complete(z_BZ, label_B, picture_BAHW[:, :-1].float().div(127.5).sub(1), known_B1HW)

    def complete(self, z_BZ: Tensor, label_B: Tensor | None, picture_BCHW: Tensor, known_B1HW: Tensor) -> Tensor:
        """Complete pictures in [-1, 1]; what they have in a hole does not count."""
        seen_BCHW = picture_BCHW * known_B1HW
        drawn_BCHW = self._draw(z_BZ, label_B, torch.cat([seen_BCHW, known_B1HW], dim=1))
        return seen_BCHW + (1 - known_B1HW) * drawn_BCHW

    def _draw(self, z_BZ: Tensor, label_B: Tensor | None, x_BAHW: Tensor) -> Tensor:
        if self.num_classes:
            z_BZ = torch.cat([z_BZ, self.embedding(label_B)], dim=1)
        x_BCHW = self.first(x_BAHW)
        skips = []
        for down in self.downs:
            skips.append(x_BCHW)
            x_BCHW = down(x_BCHW)
        noise_BCHW = self.noise(z_BZ).view(len(z_BZ), -1, self.base, self.base)
        x_BCHW = self.middle(torch.cat([x_BCHW, noise_BCHW.to(x_BCHW.dtype)], dim=1))
        for up, merge, skip_BCHW in zip(self.ups, self.merges, reversed(skips), strict=True):
            x_BCHW = merge(torch.cat([up(x_BCHW), skip_BCHW], dim=1))
        return self.to_image(x_BCHW).float().tanh()  # float32: tanh of bfloat16 would round once more


def _normed(layer: nn.Conv2d) -> Iterator[nn.Module]:
    yield layer
    yield nn.BatchNorm2d(layer.out_channels)
    yield nn.LeakyReLU(SLOPE)
