"""The encoder of a VAE: the trunk of an architecture, and a Gaussian for each picture. Knows no loss.

Shape suffixes: B batch, Z latent, C channels, H height, W width.
"""

from typing import NamedTuple

from torch import Tensor, nn

from models.discriminator import with_planes


class Posterior(NamedTuple):
    """The noise a picture could have come from: a normal distribution of independent numbers, float32."""

    mean_BZ: Tensor
    log_variance_BZ: Tensor


class Encoder(nn.Module):
    """Images (B, C, H, W) in [-1, 1] and labels (B,), if there are classes, to a Posterior."""

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int, num_planes: int) -> None:
        super().__init__()
        self.trunk, self.num_planes = trunk, num_planes
        self.head = nn.Linear(features, 2 * latent_dim)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None = None) -> Posterior:
        return Posterior(*self.head(self.trunk(with_planes(x_BCHW, label_B, self.num_planes))).float().chunk(2, dim=1))
