"""Recipes: what "auto" becomes, and what is refused at which field."""

from typing import Any

import pytest

from core.errors import InvalidRequest
from ganymede.schemas.specs import RunSpec
from models.networks import network_config
from models.recipes import RECIPES
from models.resolution import resolve
from models.sizes import CONFIGS, DCGANConfig, R3GANConfig
from tests.manifests import changed, dataset_manifest

DATASET = dataset_manifest("digits", count=10_000, height=28, width=28, class_names=list("0123456789"))


def spec(recipe: str = "cgan", **changes: Any) -> RunSpec:
    return RunSpec.model_validate({"recipe": recipe, "dataset": "digits", **changes})


def problems(spec: RunSpec, **dataset: Any) -> list[str]:
    try:
        resolve(spec, changed(DATASET, **dataset))
    except InvalidRequest as refused:
        return [problem.pointer for problem in refused.problems if problem.detail in str(refused)]
    return []


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_names_what_there_is_and_its_source(name: str) -> None:
    recipe = RECIPES[name]

    assert recipe.architecture in CONFIGS
    assert "arXiv" in recipe.source
    assert resolve(spec(name), DATASET).recipe == name


def test_auto_becomes_the_numbers_of_the_recipe() -> None:
    recipe = RECIPES["cgan"]

    resolved = resolve(spec(), DATASET)

    assert resolved.batch_size == recipe.batch_size == 64
    assert resolved.steps == 640_000 // 64
    assert (resolved.generator_lr, resolved.discriminator_lr) == recipe.learning_rates
    assert (resolved.beta1, resolved.beta2) == recipe.betas
    assert (resolved.latent_dim, resolved.width) == (recipe.latent_dim, 256)
    assert resolved.ema_half_life == 64 * 10_000 // 32
    assert resolved.precision == "auto"  # the worker's device decides
    assert (resolved.seed, resolved.publish_keep) == (0, 5)
    assert resolved.extractor == "auto"  # what the worker has decides
    assert [name for name, value in resolved.to_json().items() if value == "auto"] == ["precision", "extractor"]
    assert (resolved.evaluate_every, resolved.evaluate_images) == (resolved.checkpoint_every, 2000)


def test_what_was_asked_for_is_taken_as_it_is() -> None:
    config: dict[str, Any] = {
        "steps": 77,
        "batch_size": 10,
        "generator_lr": 0.1,
        "discriminator_lr": 0.2,
        "annealing": "cosine",
        "beta1": 0.0,
        "beta2": 0.5,
        "latent_dim": 3,
        "width": 32,
        "ema_half_life": 0,
        "precision": "float32",
        "report_every": 3,
        "sample_every": 4,
        "checkpoint_every": 5,
        "extractor": "classifier",
        "evaluate_every": 6,
        "evaluate_images": 500,
    }

    resolved = resolve(spec(config=config, publish={"every_steps": 7, "keep": 2}, seed=9), DATASET)

    assert {name: resolved.to_json()[name] for name in config} == config
    assert (resolved.publish_every, resolved.publish_keep, resolved.seed) == (7, 2, 9)


@pytest.mark.parametrize(("count", "batch_size"), [(2, 2), (63, 63), (64, 64), (65, 64), (10**6, 64)])
def test_a_small_dataset_is_one_batch(count: int, batch_size: int) -> None:
    resolved = resolve(spec(), changed(DATASET, count=count))

    assert resolved.batch_size == batch_size
    assert resolved.steps == 640_000 // batch_size


def test_the_length_and_the_average_follow_the_batch() -> None:
    resolved = resolve(spec(config={"batch_size": 4096}), DATASET)

    assert resolved.steps == 640_000 // 4096
    assert resolved.ema_half_life == 4096 * 10_000 // 32


@pytest.mark.parametrize("steps", [1, 5, 49, 50, 99, 300, 1000, 2500, 10_000, 99_999, 10_000_000])
def test_the_cadence_of_publishing_is_a_multiple_of_that_of_checkpoints(steps: int) -> None:
    resolved = resolve(spec(config={"steps": steps}), DATASET)

    assert 50 <= resolved.checkpoint_every <= 500
    assert resolved.publish_every % resolved.checkpoint_every == 0
    assert resolved.checkpoint_every <= resolved.publish_every <= 4 * resolved.checkpoint_every
    assert 1 <= resolved.report_every <= 20
    assert 25 <= resolved.sample_every <= 250


