"""What a run may change after a trouble, and in which order. Knows numbers alone: no files, no networks, no going back.

A remedy never touches the shape of a network, so every checkpoint fits; spec.json stays as it is.
"""

from collections.abc import Callable, Sequence
from typing import TypedDict

from core.resolved import ADA, DIFFAUGMENT, EVIDENCE, WASSERSTEIN, ResolvedConfig
from ganymede.schemas.diagnosis import Change, Remedy, Verdict
from models.augment_rules import ada_ramp, policy_of
from models.resolution import penalty_by_rule

MOST = 2  # of a run

# Of the rule that R3GAN's penalty goes by: 1 at 64 px in batches of 64.
REMEDIAL_WEIGHT = 0.125

REMEDIAL_SEEKING = 1.0  # of `mode_seeking`


class RemedyNumbers(TypedDict, total=False):
    regulariser: str
    penalty_weight: float
    mode_seeking: float
    augment: str
    augment_policy: list[str]
    augment_ramp: int | None
    generator_lr: float
    discriminator_lr: float


def next_remedy(verdict: Verdict, resolved: ResolvedConfig, taken: Sequence[Remedy]) -> Remedy | None:
    """Return the first suitable remedy not yet taken (lower rates may repeat); None: enough were taken."""
    if len(taken) >= MOST:
        return None
    names = {remedy.name for remedy in taken}
    for name in ORDER.get(verdict, USUAL):
        make, why = REMEDIES[name]
        numbers = make(resolved) if name not in names or name == LOWER_RATES else {}
        if numbers:
            before = resolved.to_json()
            changes = tuple(Change(field=field, before=before.get(field), after=to) for field, to in numbers.items())
            return Remedy(name=name, why=why, changes=changes)
    return None


def _regularised(resolved: ResolvedConfig) -> RemedyNumbers:
    if resolved.objective == EVIDENCE or resolved.regulariser != "none":
        return {}
    weight = REMEDIAL_WEIGHT * penalty_by_rule(resolved.network.image_size, resolved.batch_size)
    return {"regulariser": "r1_r2", "penalty_weight": weight}


def _diversified(resolved: ResolvedConfig) -> RemedyNumbers:
    if resolved.objective == EVIDENCE or resolved.mode_seeking:
        return {}
    return {"mode_seeking": REMEDIAL_SEEKING}


def _augmented(resolved: ResolvedConfig) -> RemedyNumbers:
    """Add ADA if nothing is augmented and scores have signs, else DiffAugment unless it is on."""
    kind, objective = resolved.augment, resolved.objective
    if objective == EVIDENCE or kind == DIFFAUGMENT:
        return {}
    new = ADA if kind == "none" and objective != WASSERSTEIN else DIFFAUGMENT
    images = resolved.steps * resolved.images_per_step
    ramp = ada_ramp(images) if new == ADA else None
    return {"augment": new, "augment_policy": [*policy_of(new, resolved.medium)], "augment_ramp": ramp}


def _slowed(resolved: ResolvedConfig) -> RemedyNumbers:
    return {"generator_lr": resolved.generator_lr / 2, "discriminator_lr": resolved.discriminator_lr / 2}


SEEK_MODES, REGULARISE = "seek_modes", "regularise_discriminator"
AUGMENT, LOWER_RATES = "augment", "lower_learning_rates"

REMEDIES: dict[str, tuple[Callable[[ResolvedConfig], RemedyNumbers], str]] = {
    SEEK_MODES: (_diversified, "a generator that pays for pictures of a class that are alike listens to its noise"),
    REGULARISE: (_regularised, "a discriminator that is kept smooth shows the generator more than one way"),
    AUGMENT: (_augmented, "a discriminator that never sees a picture twice knows none by heart"),
    LOWER_RATES: (_slowed, "smaller steps keep both networks nearer to each other"),
}

USUAL = (REGULARISE, AUGMENT, LOWER_RATES)
ORDER: dict[Verdict, tuple[str, ...]] = {
    Verdict.MODE_COLLAPSE: (SEEK_MODES, *USUAL),
    Verdict.EXPLODING: (LOWER_RATES,),
    Verdict.MEMORISING: (AUGMENT, REGULARISE, LOWER_RATES),
    Verdict.DISCRIMINATOR_OVERFITTING: (AUGMENT, REGULARISE, LOWER_RATES),
}
