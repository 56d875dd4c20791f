"""From a recipe, a request and a dataset to every number of a run: the rules by which "auto" is settled.

Knows no loop: worker/ does what is written here.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TypeVar

from core.datasets.manifest import DatasetManifest
from core.errors import FieldProblem, InvalidRequest
from core.media.images import base_size
from core.resolved import (
    EVIDENCE,
    SEMI_SUPERVISED,
    Cadence,
    NetworkSizes,
    Optimisation,
    Penalties,
    ResolvedConfig,
)
from ganymede.schemas.specs import PublishSpec, RunSpec, TrainConfig
from ganymede.schemas.tasks import Medium, VersionTask
from models import augment_rules
from models.choice import AUTO, Choice, Situation, choose
from models.device import has_gpu
from models.recipes import RECIPES, Recipe
from models.sizes import CONFIGS, NARROWEST
from models.splits import count_learnt, too_few

T = TypeVar("T", int, float, bool)

DEFAULT_IMAGES_SEEN = 640_000  # of a run whose length is "auto": about 25 minutes for 28 px on two CPU cores
DENSE_WEIGHTS = 2**24  # at most, in a layer
DENSE_SIDE = 32  # px: of grey pictures up to it a classifier has fully connected networks, unless others are asked for
SHARE = 2  # images of a batch that a process needs at least: one alone has no variance
FAKES = 2000  # of an evaluation
FEWEST_EVALUATED = 16  # images of a dataset: half of them are as many as fakes


def resolve(
    spec: RunSpec, dataset: DatasetManifest, device: str = "cpu", choice: Choice | None = None
) -> ResolvedConfig:
    """Every option of a run as it will be used, from the request and the dataset's manifest.

    device: "cpu", "cuda[:N]" or "auto"; on a GPU networks are as wide as in the papers.
    choice: the recipe where the request leaves it open; else by the rule of models/choice.py.

    Raises:
        InvalidRequest: recipe and dataset do not fit, or an option is out of range; each problem names its field.
    """
    on_gpu = has_gpu(device)
    choice = _choice(spec, choice, dataset, on_gpu)
    recipe = _row(spec, choice, dataset)
    problems = list(_misfits(spec, choice, recipe, dataset))
    if problems:
        raise InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems), problems)
    return _resolved(spec, choice, recipe, dataset, on_gpu)


def _row(spec: RunSpec, choice: Choice, dataset: DatasetManifest) -> Recipe:
    """Return the row of a recipe, with the networks that were asked for, or else suit the pictures."""
    recipe, asked = RECIPES[choice.recipe], spec.config.architecture
    if asked == "auto":
        asked = "mlp" if dataset.channels == 1 and dataset.height <= DENSE_SIDE else "dcgan"
    others = recipe.networks.get(asked)
    return replace(recipe, **(asdict(others) if others else {}), **choice.numbers)


def _count(spec: RunSpec, recipe: Recipe, dataset: DatasetManifest) -> int:
    """Return how many pictures are learnt from."""
    holds_out = recipe.objective == SEMI_SUPERVISED or spec.publish.classifier is not None
    return count_learnt(dataset.count) if holds_out else dataset.count


def _resolved(spec: RunSpec, choice: Choice, recipe: Recipe, dataset: DatasetManifest, on_gpu: bool) -> ResolvedConfig:
    config, batch_size = spec.config, _batch_size(spec, recipe, _count(spec, recipe, dataset))
    n_critic = _given(config.n_critic, recipe.n_critic)
    steps = _given(config.steps, max(1, DEFAULT_IMAGES_SEEN // (batch_size * n_critic)))
    network = _network(config, recipe, dataset, on_gpu)
    return ResolvedConfig(
        recipe=choice.recipe,
        recipe_reason=choice.reason,
        medium=dataset.medium,
        architecture=recipe.architecture,
        objective=recipe.objective,
        regulariser=recipe.regulariser,
        conditional=network.num_classes > 0,
        conditioning=recipe.conditioning if network.num_classes else "none",
        seed=spec.seed,
        steps=steps,
        batch_size=batch_size,
        n_critic=n_critic,
        **_optimisation(config, recipe),
        **_penalties(config, recipe, dataset.height, batch_size),
        likelihood=_likelihood(config, recipe, dataset.channels),
        labels_per_class=None if config.labels_per_class == "auto" else config.labels_per_class,
        **augment_rules.augmentation(config, recipe, dataset, steps * batch_size * n_critic),
        latent_dim=network.latent_dim,
        width=network.width,
        ema_half_life=_given(config.ema_half_life, batch_size * n_critic * 10_000 // 32),  # StyleGAN2-ADA's "auto"
        precision=config.precision,  # "auto" is settled by the worker's device, once
        extractor=config.extractor,  # and here by what the worker has
        evaluate_images=_given(config.evaluate_images, min(FAKES, dataset.count // 2)),
        **_cadence(config, spec.publish, steps),
        processes=spec.resources.processes,
        publish_keep=spec.publish.keep,
        publish_final=spec.publish.final,
        publish_classifier=spec.publish.classifier,
        network=network,
    )


def _network(config: TrainConfig, recipe: Recipe, dataset: DatasetManifest, on_gpu: bool) -> NetworkSizes:
    revision = CONFIGS[recipe.architecture].NEWEST
    sizes = NetworkSizes(
        image_size=dataset.height,
        channels=dataset.channels,
        latent_dim=_given(config.latent_dim, recipe.latent_dim),
        width=_given(config.width, _width(recipe, dataset, on_gpu)),
        num_classes=len(dataset.class_names) if _is_conditional(config, recipe, dataset) else 0,
    )
    own = {"depth": recipe.depth} if recipe.depth else {}
    return sizes.changed(**own, **({"revision": revision} if revision > 1 else {}))


def situation(config: TrainConfig, dataset: DatasetManifest, on_gpu: bool) -> Situation:
    return Situation(
        size=dataset.height,
        channels=dataset.channels,
        is_labelled=_given(config.conditional, bool(dataset.class_names)),
        count=dataset.count,
        on_gpu=on_gpu,
    )


def _choice(spec: RunSpec, choice: Choice | None, dataset: DatasetManifest, on_gpu: bool) -> Choice:
    if spec.recipe == AUTO:
        return choice or choose(situation(spec.config, dataset, on_gpu))
    if spec.recipe not in RECIPES:
        described = f"there is no recipe {spec.recipe!r}; recipes: {', '.join(RECIPES)}; {AUTO} chooses one"
        raise InvalidRequest.field("/recipe", described)
    return Choice(spec.recipe)


def _is_conditional(config: TrainConfig, recipe: Recipe, dataset: DatasetManifest) -> bool:
    default = bool(dataset.class_names) if recipe.conditional is None else recipe.conditional
    return _given(config.conditional, default)


def _misfits(spec: RunSpec, choice: Choice, recipe: Recipe, dataset: DatasetManifest) -> Iterator[FieldProblem]:
    height, width, count, learnt = dataset.height, dataset.width, dataset.count, _count(spec, recipe, dataset)
    if height != width or base_size(height) is None:
        sizes = "square images of 8 to 512 px, 4 or 7 times a power of two"
        who = "every recipe" if choice.reason else choice.recipe
        yield FieldProblem("/dataset", f"{who} draws {sizes}; these are {width}x{height}")
    if dataset.medium == Medium.AUDIO and CONFIGS[recipe.architecture].TASK is not VersionTask.GENERATION:
        yield FieldProblem("/dataset", f"{choice.subject} is for pictures, and {dataset.name!r} holds sounds")
    if recipe.conditional is not None and _given(spec.config.conditional, recipe.conditional) != recipe.conditional:
        kind = "conditional" if recipe.conditional else "unconditional"
        yield FieldProblem("/config/conditional", f"{choice.subject} is always {kind}")
    elif _is_conditional(spec.config, recipe, dataset) and not dataset.class_names:
        yield FieldProblem("/dataset", f"{choice.subject} needs labels, and {dataset.name!r} has none")
    for option, why in unsuited(recipe).items():
        if getattr(spec.config, option) not in ("auto", "none"):
            others = ", ".join(name for name, other in RECIPES.items() if option not in unsuited(other))
            yield FieldProblem(f"/config/{option}", f"{choice.subject} {why}; it is an option of {others}")
    if recipe.objective != EVIDENCE:
        yield from augment_rules.misfits(spec.config, choice, recipe, dataset)
    yield from _class_misfits(spec, recipe, dataset)
    if spec.config.extractor == "classifier" and len(dataset.class_names) < 2:
        yield FieldProblem("/config/extractor", f"a classifier needs classes, and {dataset.name!r} has none to tell")
    if spec.stop.patience is not None and (spec.config.extractor == "none" or count < FEWEST_EVALUATED):
        why = f"of fewer than {FEWEST_EVALUATED} images" if count < FEWEST_EVALUATED else "with config.extractor none"
        yield FieldProblem("/stop/patience", f"it goes by evaluations, and {why} there are none")
    if _given(spec.config.evaluate_images, 0) > count // 2:
        yield FieldProblem("/config/evaluate_images", f"at most {count // 2}, half of the images in the dataset")
    if count < 2:
        yield FieldProblem("/dataset", "one image is too few to learn from")
    elif learnt < _given(spec.config.batch_size, 2):
        yield FieldProblem("/config/batch_size", f"2 to {learnt}, the number of images to learn from")
    processes, batch_size = spec.resources.processes, _batch_size(spec, recipe, learnt)
    if processes > 1 and (batch_size % processes or batch_size < SHARE * processes):
        most = batch_size // SHARE
        fitting = ", ".join(str(number) for number in range(1, min(most, 64) + 1) if batch_size % number == 0)
        rule = f"a batch of {batch_size} can be shared evenly, {SHARE} images each at least, by {fitting or 1}"
        yield FieldProblem("/resources/processes", rule)


def _class_misfits(spec: RunSpec, recipe: Recipe, dataset: DatasetManifest) -> Iterator[FieldProblem]:
    beside, names_classes = spec.publish.classifier, recipe.conditioning == "classifier"
    if beside is not None and (not names_classes or recipe.objective == SEMI_SUPERVISED):
        why = "acgan alone has a discriminator that names classes beside a generator that is published"
        yield FieldProblem("/publish/classifier", why)
    if beside == spec.model_name:
        yield FieldProblem("/publish/classifier", "is the name of the model that draws")
    if recipe.objective != SEMI_SUPERVISED:
        return
    if len(dataset.class_names) == 1:
        yield FieldProblem("/dataset", f"a classifier needs two classes at least, and {dataset.name!r} has one")
    asked = spec.config.labels_per_class
    if asked != "auto" and (few := too_few(dataset.class_counts, asked)):
        fewest = min(few, key=dataset.class_counts.__getitem__)
        there = f"{dataset.class_names[fewest]!r} has {dataset.class_counts[fewest]} pictures"
        yield FieldProblem("/config/labels_per_class", f"{there}, and {asked} shall have labels")


def unsuited(recipe: Recipe) -> dict[str, str]:
    """Return the options that mean nothing to a recipe, and why."""
    has_no_penalty = dict.fromkeys(("penalty_weight", "penalty_every"), "has no gradient penalty")
    found = {} if recipe.penalty_weight is not None else has_no_penalty
    if recipe.objective == SEMI_SUPERVISED:
        why = "is judged by the labels of held-out pictures"
        of_fakes = {**dict.fromkeys(("extractor", "evaluate_images"), why), "mode_seeking": "is not for drawing"}
        return {**found, **of_fakes, "likelihood": "has no likelihood"}
    found |= {"architecture": "has networks of one kind", "labels_per_class": "is no classifier"}
    if recipe.objective != EVIDENCE:
        return {**found, "likelihood": "has no likelihood"}
    of_a_discriminator = ("n_critic", "augment", "augment_policy", "mode_seeking")
    return {**found, **dict.fromkeys(of_a_discriminator, "has no discriminator")}


def _batch_size(spec: RunSpec, recipe: Recipe, count: int) -> int:
    """Return the recipe's batch, at most all images, divisible by the number of processes."""
    batch_size = min(recipe.batch_size, count)
    return _given(spec.config.batch_size, batch_size - batch_size % spec.resources.processes or batch_size)


