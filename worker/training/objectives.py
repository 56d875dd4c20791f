"""What the two networks minimise. An objective knows scores; it knows no network and no optimiser.

Shape suffixes: B batch, K classes.
"""

from typing import ClassVar, Protocol

from torch import Tensor
from torch.nn import functional as F


class Objective(Protocol):
    """Losses from the discriminator's scores (B,), the higher the more real; each returns a scalar.

    is_relative: the generator's loss needs the scores of real pictures too; else it is given None.
    boundary: a score above it says real, one below it fake; None where a score alone says neither.
    """

    is_relative: ClassVar[bool]
    boundary: ClassVar[float | None]

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor: ...

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor: ...

    def shown(self, score_B: Tensor) -> Tensor:
        """Scores as they are reported: probabilities where the objective has such."""

    def signs(self, real_B: Tensor, fake_B: Tensor) -> Tensor | None:
        """1 for each real picture that is taken for real, -1 for each that is not; None where scores do not tell."""


class Absolute:
    """Each picture is judged by itself."""

    is_relative: ClassVar[bool] = False
    boundary: ClassVar[float | None] = 0.0

    def shown(self, score_B: Tensor) -> Tensor:
        return score_B

    def signs(self, real_B: Tensor, fake_B: Tensor) -> Tensor | None:  # noqa: ARG002
        return None if self.boundary is None else (real_B - self.boundary).sign()


class NonSaturating(Absolute):
    """Binary cross-entropy on logits; the generator maximises log D(G(z)). Goodfellow et al. 2014, arXiv 1406.2661.

    softplus, not log(sigmoid + epsilon): a hopeless generator still has its whole gradient.
    """

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return F.softplus(-real_B).mean() + F.softplus(fake_B).mean()

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor:  # noqa: ARG002
        return F.softplus(-fake_B).mean()

    def shown(self, score_B: Tensor) -> Tensor:
        return score_B.sigmoid()


class LeastSquares(Absolute):
    """Real pictures score 1, fakes 0, and the generator wants 1. Mao et al. 2017, arXiv 1611.04076, equation 9."""

    boundary: ClassVar[float | None] = 0.5

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return 0.5 * (real_B - 1).square().mean() + 0.5 * fake_B.square().mean()

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor:  # noqa: ARG002
        return 0.5 * (fake_B - 1).square().mean()


class Hinge(Absolute):
    """No more is asked than a margin of 1. Lim & Ye 2017, arXiv 1705.02894; with spectral norm Miyato et al. 2018."""

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return F.relu(1 - real_B).mean() + F.relu(1 + fake_B).mean()

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor:  # noqa: ARG002
        return -fake_B.mean()


class Wasserstein(Absolute):
    """The difference of the means; the critic has to be kept Lipschitz. Arjovsky et al. 2017, arXiv 1701.07875."""

    boundary: ClassVar[float | None] = None

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return fake_B.mean() - real_B.mean()

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor:  # noqa: ARG002
        return -fake_B.mean()


class Relativistic:
    """Real and fake are judged in pairs, by their difference. Jolicoeur-Martineau 2018 (arXiv 1807.00734), as Huang et
    al. 2024 (arXiv 2501.05441) have it."""

    is_relative: ClassVar[bool] = True
    boundary: ClassVar[float | None] = None

    def discriminator(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        return F.softplus(fake_B - real_B).mean()

    def generator(self, fake_B: Tensor, real_B: Tensor | None) -> Tensor:
        assert real_B is not None
        return F.softplus(real_B - fake_B).mean()

    def shown(self, score_B: Tensor) -> Tensor:
        return score_B

    def signs(self, real_B: Tensor, fake_B: Tensor) -> Tensor | None:
        return (real_B - fake_B).sign()


def classification(class_BK: Tensor | None, label_B: Tensor | None) -> Tensor:
    """Cross-entropy of a classifier's logits, beside any objective: Odena et al. 2017, arXiv 1610.09585."""
    assert class_BK is not None
    assert label_B is not None
    return F.cross_entropy(class_BK, label_B)


OBJECTIVES: dict[str, Objective] = {
    "non_saturating": NonSaturating(),
    "least_squares": LeastSquares(),
    "hinge": Hinge(),
    "wasserstein": Wasserstein(),
    "relativistic": Relativistic(),
}
