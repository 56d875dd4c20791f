"""What judges pictures: the trunk of an architecture, and one of four ways to learn of the label. Knows no loss.

Shape suffixes: B batch, K classes, F features, C channels, H height, W width.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.resolved import Conditioning

SLOPE = 0.2  # of LeakyReLU
SMALL = 0.02  # standard deviation of a head's weights in the beginning


class DiscriminatorOutput(NamedTuple):
    """Scores (B,): the higher, the more real. Of what names classes also their logits (B, K), and of one that learns by
    them the features (B, F). All float32."""

    score_B: Tensor
    class_BK: Tensor | None = None
    feature_BF: Tensor | None = None


class Trunk(Protocol):
    """The part of a discriminator that an architecture makes: images (B, C, H, W) to `features` numbers (B, F)."""

    features: int

    def __call__(self, x_BCHW: Tensor) -> Tensor: ...


class Discriminator(nn.Module):
    """Images (B, C, H, W) in [-1, 1] and labels (B,), if there are classes, to a DiscriminatorOutput."""

    def __init__(self, trunk: nn.Module, head: nn.Module, num_planes: int = 0) -> None:
        super().__init__()
        self.trunk, self.head, self.num_planes = trunk, head, num_planes

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None = None) -> DiscriminatorOutput:
        judgement: DiscriminatorOutput = self.head(self.trunk(with_planes(x_BCHW, label_B, self.num_planes)), label_B)
        return judgement


class Plain(nn.Module):
    """No label: one linear layer."""

    def __init__(self, features: int, num_classes: int) -> None:  # noqa: ARG002 (as the other heads)
        super().__init__()
        self.score = linear(features, 1)

    def forward(self, feature_BF: Tensor, label_B: Tensor | None) -> DiscriminatorOutput:  # noqa: ARG002
        return DiscriminatorOutput(self.score(feature_BF).float().squeeze(1))


class Joint(nn.Module):
    """A hidden layer that sees label and features together: Mirza & Osindero 2014, arXiv 1411.1784.

    With it the label is also in planes beside the image (docs/decisions/0001 has the numbers).
    """

    HIDDEN = 256

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, self.HIDDEN)
        self.joint, self.score = linear(features + self.HIDDEN, self.HIDDEN), linear(self.HIDDEN, 1)

    def forward(self, feature_BF: Tensor, label_B: Tensor | None) -> DiscriminatorOutput:
        hidden_BF = self.joint(torch.cat([feature_BF, self.embedding(label_B)], dim=1))
        return DiscriminatorOutput(self.score(F.leaky_relu(hidden_BF, SLOPE)).float().squeeze(1))


class Projection(nn.Module):
    """A linear layer, plus the inner product of features and label: Miyato & Koyama 2018, arXiv 1802.05637.

    Both begin as small: what a step changes is then as much of the one as of the other, under spectral norm too.
    """

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.score, self.embedding = linear(features, 1), nn.Embedding(num_classes, features)
        nn.init.normal_(self.embedding.weight, 0.0, SMALL)

    def forward(self, feature_BF: Tensor, label_B: Tensor | None) -> DiscriminatorOutput:
        projected_B = (feature_BF * self.embedding(label_B)).float().sum(dim=1)
        return DiscriminatorOutput(self.score(feature_BF).float().squeeze(1) + projected_B)


class AuxiliaryClassifier(nn.Module):
    """It names the label instead of reading it: Odena et al. 2017, arXiv 1610.09585. Logits, no softmax."""

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.score, self.classes = linear(features, 1), linear(features, num_classes)

    def forward(self, feature_BF: Tensor, label_B: Tensor | None) -> DiscriminatorOutput:  # noqa: ARG002
        return DiscriminatorOutput(self.score(feature_BF).float().squeeze(1), self.classes(feature_BF).float())


HEADS: dict[Conditioning, type[nn.Module]] = {
    "none": Plain,
    "concat": Joint,
    "projection": Projection,
    "classifier": AuxiliaryClassifier,
}


def planes_of(conditioning: Conditioning, num_classes: int) -> int:
    return num_classes if conditioning == "concat" else 0


def with_planes(x_BCHW: Tensor, label_B: Tensor | None, num_planes: int) -> Tensor:
    """Add one constant plane a class beside each image: ones for its label, zeros for the others."""
    if not num_planes:
        return x_BCHW
    assert label_B is not None
    one_hot_BK11 = F.one_hot(label_B, num_planes).to(x_BCHW.dtype)[:, :, None, None]
    return torch.cat([x_BCHW, one_hot_BK11.expand(-1, -1, *x_BCHW.shape[2:])], dim=1)


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a layer that begins near indifference, whatever comes in."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.0, SMALL)
    nn.init.zeros_(layer.bias)
    return layer
