"""spec.json and the numbers in it: what an earlier build wrote, what a newer one will, what is none."""

from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import StoreDamaged
from core.resolved import ResolvedConfig
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.diagnosis import Change, Remedy
from ganymede.schemas.specs import PublishSpec, RunSpec
from tests.manifests import dataset_manifest
from tests.records import numbers, older

SHORT: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes"}


def stored(**changes: Any) -> StoredSpec:
    spec = {
        "request": SHORT,
        "resolved": {**numbers().to_json()},
        "model": "shapes",
        "dataset": dataset_manifest().to_json(),
        **changes,
    }
    return StoredSpec.model_validate(spec)


def test_a_run_of_an_earlier_build_keeps_what_was_done_then() -> None:
    silent, told = stored(), stored(request={**SHORT, "stop": {"on": ["mode_collapse"]}})
    new = stored(stop={"action": "remedy", "on": ["mode_collapse"]})

    assert (silent.stop.action, silent.stop.on) == ("alert", [])
    assert (told.stop.action, told.stop.on) == ("alert", ["mode_collapse"])
    assert (new.stop.action, new.stop.on) == ("remedy", ["mode_collapse"])


def test_what_a_run_of_an_earlier_build_publishes_is_told_as_it_was_asked_or_is_done() -> None:
    old = older(numbers(), "publish_final").changed(publish_keep=3).to_json()
    silent, told = stored(resolved=old), stored(resolved=old, request={**SHORT, "publish": {"every_steps": 9}})
    new = StoredSpec.of(RunSpec(dataset="shapes", publish=PublishSpec(keep=2)), numbers(), dataset_manifest(), None)

    assert (silent.publish.every_steps, silent.publish.final, silent.publish.keep) == ("auto", "last", 3)
    assert (told.publish.every_steps, told.publish.keep) == (9, 3)
    assert (new.publish.final, new.publish.keep) == ("best", 2)


def test_numbers_that_an_earlier_build_did_not_have_mean_what_it_did_and_stay_away() -> None:
    resolved = stored().resolved

    assert (resolved.augment, resolved.augment_policy, resolved.augment_ramp) == ("none", (), None)
    assert (resolved.penalty_every, resolved.mode_seeking, resolved.annealing) == (1, 0.0, "none")
    assert (resolved.processes, resolved.publish_final, resolved.init, resolved.recipe_reason) == (
        1,
        "last",
        None,
        None,
    )
    assert not resolved.to_json().keys() & {"augment", "penalty_every", "annealing", "processes", "publish_final"}
    assert "depth" not in resolved.to_json()["network"]


def test_a_run_of_the_first_builds_is_judged_by_nothing() -> None:
    first = older(numbers(), "likelihood", "extractor", "evaluate_images", "evaluate_every")

    assert (first.likelihood, first.extractor, first.evaluate_images) == (None, "none", 0)
    assert first.evaluate_every > 10_000_000  # steps that a run may have


def test_what_a_newer_build_wrote_is_told_and_written_again() -> None:
    newer = {**numbers().to_json(), "loudness": [1], "network": {**numbers().network.to_json(), "attention": 4}}

    spec = stored(resolved=newer, request={**SHORT, "config": {"loudness": "auto"}})

    assert (spec.resolved_as_stored, spec.resolved.to_json()) == (newer, newer)
    assert spec.options == {"loudness": "auto"}
    assert spec.resolved.changed(steps=7).to_json() == {**newer, "steps": 7}


def test_a_new_spec_is_read_as_it_was_made() -> None:
    made = StoredSpec.of(RunSpec(recipe="cgan", dataset="shapes"), numbers(init="shapes@1"), dataset_manifest(), None)

    read = StoredSpec.model_validate(made.model_dump(mode="json", by_alias=True))

    assert (read, read.resolved) == (made, numbers(init="shapes@1"))
    assert read.resolved_as_stored["init"] == "shapes@1"


def test_a_spec_without_a_number_is_told_of_and_says_what_it_lacks_when_it_is_to_be_trained() -> None:
    spec = stored(resolved={"steps": 5, "network": {}})

    assert (spec.recipe, spec.recipe_reason, spec.resolved_as_stored["steps"]) == ("cgan", None, 5)
    with pytest.raises(StoreDamaged, match=r"architecture, .*batch_size, .*network.image_size"):
        _ = spec.resolved


@pytest.mark.parametrize(
    "change",
    [
        {"request": {"recipe": "cgan"}},
        {"request": {"dataset": "shapes"}, "resolved": {"steps": 5}},
        {"request": {**SHORT, "config": 7}},
        {"request": 7},
        {"resolved": {}},
        {"resolved": {"steps": "5"}},
        {"model": None},
        {"dataset": []},
        {"stop": {"action": "sing"}},
        {"request": {**SHORT, "publish": 7}},
        {"init": {"reference": "shapes@1"}},
    ],
)
def test_what_describes_no_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stored(**change)


def test_remedies_change_numbers_in_their_order_and_the_record_stays_as_it_was() -> None:
    before = numbers()
    steps = (("augment", "ada"), ("augment_policy", ["flip"])), (("generator_lr", 1e-4),), (("generator_lr", 5e-5),)
    remedies = [
        Remedy(name="x", why="y", changes=tuple(Change(field=field, before=None, after=to) for field, to in each))
        for each in steps
    ]

    after = before.after(remedies)

    assert (after.augment, after.augment_policy, after.generator_lr) == ("ada", ("flip",), 5e-5)
    assert before == numbers()
    assert before.after([]) is before


@pytest.mark.parametrize("changes", [{"steps": "many"}, {"augment_policy": "flip"}, {"network": {"width": 16}}])
def test_a_change_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        numbers().changed(**changes)


def test_a_field_that_there_is_not_cannot_be_changed() -> None:
    with pytest.raises(AssertionError):
        numbers().changed(stepps=5)


def test_a_record_is_frozen() -> None:
    resolved: Any = numbers()

    with pytest.raises(ValidationError, match="frozen"):
        resolved.steps = 7
    assert isinstance(resolved, ResolvedConfig)
