"""Warnings before a run begins: each where it belongs, and none where all is well."""

from typing import Any

import pytest

from core.resolved import ResolvedConfig
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.validation import MemoryBody, RangeBody, TimeBody
from models.advice import of_the_estimate, of_the_numbers, of_the_patience
from models.networks import state_bytes
from models.resolution import resolve
from tests.manifests import changed
from tests.models.test_recipes import DATASET

COUNTED = changed(DATASET, class_counts=[1000] * 10)
PEACE = TimeBody(
    seconds=600,
    seconds_per_step=0.1,
    seconds_range=RangeBody(least=480, most=750),
    images_per_second=640,
    images_per_second_range=RangeBody(least=512, most=800),
    steps_measured=9,
    batch_size=64,
    core_share=0.9,
)
WIDE = {"seconds_range": RangeBody(least=480, most=7200), "batch_size": 16}
ROOM = MemoryBody(bytes=10**9, machine_bytes=10**10, is_measured=True)


def resolved(recipe: str = "cgan", config: dict[str, Any] | None = None, **dataset: Any) -> ResolvedConfig:
    body = {"recipe": recipe, "dataset": "digits", "config": config or {}}
    return resolve(RunSpec.model_validate(body), changed(COUNTED, **dataset))


def told(config: dict[str, Any], **dataset: Any) -> dict[str, str]:
    return {w.code: w.pointer for w in of_the_numbers(resolved(config=config, **dataset), changed(COUNTED, **dataset))}


def estimated(memory: MemoryBody | None, time: TimeBody | None, **config: Any) -> dict[str, str]:
    numbers = resolved(config=config)
    return {w.code: w.pointer for w in of_the_estimate(numbers, state_bytes(numbers), memory, time)}


@pytest.mark.parametrize(
    ("config", "dataset", "expected"),
    [
        ({}, {}, {}),
        ({"batch_size": 2500}, {}, {}),
        ({"batch_size": 2501}, {}, {"large_batch": "/config/batch_size"}),
        ({}, {"count": 2799}, {"few_images": "/dataset"}),
        ({"steps": 156}, {}, {"short_run": "/config/steps"}),
        ({"steps": 157}, {}, {}),
        ({}, {"class_counts": [1000] * 9 + [49]}, {"small_class": "/dataset"}),
        ({}, {"class_counts": [1000] * 9 + [50]}, {}),
    ],
)
def test_what_the_numbers_tell(config: dict[str, Any], dataset: dict[str, Any], expected: dict[str, str]) -> None:
    assert told(config, **dataset) == expected


@pytest.mark.parametrize(
    ("patience", "config", "classes", "expected"),
    [
        (None, {}, [], []),
        (3, {"steps": 40, "evaluate_every": 10}, list("ab"), []),
        (4, {"steps": 40, "evaluate_every": 10}, list("ab"), ["patience_unused"]),
        (1, {"steps": 10, "evaluate_every": 100}, list("ab"), ["patience_unused"]),
        (1, {}, [], ["patience_unscored"]),
        (1, {"extractor": "efficientnet-lite0"}, [], []),
    ],
)
def test_what_can_be_said_of_patience(
    patience: int | None, config: dict[str, Any], classes: list[str], expected: list[str]
) -> None:
    dataset = changed(COUNTED, class_names=classes, class_counts=[1000] * len(classes))
    numbers = resolved("dcgan", config, class_names=classes, class_counts=dataset.class_counts)

    said = [*of_the_patience(patience, numbers, dataset)]

    assert [each.code for each in said] == expected
    assert {each.pointer for each in said} <= {"/stop/patience"}


def test_few_images_say_what_is_done_about_it() -> None:
    details = [
        next(of_the_numbers(resolved(config=config, count=200), changed(COUNTED, count=200))).detail
        for config in ({}, {"augment": "none"})
    ]

    assert details == [
        "200 images are few for 28 px: augmentation is on (ada)",
        "200 images are few for 28 px: nothing is augmented",
    ]


def test_a_class_of_few_images_matters_to_those_who_learn_classes() -> None:
    dataset = changed(COUNTED, class_counts=[1] * 10)

    assert [w.code for w in of_the_numbers(resolved("dcgan"), dataset)] == []


@pytest.mark.parametrize(
    ("memory", "time", "config", "expected"),
    [
        (ROOM, PEACE, {}, {}),
        (None, None, {}, {}),
        (ROOM.model_copy(update={"bytes": 10**10 + 1}), None, {}, {"too_much_memory": "/config/batch_size"}),
        (ROOM.model_copy(update={"machine_bytes": 10**6}), None, {}, {"too_much_memory": "/config/width"}),
        (
            ROOM,
            PEACE.model_copy(update={"seconds": 9 * 3600, "seconds_range": RangeBody(least=8 * 3600, most=10 * 3600)}),
            {},
            {"long_run": "/config/steps"},
        ),
        (ROOM, PEACE.model_copy(update={"core_share": 0.3}), {}, {"busy_machine": ""}),
        (ROOM, PEACE.model_copy(update=WIDE), {}, {"rough_time": ""}),
        (ROOM, PEACE, {"checkpoint_every": 10, "steps": 10_000}, {"many_versions": "/publish/every_steps"}),
    ],
)
def test_what_an_estimate_tells(
    memory: MemoryBody | None, time: TimeBody | None, config: dict[str, Any], expected: dict[str, str]
) -> None:
    assert estimated(memory, time, **config) == expected
