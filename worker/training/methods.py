"""From the numbers of a run to how its networks learn. Knows no network."""

from typing import Any

from worker.training.adversarial import Adversarial
from worker.training.augmentation import augmentation_of
from worker.training.objectives import OBJECTIVES
from worker.training.regularisers import PENALTIES
from worker.training.trainer import Method
from worker.training.variational import LIKELIHOODS, Variational


def method_of(resolved: dict[str, Any]) -> Method:
    """Objective, penalty and augmentation of a run, put together."""
    if resolved["objective"] == "evidence":
        return Variational(LIKELIHOODS[resolved["likelihood"]])
    penalty = PENALTIES.get(resolved["regulariser"])
    return Adversarial(
        OBJECTIVES[resolved["objective"]],
        penalty,
        resolved["n_critic"],
        augmentation_of(resolved),
        penalty_every=resolved.get("penalty_every", 1),  # a run of an earlier build has neither
        mode_seeking=resolved.get("mode_seeking", 0.0),
    )
