"""R3GAN: residual networks without any norm, which the relativistic objective with R1 and R2 can train. Architecture
only. Huang et al. 2024, arXiv 2501.05441, section 4: inverted bottlenecks of grouped convolutions, fix-up initial
weights, resampling with the filter (1, 3, 3, 1), and a picture that begins as a learnt one, scaled by the noise.

Revision 1 halved by the mean of 2 x 2 pixels, doubled as if the picture went on beyond its edge, and had a 1x1
convolution also between levels of equal width.

Shape suffixes: B batch, Z latent, F features, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.sizes import R3GANConfig

SLOPE = 0.2  # of LeakyReLU
EXPANSION = 2  # of the bottleneck
GROUP = 16  # feature maps, at least


class Biased(nn.Module):
    """LeakyReLU behind a bias for each feature map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.leaky_relu(x_BCHW + self.bias.to(x_BCHW.dtype).view(-1, 1, 1), SLOPE)


class Block(nn.Module):
    """A residual block that begins as the identity: its last weights are zero."""

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        expanded = width * EXPANSION
        self.widen, self.active1 = nn.Conv2d(width, expanded, 1, bias=False), Biased(expanded)
        self.mix = nn.Conv2d(expanded, expanded, 3, padding=1, groups=_groups(expanded), bias=False)
        self.active2, self.narrow = Biased(expanded), nn.Conv2d(expanded, width, 1, bias=False)
        for layer in (self.widen, self.mix):
            _initialise(layer, (2 / (1 + SLOPE**2)) ** 0.5 * num_blocks**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        branch_BCHW = self.active2(self.mix(self.active1(self.widen(x_BCHW))))
        summed_BCHW: Tensor = x_BCHW + self.narrow(branch_BCHW)
        return summed_BCHW


class Resample(nn.Module):
    """Twice or half the size, and another number of feature maps by a 1x1 convolution on the smaller picture.

    The filter is (1, 3, 3, 1) in both directions, beyond the edge there is zero: `upfirdn2d` of the paper's code.
    """

    def __init__(self, channels_in: int, channels_out: int, *, doubles: bool) -> None:
        super().__init__()
        self.doubles = doubles
        self.conv = nn.Identity() if channels_in == channels_out else _pointwise(channels_in, channels_out)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.doubles:
            padded_BCHW = F.pad(self.conv(x_BCHW), (1, 1, 1, 1))
            return F.interpolate(padded_BCHW, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]
        for padding in (1, 0):  # (1, 3, 3, 1) is (1, 1) three times; so it can be differentiated twice, and quickly
            x_BCHW = F.avg_pool2d(x_BCHW, 2, stride=1, padding=padding)
        halved_BCHW: Tensor = self.conv(F.avg_pool2d(x_BCHW, 2))
        return halved_BCHW


class FirstResample(nn.Module):
    """Resample of revision 1."""

    def __init__(self, channels_in: int, channels_out: int, *, doubles: bool) -> None:
        super().__init__()
        self.doubles, self.conv = doubles, _pointwise(channels_in, channels_out)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.doubles:
            return F.interpolate(self.conv(x_BCHW), scale_factor=2.0, mode="bilinear", align_corners=False)
        halved_BCHW: Tensor = self.conv(F.avg_pool2d(x_BCHW, 2))
        return halved_BCHW


RESAMPLES = {1: FirstResample, 2: Resample}


class Generator(nn.Module):
    """z (B, Z) and labels (B,) to images (B, C, H, W) in [-1, 1]; the label is embedded, as in models/dcgan.py."""

    def __init__(self, config: R3GANConfig) -> None:
        super().__init__()
        self.num_classes, widths = config.num_classes, config.widths
        if config.num_classes:
            self.embedding = nn.Embedding(config.num_classes, config.latent_dim)
        self.stem = nn.Linear(config.latent_dim * (2 if config.num_classes else 1), widths[0], bias=False)
        self.basis_CHW = nn.Parameter(torch.randn(widths[0], config.base, config.base))
        self.blocks = _levels(widths, config, doubles=True)
        self.to_image = nn.Conv2d(widths[-1], config.channels, 1, bias=False)
        for layer in (self.stem, self.to_image):
            _initialise(layer)

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        return self.before_tanh(z_BZ, label_B).tanh()

    def before_tanh(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Return the input of tanh in float32. The paper has no tanh; here every generator stays in [-1, 1]."""
        if self.num_classes:
            z_BZ = torch.cat([z_BZ, self.embedding(label_B)], dim=1)
        x_BCHW = (self.stem(z_BZ)[:, :, None, None] * self.basis_CHW).contiguous(memory_format=torch.channels_last)
        image_BCHW: Tensor = self.to_image(self.blocks(x_BCHW))
        return image_BCHW.float()


class Trunk(nn.Module):
    """Images (B, channels_in, H, W) to features (B, F): the generator's mirror."""

    def __init__(self, config: R3GANConfig, channels_in: int) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.from_image = nn.Conv2d(channels_in, widths[0], 1, bias=False)
        self.blocks = _levels(widths, config, doubles=False)
        self.features = widths[-1]
        self.to_feature = nn.Conv2d(self.features, self.features, config.base, groups=self.features, bias=False)
        for layer in (self.from_image, self.to_feature):
            _initialise(layer)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        feature_BF: Tensor = self.to_feature(self.blocks(self.from_image(x_BCHW))).flatten(1)
        return feature_BF


def _levels(widths: list[int], config: R3GANConfig, *, doubles: bool) -> nn.Sequential:
    """Build the blocks of each level, resampled in between."""
    resample, layers = RESAMPLES[config.revision], list[nn.Module]()
    for i, width in enumerate(widths):
        layers += [resample(widths[i - 1], width, doubles=doubles)] if i else []
        layers += [Block(width, config.blocks * len(widths)) for _ in range(config.blocks)]
    return nn.Sequential(*layers)


def _pointwise(channels_in: int, channels_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels_in, channels_out, 1, bias=False)
    _initialise(layer)
    return layer


def _groups(width: int) -> int:
    """Return the most groups of equal size with GROUP feature maps or more."""
    return next(groups for groups in range(width // GROUP, 0, -1) if width % groups == 0)


def _initialise(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> None:
    """Initialise normally, so that the output is `gain` times as large as the input."""
    nn.init.normal_(layer.weight, 0.0, gain * layer.weight[0].numel() ** -0.5)
