"""What names the class of a picture: a trunk, and a logit for each class. Knows no loss.

As a discriminator it has one class more, "drawn", whose logit is always 0: a picture is as real as the log of the sum
of the exponentials of the other logits says (Salimans et al. 2016, arXiv 1606.03498, section 5).

Shape suffixes: B batch, I inputs, Z latent, K classes, F features, C channels, H height, W width.
"""

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import dcgan
from models.discriminator import DiscriminatorOutput, linear
from models.sizes import DCGANClassifierConfig, MLPClassifierConfig

INPUT_NOISE, LAYER_NOISE = 0.3, 0.5  # of the dense trunk: Salimans et al., for pixels from 0 to 1
PICTURE_NOISE, DROPOUT_NOISE = 0.2, 0.5  # of the convolutional one; pixels are from -1 to 1
FIRST_SCALE, SCALE = 2.0, 1.15  # lengths of a unit's weights by which pixels, and noisy ReLUs, give numbers about 1
DIRECTION = 0.1  # standard deviation of weights whose length is set

Disturb = Callable[[Tensor, float], Tensor]
"""Numbers, and a standard deviation: the numbers with noise of that size. A trunk that is given none is exact."""


class WeightNormLinear(nn.Module):
    """A linear layer whose weights have a direction that is learnt, and a length that is not: Salimans & Kingma 2016,
    arXiv 1602.07868, with the length of each unit as it was set in the beginning."""

    def __init__(self, inputs: int, outputs: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.direction = nn.Parameter(DIRECTION * torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x_BI: Tensor) -> Tensor:
        return F.linear(x_BI, self.weight, self.bias)

    @property
    def weight(self) -> Tensor:
        return self.scale * F.normalize(self.direction, dim=1)

    def as_linear(self) -> nn.Linear:
        """Return a plain layer that gives the same."""
        outputs, inputs = self.direction.shape
        same = nn.Linear(inputs, outputs, device=self.direction.device)
        with torch.no_grad():
            same.weight.copy_(self.weight)
            same.bias.copy_(self.bias)
        return same.requires_grad_(False)


class DenseTrunk(nn.Module):
    """Images (B, C, H, W) to features (B, F) through five layers, each of which sees noise: Salimans et al., MNIST."""

    def __init__(self, config: MLPClassifierConfig) -> None:
        super().__init__()
        widths = [config.pixels, *config.hidden]
        scales = [FIRST_SCALE, *[SCALE] * (len(config.hidden) - 1)]
        pairs = zip(pairwise(widths), scales, strict=True)
        self.layers = nn.ModuleList(WeightNormLinear(*sizes, scale) for sizes, scale in pairs)
        self.features = widths[-1]

    def forward(self, x_BCHW: Tensor, disturb: Disturb | None = None) -> Tensor:
        feature_BF = x_BCHW.flatten(1).add(1).div(2)
        noise = INPUT_NOISE
        for layer in self.layers:
            seen_BF = feature_BF if disturb is None else disturb(feature_BF, noise)
            feature_BF, noise = F.relu(layer(seen_BF)), LAYER_NOISE
        return feature_BF

    def disturbed(self, feature_BF: Tensor, disturb: Disturb) -> Tensor:
        """Features as the layer that names classes sees them while it learns."""
        return disturb(feature_BF, LAYER_NOISE)

    def fold_norms(self) -> None:
        """Compute each layer's weights once (models/folding.py)."""
        self.layers = nn.ModuleList(layer.as_linear() for layer in self.layers if isinstance(layer, WeightNormLinear))


class ConvTrunk(dcgan.Trunk):
    """The trunk of models/dcgan.py, whose pictures and features are disturbed while it learns (Gaussian dropout,
    Srivastava et al. 2014, section 10)."""

    def __init__(self, config: DCGANClassifierConfig) -> None:
        super().__init__(config, config.channels)

    def forward(self, x_BCHW: Tensor, disturb: Disturb | None = None) -> Tensor:
        return super().forward(x_BCHW if disturb is None else disturb(x_BCHW, PICTURE_NOISE))

    def disturbed(self, feature_BF: Tensor, disturb: Disturb) -> Tensor:
        """Features as the layer that names classes sees them while it learns."""
        return feature_BF * disturb(torch.ones_like(feature_BF), DROPOUT_NOISE)


class ClassifierParts(nn.Module):
    """A trunk, and a linear layer that gives the logits."""

    def __init__(self, trunk: Any, classes: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.classes = trunk, classes


class ClassDiscriminator(ClassifierParts):
    """Images (B, C, H, W) in [-1, 1] to a DiscriminatorOutput with logits and features; the label is not looked at."""

    def forward(
        self,
        x_BCHW: Tensor,
        label_B: Tensor | None = None,  # noqa: ARG002
        disturb: Disturb | None = None,
    ) -> DiscriminatorOutput:
        feature_BF: Tensor = self.trunk(x_BCHW, disturb)
        seen_BF = feature_BF if disturb is None else self.trunk.disturbed(feature_BF, disturb)
        class_BK = self.classes(seen_BF).float()
        return DiscriminatorOutput(class_BK.logsumexp(dim=1), class_BK, feature_BF.float())

    def published(self) -> "PictureClassifier":
        """Return a copy for pictures of bytes, in eval mode."""
        copied = PictureClassifier(copy.deepcopy(self.trunk), copy.deepcopy(self.classes))
        return copied.eval().requires_grad_(False)


class PictureClassifier(ClassifierParts):
    """Pictures of bytes (B, H, W, C) to logits (B, K), float32: what is published of a ClassDiscriminator."""

    INPUTS: ClassVar[tuple[str, ...]] = ("picture",)

    def forward(self, picture_BHWC: Tensor) -> Tensor:
        x_BCHW = picture_BHWC.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        class_BK: Tensor = self.classes(self.trunk(x_BCHW).float())
        return class_BK.float()


class DenseGenerator(nn.Module):
    """z (B, Z) to images (B, C, H, W) in [-1, 1], two layers of softplus with batch norm: Salimans et al., MNIST."""

    def __init__(self, config: MLPClassifierConfig) -> None:
        super().__init__()
        self.shape = (config.channels, config.image_size, config.image_size)
        width = config.generator_width
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, width, bias=False),
            nn.BatchNorm1d(width),
            nn.Softplus(),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.Softplus(),
            WeightNormLinear(width, config.pixels, 1.0),
        )

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:  # noqa: ARG002
        drawn_BCHW: Tensor = self.layers(z_BZ).float().div(2).tanh().view(-1, *self.shape)  # a sigmoid, from -1 to 1
        return drawn_BCHW


def dense(config: MLPClassifierConfig) -> ClassDiscriminator:
    trunk = DenseTrunk(config)
    return ClassDiscriminator(trunk, linear(trunk.features, config.num_classes))


def convolutional(config: DCGANClassifierConfig) -> ClassDiscriminator:
    trunk = ConvTrunk(config)
    return ClassDiscriminator(trunk, linear(trunk.features, config.num_classes))