@pytest.mark.parametrize("checkpoint_every", [1, 7, 300, 10**9])
def test_it_is_so_also_where_checkpoints_were_asked_for(checkpoint_every: int) -> None:
    resolved = resolve(spec(config={"steps": 1000, "checkpoint_every": checkpoint_every}), DATASET)

    assert resolved.checkpoint_every == checkpoint_every
    assert resolved.publish_every % checkpoint_every == 0


def test_the_network_has_the_sizes_of_the_dataset() -> None:
    resolved = resolve(spec(), changed(DATASET, height=32, width=32, channels=3))

    latent_dim = RECIPES["cgan"].latent_dim
    assert network_config(resolved) == DCGANConfig(
        image_size=32, channels=3, latent_dim=latent_dim, width=256, num_classes=10
    )


def test_only_a_recipe_that_draws_deeper_says_so_to_its_network() -> None:
    assert network_config(resolve(spec("dcgan"), DATASET)).depth == RECIPES["dcgan"].depth == 1
    assert "depth" not in resolve(spec("cgan"), DATASET).network.to_json()
    assert "depth" not in resolve(spec("sngan"), DATASET).network.to_json()


def test_only_a_network_that_was_corrected_names_its_revision() -> None:
    assert network_config(resolve(spec("r3gan"), DATASET)).revision == R3GANConfig.NEWEST == 2
    assert "revision" not in resolve(spec("cgan"), DATASET).network.to_json()


def test_an_unconditional_recipe_takes_a_dataset_with_or_without_labels() -> None:
    numbers = [
        resolve(spec("dcgan"), changed(DATASET, class_names=names)).network.num_classes for names in ([], ["a", "b"])
    ]

    assert numbers == [0, 0]


def test_a_recipe_of_both_kinds_learns_labels_where_there_are_any_unless_it_is_told_not_to() -> None:
    resolved = [
        resolve(spec("sngan", config=config), changed(DATASET, class_names=names))
        for config, names in (({}, ["a", "b"]), ({}, []), ({"conditional": False}, ["a", "b"]))
    ]

    assert [r.network.num_classes for r in resolved] == [2, 0, 0]
    assert [r.conditioning for r in resolved] == ["projection", "none", "none"]


@pytest.mark.parametrize(("size", "batch_size", "gamma"), [(28, 64, 0.6699), (64, 256, 2.0), (256, 256, 128.0)])
def test_the_weight_of_r1_and_r2_follows_the_size_and_the_batch(size: int, batch_size: int, gamma: float) -> None:
    dataset = changed(DATASET, height=size, width=size)

    by_rule, given = (
        resolve(spec("r3gan", config={"batch_size": batch_size, **config}), dataset).penalty_weight
        for config in ({}, {"penalty_weight": 1.5})
    )

    assert by_rule == pytest.approx(gamma, rel=1e-4)
    assert given == 1.5


def test_a_critic_that_learns_more_often_sees_as_many_images_in_a_run() -> None:
    resolved = resolve(spec("wgan-gp", config={"n_critic": 5}), DATASET)

    assert resolved.steps == 640_000 // (64 * 5)
    assert resolved.ema_half_life == 5 * 64 * 10_000 // 32


@pytest.mark.parametrize(("channels", "likelihood"), [(1, "bernoulli"), (3, "gaussian")])
def test_the_likelihood_of_a_vae_follows_the_channels(channels: int, likelihood: str) -> None:
    assert resolve(spec("vae"), changed(DATASET, channels=channels)).likelihood == likelihood
    assert resolve(spec("vae", config={"likelihood": "gaussian"}), DATASET).likelihood == "gaussian"


@pytest.mark.parametrize("name", RECIPES)
def test_networks_are_wider_on_a_gpu(name: str) -> None:
    cpu, gpu = (resolve(spec(name), DATASET, device).width for device in ("cpu", "cuda:0"))

    assert cpu <= gpu
    assert (cpu, gpu) == (RECIPES[name].width, RECIPES[name].gpu_width)


