"""What the two networks minimise. An objective knows logits; it knows no network and no optimiser.

Shape suffixes: B batch.
"""

from typing import Protocol

from torch import Tensor
from torch.nn import functional as F


class Objective(Protocol):
    """Losses from the discriminator's logits (B,), above 0 meaning real; each returns a scalar."""

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor: ...

    def generator(self, fake_B: Tensor) -> Tensor: ...


class NonSaturating:
    """Binary cross-entropy on logits; the generator maximises log D(G(z)). Goodfellow et al. 2014, arXiv 1406.2661."""

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return F.softplus(-real_B).mean() + F.softplus(fake_B).mean()

    def generator(self, fake_B: Tensor) -> Tensor:
        return F.softplus(-fake_B).mean()


OBJECTIVES: dict[str, Objective] = {"non_saturating": NonSaturating()}
