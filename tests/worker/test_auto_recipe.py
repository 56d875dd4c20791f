"""A run that left its recipe to the rule, in the hands of the worker."""

import logging

import pytest

from core.registry import Registry
from models import choice
from models.choice import ChoiceRule
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off


def rule(monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    monkeypatch.setattr(choice, "TABLE", (ChoiceRule(recipe=recipe, why="the test says so"),))


def test_it_trains_what_was_chosen_when_it_was_made_and_says_so(
    create_run: CreateRun,
    train_here: TrainHere,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rule(monkeypatch, "lsgan")
    run = create_run(recipe="auto", report_every=1)
    rule(monkeypatch, "vae")
    caplog.set_level(logging.INFO)

    cut_off(run, 10, train_here, monkeypatch)
    ended = train_here(run)

    assert ended == "succeeded"
    assert registry.manifest("shapes", 1).recipe == "lsgan"
    assert caplog.text.count("recipe: lsgan, the test says so") == 1
    chosen = [event for event in run.events() if event.data.get("action") == "recipe_chosen"]
    assert [event.id for event in chosen] == [2]


def test_the_log_of_a_run_that_named_its_recipe_says_that(
    create_run: CreateRun, train_here: TrainHere, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    train_here(create_run(steps=1))

    assert "recipe: cgan, as asked" in caplog.text
