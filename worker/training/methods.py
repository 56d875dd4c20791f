"""From the numbers of a run to how its networks learn. Knows no network."""

from core.resolved import SEMI_SUPERVISED, ResolvedConfig
from ganymede.schemas.tasks import VersionTask
from models.sizes import CONFIGS
from worker.training.adversarial import Adversarial
from worker.training.augmentation import augmentation_of
from worker.training.completion import Completion
from worker.training.objectives import OBJECTIVES
from worker.training.regularisers import PENALTIES
from worker.training.semi_supervised import SemiSupervised
from worker.training.trainer import Method
from worker.training.variational import LIKELIHOODS, Variational


def method_of(resolved: ResolvedConfig) -> Method:
    """Objective, penalty and augmentation of a run, put together."""
    if resolved.objective == "evidence":
        assert resolved.likelihood is not None
        return Variational(LIKELIHOODS[resolved.likelihood])
    if resolved.objective == SEMI_SUPERVISED:
        return SemiSupervised(OBJECTIVES["non_saturating"], None, resolved.n_critic, augmentation_of(resolved))
    penalty = PENALTIES.get(resolved.regulariser)
    method = Completion if CONFIGS[resolved.architecture].TASK is VersionTask.COMPLETION else Adversarial
    return method(
        OBJECTIVES[resolved.objective],
        penalty,
        resolved.n_critic,
        augmentation_of(resolved),
        penalty_every=resolved.penalty_every,
        mode_seeking=resolved.mode_seeking,
    )
