"""Residual networks of SN-GAN: norms in the generator, none in the trunk. Architecture only.

Miyato et al. 2018 (arXiv 1802.05957), tables 3 and 4; with labels, conditional batch norm (Dumoulin et al. 2017, arXiv
1610.07629; Miyato & Koyama 2018, arXiv 1802.05637).

Shape suffixes: B batch, Z latent, F features, K classes, C channels, H height, W width.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import UpConv2d
from models.folding import fold_into
from models.sizes import ResNetConfig

APART = 0.5  # standard deviation over classes of the scales and shifts of a conditional norm, in the beginning
LAST_BLOCKS = 2  # of the trunk, behind the last halving


class Norm(nn.Module):
    """Batch norm, whose scale and shift are the label's own where there are classes.

    They begin apart: from ones and zeros, Adam takes a thousand steps to tell the classes apart at all.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.norm: nn.Module = nn.BatchNorm2d(width, affine=not num_classes)
        if num_classes:
            self.scale, self.shift = nn.Embedding(num_classes, width), nn.Embedding(num_classes, width)
            nn.init.normal_(self.scale.weight, 1.0, APART)
            nn.init.normal_(self.shift.weight, 0.0, APART)
        self.is_conditional = bool(num_classes)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
        x_BCHW = self.norm(x_BCHW)
        if not self.is_conditional:
            return x_BCHW
        scale_BC11, shift_BC11 = (each(label_B)[:, :, None, None] for each in (self.scale, self.shift))
        return torch.addcmul(shift_BC11.to(x_BCHW.dtype), x_BCHW, scale_BC11.to(x_BCHW.dtype))

    def fold_norms(self) -> None:
        """Fold the running statistics into the scales and shifts of the classes (models/folding.py)."""
        norm = self.norm
        if not self.is_conditional or not isinstance(norm, nn.BatchNorm2d):
            return
        deviation_C = (cast(Tensor, norm.running_var) + norm.eps).rsqrt()
        self.shift.weight -= cast(Tensor, norm.running_mean) * deviation_C * self.scale.weight
        self.scale.weight *= deviation_C
        self.norm = nn.Identity()


class UpBlock(nn.Module):
    """(B, I, H, W) to (B, O, 2H, 2W). The shortcut is convolved before it is doubled: 1x1, so the order is the same."""

    def __init__(self, wide: int, narrow: int, num_classes: int) -> None:
        super().__init__()
        self.norm1, self.up = Norm(wide, num_classes), UpConv2d(wide, narrow, bias=True)
        self.norm2, self.conv = Norm(narrow, num_classes), nn.Conv2d(narrow, narrow, 3, padding=1)
        self.shortcut = nn.Conv2d(wide, narrow, 1)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
        branch_BCHW = self.up(F.relu(self.norm1(x_BCHW, label_B)))
        branch_BCHW = self.conv(F.relu(self.norm2(branch_BCHW, label_B)))
        return branch_BCHW + F.interpolate(self.shortcut(x_BCHW), scale_factor=2.0, mode="nearest")

    def fold_norms(self) -> None:
        """Fold the second norm into the convolution before it, if it is the same for all labels."""
        norm = self.norm2.norm
        if not self.norm2.is_conditional and isinstance(norm, nn.BatchNorm2d):
            fold_into(self.up, norm)
            self.norm2.norm = nn.Identity()


class Generator(nn.Module):
    """z (B, Z) and labels (B,) to images (B, C, H, W) in [-1, 1]."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        widths, self.base = config.widths, config.base
        self.stem_width = widths[0]
        self.stem = nn.Linear(config.latent_dim, widths[0] * self.base**2)
        self.blocks = nn.ModuleList(UpBlock(*pair, config.num_classes) for pair in pairwise(widths))
        self.norm = Norm(widths[-1], 0)
        self.to_image = nn.Conv2d(widths[-1], config.channels, 3, padding=1)
        self.apply(_initialise)

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        return self.before_tanh(z_BZ, label_B).tanh()

    def before_tanh(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Return the input of tanh in float32."""
        x_BCHW = self.stem(z_BZ).view(len(z_BZ), self.stem_width, self.base, self.base)
        for block in self.blocks:
            x_BCHW = block(x_BCHW, label_B)
        image_BCHW: Tensor = self.to_image(F.relu(self.norm(x_BCHW, None)))
        return image_BCHW.float()


class DownBlock(nn.Module):
    """(B, I, H, W) to (B, O, H / 2, W / 2). The first has no activation before its first convolution."""

    def __init__(self, narrow: int, wide: int, *, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.conv1, self.conv2 = nn.Conv2d(narrow, wide, 3, padding=1), nn.Conv2d(wide, wide, 3, padding=1)
        self.shortcut = nn.Conv2d(narrow, wide, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        branch_BCHW = self.conv1(x_BCHW if self.is_first else F.relu(x_BCHW))
        branch_BCHW = F.avg_pool2d(self.conv2(F.relu(branch_BCHW)), 2)
        return branch_BCHW + self.shortcut(F.avg_pool2d(x_BCHW, 2))


class SameBlock(nn.Module):
    """(B, F, H, W) to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        summed_BCHW: Tensor = x_BCHW + self.conv2(F.relu(self.conv1(F.relu(x_BCHW))))
        return summed_BCHW


class Trunk(nn.Module):
    """Images (B, channels_in, H, W) to features (B, F): the sums over what is left of the picture.

    As in table 3 two blocks follow the halvings. Without them a feature sees 16 of 28 pixels a side.
    """

    def __init__(self, config: ResNetConfig, channels_in: int) -> None:
        super().__init__()
        widths = [channels_in, *config.widths[-2::-1]]
        halvings = (DownBlock(*pair, is_first=i == 0) for i, pair in enumerate(pairwise(widths)))
        self.blocks = nn.Sequential(*halvings, *(SameBlock(widths[-1]) for _ in range(LAST_BLOCKS)))
        self.features = widths[-1]
        self.apply(_initialise)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.relu(self.blocks(x_BCHW)).sum(dim=(2, 3))


def _initialise(module: nn.Module) -> None:
    """Xavier's, with sqrt(2) beside a ReLU: for all but the shortcuts."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        is_shortcut = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
        nn.init.xavier_uniform_(module.weight, 1.0 if is_shortcut else 2**0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