def _optimisation(config: TrainConfig, recipe: Recipe) -> Optimisation:
    generator_lr, discriminator_lr = recipe.learning_rates
    return {
        "generator_lr": _given(config.generator_lr, generator_lr),
        "discriminator_lr": _given(config.discriminator_lr, discriminator_lr),
        "lr_schedule": config.lr_schedule if config.lr_schedule != "auto" else recipe.lr_schedule,
        "annealing": config.annealing if config.annealing != "auto" else recipe.annealing,
        "beta1": _given(config.beta1, recipe.betas[0]),
        "beta2": _given(config.beta2, recipe.betas[1]),
    }


def _penalties(config: TrainConfig, recipe: Recipe, size: int, batch_size: int) -> Penalties:
    weight = penalty_by_rule(size, batch_size) if recipe.penalty_weight == "rule" else recipe.penalty_weight
    return {
        "penalty_weight": None if weight is None else _given(config.penalty_weight, weight),
        "penalty_every": _given(config.penalty_every, recipe.penalty_every),
        "mode_seeking": _given(config.mode_seeking, recipe.mode_seeking),
    }


def penalty_by_rule(size: int, batch_size: int) -> float:
    """Return the weight of R1 and R2, from R3GAN's for FFHQ: 2 for 64 px and 150 for 256 px in batches of 256."""
    return size**3 / (512 * batch_size)