@pytest.mark.parametrize(("size", "width"), [(28, 1024), (64, 1024), (128, 256), (512, 16)])
def test_a_fully_connected_network_is_narrower_for_larger_pictures(size: int, width: int) -> None:
    resolved = resolve(spec("gan"), changed(DATASET, height=size, width=size, channels=3))

    assert resolved.width == width


@pytest.mark.parametrize("name", ["stylegan", "CGAN", "cgan ", "__class__"])
def test_an_unknown_recipe_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidRequest, match="recipes: gan, dcgan, cgan") as refused:
        resolve(spec(name), DATASET)

    assert [problem.pointer for problem in refused.value.problems] == ["/recipe"]


@pytest.mark.parametrize(
    ("recipe", "config", "dataset", "pointers"),
    [
        ("cgan", {}, {"class_names": []}, ["/dataset"]),
        ("dcgan", {}, {"class_names": []}, []),
        ("cgan", {}, {"width": 32}, ["/dataset"]),
        ("cgan", {}, {"height": 30, "width": 30}, ["/dataset"]),
        ("cgan", {}, {"height": 4, "width": 4}, ["/dataset"]),
        ("cgan", {}, {"height": 896, "width": 896}, ["/dataset"]),
        ("cgan", {}, {"height": 512, "width": 512}, []),
        ("cgan", {"batch_size": 100}, {"count": 99}, ["/config/batch_size"]),
        ("cgan", {"batch_size": 99}, {"count": 99}, []),
        ("cgan", {}, {"count": 1}, ["/dataset"]),
        ("cgan", {"batch_size": 2}, {"count": 1}, ["/dataset"]),
        ("dcgan", {"conditional": True}, {}, ["/config/conditional"]),
        ("cgan", {"conditional": False}, {}, ["/config/conditional"]),
        ("lsgan", {"conditional": True}, {"class_names": []}, ["/dataset"]),
        ("lsgan", {"conditional": False}, {}, []),
        ("dcgan", {"penalty_weight": 1}, {}, ["/config/penalty_weight"]),
        ("sngan", {"penalty_weight": 1}, {}, ["/config/penalty_weight"]),
        ("wgan-gp", {"penalty_weight": 1}, {}, []),
        ("dcgan", {"likelihood": "bernoulli"}, {}, ["/config/likelihood"]),
        ("vae", {"n_critic": 2}, {}, ["/config/n_critic"]),
        ("vae", {"conditional": True, "likelihood": "gaussian"}, {}, []),
        ("cgan", {"batch_size": 64}, {"count": 9, "class_names": []}, ["/dataset", "/config/batch_size"]),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(
    recipe: str, config: dict[str, int], dataset: dict[str, Any], pointers: list[str]
) -> None:
    assert problems(spec(recipe, config=config), **dataset) == pointers


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("size", [8, 28, 512])
def test_whatever_is_resolved_can_be_built(name: str, size: int) -> None:
    resolved = resolve(spec(name, config={"width": 16}), changed(DATASET, height=size, width=size))

    network = network_config(resolved)

    assert (network.image_size, network.width) == (size, 16)


@pytest.mark.parametrize(
    ("config", "dataset", "field"),
    [
        ({"extractor": "classifier"}, {"class_names": []}, "/config/extractor"),
        ({"extractor": "classifier"}, {"class_names": ["one"]}, "/config/extractor"),
        ({"evaluate_images": 51}, {"count": 100}, "/config/evaluate_images"),
    ],
)
def test_an_evaluation_that_the_dataset_does_not_allow_is_refused(
    config: dict[str, Any], dataset: dict[str, Any], field: str
) -> None:
    assert problems(spec("dcgan", config=config), **dataset) == [field]


@pytest.mark.parametrize(
    ("config", "count", "fields"),
    [
        ({"extractor": "none"}, 16, ["/stop/patience"]),
        ({"extractor": "classifier"}, 15, ["/stop/patience"]),
        ({"extractor": "classifier"}, 16, []),
        ({}, 16, []),
    ],
)
def test_patience_is_refused_where_nothing_is_evaluated(config: dict[str, Any], count: int, fields: list[str]) -> None:
    patient = spec("dcgan", config=config, stop={"patience": 1})

    assert problems(patient, count=count) == fields


def test_half_of_a_small_dataset_is_held_against_the_rest() -> None:
    assert resolve(spec(), changed(DATASET, count=101)).evaluate_images == 50
