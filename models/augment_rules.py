"""How pictures are changed before a discriminator sees them: what `augment` and its policy come to. Knows no loop.

worker/training/augmentation.py has the changes.
"""

from collections.abc import Iterator

from core.datasets.manifest import DatasetManifest
from core.errors import FieldProblem
from core.resolved import ADA, DIFFAUGMENT, EVIDENCE, SEMI_SUPERVISED, WASSERSTEIN, AugmentationNumbers
from ganymede.schemas.specs import TrainConfig
from ganymede.schemas.tasks import Medium
from models.choice import Choice, are_few
from models.recipes import Recipe

ADA_RAMP = 500_000  # images in which p may rise by 1, as in Karras et al. 2020; a short run has a fifth of its length
POLICIES = {DIFFAUGMENT: ("colour", "translation", "cutout"), ADA: ("translation", "geometry", "colour")}
OF_SOUNDS = ("time",)  # all else makes another sound of a spectrogram


def policy_of(kind: str, medium: str) -> tuple[str, ...]:
    """Return the changes that a kind of augmentation makes unasked."""
    if kind not in POLICIES:
        return ()
    return OF_SOUNDS if medium == Medium.AUDIO else POLICIES[kind]


def kind_of(config: TrainConfig, recipe: Recipe, dataset: DatasetManifest) -> str:
    """Return the kind of augmentation; by default ADA for few images, which acts only against memorising."""
    if config.augment != "auto":
        return config.augment
    if recipe.objective in (EVIDENCE, SEMI_SUPERVISED) or not are_few(dataset.count, dataset.height):
        return "none"
    return DIFFAUGMENT if recipe.objective == WASSERSTEIN else ADA


def augmentation(config: TrainConfig, recipe: Recipe, dataset: DatasetManifest, images: int) -> AugmentationNumbers:
    """Resolve how pictures are changed; `images`: as many as the run sees."""
    kind = kind_of(config, recipe, dataset)
    asked = policy_of(kind, dataset.medium) if config.augment_policy == "auto" else config.augment_policy
    return {
        "augment": kind,
        "augment_policy": tuple(dict.fromkeys(asked)),
        "augment_ramp": ada_ramp(images) if kind == ADA else None,
    }


def ada_ramp(images: int) -> int:
    """Return the images in which p may rise by 1, of a run that sees so many."""
    return max(1, min(ADA_RAMP, images // 5))


def misfits(config: TrainConfig, choice: Choice, recipe: Recipe, dataset: DatasetManifest) -> Iterator[FieldProblem]:
    """Yield what of the request does not go together."""
    kind, policy = kind_of(config, recipe, dataset), config.augment_policy
    if kind == ADA and recipe.objective == WASSERSTEIN:
        why = f"ada goes by the signs of scores, and those of {choice.subject} mean nothing; {DIFFAUGMENT} goes without"
        yield FieldProblem("/config/augment", why)
    if policy != "auto" and kind == "none":
        yield FieldProblem(
            "/config/augment_policy", f"nothing is augmented here: set augment to {ADA} or {DIFFAUGMENT}"
        )
    if "geometry" in policy and kind == DIFFAUGMENT:
        yield FieldProblem("/config/augment_policy", f"{DIFFAUGMENT} has no geometry")
    if policy == "auto":
        return
    if dataset.medium == Medium.AUDIO and (others := [name for name in policy if name not in OF_SOUNDS]):
        why = f"of sounds, as in {dataset.name!r}, time alone is shifted: {', '.join(others)} would make other sounds"
        yield FieldProblem("/config/augment_policy", why)
    if dataset.medium != Medium.AUDIO and (others := [name for name in policy if name in OF_SOUNDS]):
        yield FieldProblem("/config/augment_policy", f"{', '.join(others)} is for sounds; {dataset.name!r} has none")
