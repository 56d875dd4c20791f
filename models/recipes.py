"""The table of recipes, and the rules by which "auto" becomes a number. Knows no loop: worker/ does what they say."""

from dataclasses import dataclass
from typing import Any, TypeVar

from core.errors import FieldProblem, InvalidRequest
from core.specs import PublishSpec, RunSpec, TrainConfig
from models import ARCHITECTURES
from models.dcgan import base_size

T = TypeVar("T", int, float)

DEFAULT_IMAGES_SEEN = 640_000  # of a run whose length is "auto": about 25 minutes for 28 px on two CPU cores


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A named, proven combination: one row of data."""

    architecture: str
    objective: str
    conditional: bool
    source: str
    learning_rate: float
    betas: tuple[float, float]
    batch_size: int = 64
    latent_dim: int = 100


RECIPES = {
    "dcgan": Recipe(
        architecture="dcgan",
        objective="non_saturating",
        conditional=False,
        source="Radford et al. 2015, arXiv 1511.06434",
        learning_rate=2e-4,
        betas=(0.5, 0.999),
    ),
    "cgan": Recipe(
        architecture="dcgan",
        objective="non_saturating",
        conditional=True,
        source="Mirza & Osindero 2014, arXiv 1411.1784",
        latent_dim=64,  # the label's embedding is as long again
        learning_rate=2e-4,
        betas=(0.5, 0.999),
    ),
}


def resolve(spec: RunSpec, dataset: dict[str, Any]) -> dict[str, Any]:
    """Every option of a run as it will be used, from the request and the dataset's manifest.

    Raises:
        InvalidRequest: recipe and dataset do not fit, or an option is out of range; each problem names its field.
    """
    recipe = RECIPES.get(spec.recipe)
    if recipe is None:
        raise InvalidRequest.field("/recipe", f"there is no recipe {spec.recipe!r}; recipes: {', '.join(RECIPES)}")
    problems = list(_misfits(spec, recipe, dataset))
    if problems:
        raise InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems), problems)
    resolved = _hyperparameters(spec.config, recipe, dataset)
    return {
        "recipe": spec.recipe,
        "architecture": recipe.architecture,
        "objective": recipe.objective,
        "seed": spec.seed,
        **resolved,
        **_cadence(spec.config, spec.publish, resolved["steps"]),
        "publish_keep": spec.publish.keep,
        "network": {
            "image_size": dataset["height"],
            "channels": dataset["channels"],
            "latent_dim": resolved["latent_dim"],
            "width": resolved["width"],
            "num_classes": len(dataset["class_names"]) if recipe.conditional else 0,
        },
    }


def network_config(resolved: dict[str, Any]) -> Any:
    """The architecture's config that a resolved spec describes."""
    return ARCHITECTURES[resolved["architecture"]].parse(resolved["network"])


def _misfits(spec: RunSpec, recipe: Recipe, dataset: dict[str, Any]) -> list[FieldProblem]:
    problems = []
    height, width, count = dataset["height"], dataset["width"], dataset["count"]
    if height != width or base_size(height) is None:
        sizes = "square images of 8 to 512 px, 4 or 7 times a power of two"
        problems.append(FieldProblem("/dataset", f"{spec.recipe} draws {sizes}; these are {width}x{height}"))
    if recipe.conditional and not dataset["class_names"]:
        problems.append(FieldProblem("/dataset", f"{spec.recipe} needs labels, and {dataset['name']!r} has none"))
    if count < 2:
        problems.append(FieldProblem("/dataset", "one image is too few to learn from"))
    elif count < _given(spec.config.batch_size, 2):
        problems.append(FieldProblem("/config/batch_size", f"2 to {count}, the number of images in the dataset"))
    return problems


def _hyperparameters(config: TrainConfig, recipe: Recipe, dataset: dict[str, Any]) -> dict[str, Any]:
    batch_size = _given(config.batch_size, min(recipe.batch_size, dataset["count"]))
    return {
        "steps": _given(config.steps, max(1, DEFAULT_IMAGES_SEEN // batch_size)),
        "batch_size": batch_size,
        "generator_lr": _given(config.generator_lr, recipe.learning_rate),
        "discriminator_lr": _given(config.discriminator_lr, recipe.learning_rate),
        "beta1": _given(config.beta1, recipe.betas[0]),
        "beta2": _given(config.beta2, recipe.betas[1]),
        "latent_dim": _given(config.latent_dim, recipe.latent_dim),
        "width": _given(config.width, 256),
        "ema_half_life": _given(config.ema_half_life, batch_size * 10_000 // 32),  # StyleGAN2-ADA's "auto"
        "precision": config.precision,  # "auto" is settled by the worker's device, once
    }


def _cadence(config: TrainConfig, publish: PublishSpec, steps: int) -> dict[str, int]:
    """How often things happen. A version is published from a checkpoint, so its cadence is a multiple."""
    checkpoint_every = _given(config.checkpoint_every, _between(50, steps // 10, 500))
    return {
        "report_every": _given(config.report_every, _between(1, steps // 100, 20)),
        "sample_every": _given(config.sample_every, _between(25, steps // 50, 250)),
        "checkpoint_every": checkpoint_every,
        "publish_every": _given(
            publish.every_steps, _between(1, steps // (5 * checkpoint_every), 4) * checkpoint_every
        ),
    }


def _given(value: T | str, default: T) -> T:
    return default if isinstance(value, str) else value


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
