"""The run body: what is taken, what is refused, and at which field."""

from typing import get_args

import pytest
from pydantic import ValidationError

from ganymede.schemas.diagnosis import UNTROUBLED, Trouble, Verdict
from ganymede.schemas.specs import RunSpec

SHORT = {"recipe": "cgan", "dataset": "shapes"}
OPTIONS = ("TrainConfig", "PublishSpec", "StopSpec")


def refused_fields(**changes: object) -> set[str]:
    try:
        RunSpec.model_validate({"recipe": "cgan", "dataset": "shapes", **changes})
    except ValidationError as error:
        return {".".join(str(part) for part in problem["loc"][:2]) for problem in error.errors()}
    return set()


@pytest.mark.parametrize(
    "body", [{"dataset": "shapes"}, {"recipe": "auto", "dataset": "shapes"}, {"recipe": None, "dataset": "shapes"}]
)
def test_a_dataset_is_enough(body: dict[str, object]) -> None:
    spec = RunSpec.model_validate(body)

    assert spec.recipe == "auto"
    assert spec.model_name == "shapes"
    assert spec.seed == 0
    assert set(spec.config.model_dump().values()) == {"auto"}
    assert (spec.publish.every_steps, spec.publish.keep) == ("auto", 5)


def test_a_model_name_goes_before_the_name_of_the_dataset() -> None:
    assert RunSpec(recipe="cgan", dataset="shapes", model="mine").model_name == "mine"


def test_the_dataset_may_not_be_left_out() -> None:
    with pytest.raises(ValidationError, match="dataset"):
        RunSpec.model_validate({"recipe": "cgan"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipee": "cgan"}, "recipee"),
        ({"config": {"epochs": 3}}, "config.epochs"),
        ({"publish": {"every": 3}}, "publish.every"),
        ({"recipe": ""}, "recipe"),
        ({"recipe": "x" * 65}, "recipe"),
        ({"recipe": 7}, "recipe"),
        ({"recipe": ["auto"]}, "recipe"),
        ({"dataset": "../shapes"}, "dataset"),
        ({"model": "A"}, "model"),
        ({"name": "x" * 201}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"config": {"steps": 0}}, "config.steps"),
        ({"config": {"steps": 10_000_001}}, "config.steps"),
        ({"config": {"steps": "many"}}, "config.steps"),
        ({"config": {"batch_size": 1}}, "config.batch_size"),
        ({"config": {"generator_lr": 0}}, "config.generator_lr"),
        ({"config": {"discriminator_lr": 1.1}}, "config.discriminator_lr"),
        ({"config": {"generator_lr": float("nan")}}, "config.generator_lr"),
        ({"config": {"beta1": 1}}, "config.beta1"),
        ({"config": {"beta2": float("nan")}}, "config.beta2"),
        ({"config": {"annealing": "linear"}}, "config.annealing"),
        ({"config": {"latent_dim": 0}}, "config.latent_dim"),
        ({"config": {"width": 15}}, "config.width"),
        ({"config": {"width": 1025}}, "config.width"),
        ({"config": {"ema_half_life": -1}}, "config.ema_half_life"),
        ({"config": {"precision": "float16"}}, "config.precision"),
        ({"config": {"checkpoint_every": 0}}, "config.checkpoint_every"),
        ({"publish": {"every_steps": 0}}, "publish.every_steps"),
        ({"publish": {"keep": 0}}, "publish.keep"),
        ({"publish": {"keep": "auto"}}, "publish.keep"),
        ({"stop": {"on": ["healthy"]}}, "stop.on"),
        ({"stop": {"on": ["warming_up"], "action": "pause"}}, "stop.on"),
        ({"stop": {"on": "mode_collapse"}}, "stop.on"),
        ({"stop": {"action": "stop"}}, "stop.on"),
        ({"stop": {"on": [], "action": "rollback"}}, "stop.on"),
        ({"stop": {"on": ["exploding"], "action": "cancel"}}, "stop.action"),
        ({"stop": {"if": ["exploding"]}}, "stop.if"),
    ],
)
def test_a_value_that_can_never_work_is_refused_at_its_field(changes: dict[str, object], field: str) -> None:
    assert refused_fields(**changes) == {field}


def test_every_option_says_what_it_is_in_the_schema() -> None:
    definitions = RunSpec.model_json_schema()["$defs"]

    options = {name: it for kind in OPTIONS for name, it in definitions[kind]["properties"].items()}

    assert [name for name, option in options.items() if not option.get("description")] == []


def test_a_run_may_be_stopped_on_every_verdict_but_the_untroubled_ones() -> None:
    troubles = [verdict for verdict in Verdict if verdict not in UNTROUBLED]

    spec = RunSpec.model_validate({**SHORT, "stop": {"on": [*troubles, troubles[0]], "action": "pause"}})

    assert sorted(spec.stop.on) == sorted(get_args(Trouble)) == sorted(troubles)


@pytest.mark.parametrize(
    ("asked", "action", "on"),
    [
        ({}, "remedy", ["mode_collapse"]),
        ({"action": "remedy"}, "remedy", ["mode_collapse"]),
        ({"on": None, "action": None}, "remedy", ["mode_collapse"]),
        ({"on": ["exploding"]}, "remedy", ["exploding"]),
        ({"on": []}, "remedy", []),
        ({"action": "alert"}, "alert", []),
        ({"action": "alert", "on": ["stalled"]}, "alert", ["stalled"]),
        ({"action": "pause", "on": ["stalled"]}, "pause", ["stalled"]),
    ],
)
def test_a_collapse_is_remedied_unless_something_else_is_asked_for(
    asked: dict[str, object], action: str, on: list[str]
) -> None:
    spec = RunSpec.model_validate({**SHORT, "stop": asked})

    assert (spec.stop.action, spec.stop.on) == (action, on)


def test_a_run_body_cannot_be_changed_once_it_is_checked() -> None:
    spec = RunSpec(recipe="cgan", dataset="shapes")

    with pytest.raises(ValidationError, match="frozen"):
        spec.seed = 3  # type: ignore[misc]