def _likelihood(config: TrainConfig, recipe: Recipe, channels: int) -> str | None:
    if recipe.objective != EVIDENCE:
        return None
    if config.likelihood != "auto":
        return config.likelihood
    return "bernoulli" if channels == 1 else "gaussian"


def _width(recipe: Recipe, dataset: DatasetManifest, on_gpu: bool) -> int:
    """Return the recipe's width; limited for fully connected networks, whose last layer grows with the picture."""
    width = recipe.gpu_width if on_gpu else recipe.width
    pixels = dataset.height * dataset.width * dataset.channels
    while recipe.architecture in ("mlp", "mlp-classifier") and width * pixels > DENSE_WEIGHTS and width > NARROWEST:
        width //= 2
    return width


def _cadence(config: TrainConfig, publish: PublishSpec, steps: int) -> Cadence:
    """Resolve how often things happen; versions come from checkpoints, so their cadence is a multiple."""
    checkpoint_every = _given(config.checkpoint_every, _between(50, steps // 10, 500))
    return {
        "report_every": _given(config.report_every, _between(1, steps // 100, 20)),
        "sample_every": _given(config.sample_every, _between(25, steps // 50, 250)),
        "checkpoint_every": checkpoint_every,
        "evaluate_every": _given(config.evaluate_every, checkpoint_every),
        "publish_every": _given(
            publish.every_steps, _between(1, steps // (5 * checkpoint_every), 4) * checkpoint_every
        ),
    }


def _given(value: T | str, default: T) -> T:
    return default if isinstance(value, str) else value


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
