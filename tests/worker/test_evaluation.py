"""Evaluations: in time, told everywhere, and without a trace in what is trained."""

import json
from typing import Any

import numpy as np
import pytest

from core.datasets import Dataset
from core.registry import Registry
from core.runs import Run
from core.store import Store
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.evaluation import Evaluate, Evaluation
from worker.scores import classifier
from worker.state import TrainState
from worker.stopping import StopTraining

SCORES = {"fd", "kid", "precision", "recall", "density", "coverage", "diversity", "nearest", "fd_floor", "kid_floor"}
BY_CLASS = {"label_accuracy", "missing_classes"}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of few epochs."""
    monkeypatch.setattr(classifier, "EPOCHS", (2, 2))


def points(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.metrics_file.read_text().splitlines()]


def judged_by(run: Run) -> list[dict[str, Any]]:
    return [event["data"] for event in run.events() if event["data"].get("action") == "judged_by"]


def test_scores_are_in_the_points_the_state_the_events_and_the_manifests(
    create_run: CreateRun, train_here: TrainHere, registry: Registry
) -> None:
    run = create_run(extractor="auto", evaluate_every=10, report_every=4, publish={"every_steps": 10})

    assert train_here(run) == "succeeded"

    scored = {point["step"]: point for point in points(run) if "fd" in point}
    assert sorted(scored) == [10, 20]
    assert scored[10].keys() >= SCORES | BY_CLASS | {"g_loss", "d_loss"}
    assert [point["step"] for point in points(run)] == [4, 8, 10, 12, 16, 20]
    assert run.state().metrics["fd"] == scored[20]["fd"]
    assert run.state().evaluation_step == 20
    assert registry.manifest("shapes", 1)["metrics"]["fd"] == scored[10]["fd"]
    told = [event["data"] for event in run.events() if event["type"] == "metrics" and "fd" in event["data"]["metrics"]]
    assert [event["step"] for event in told] == [10, 20]


def test_the_state_keeps_the_scores_of_the_last_evaluation(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(extractor="classifier", evaluate_every=5, report_every=1)
    monkeypatch.setattr("worker.hooks.MARK_EVERY_S", 0.0)

    cut_off(run, 7, train_here, monkeypatch)

    state = run.state()
    assert (state.progress.step, state.evaluation_step) == (7, 5)
    assert state.metrics.keys() >= SCORES


def test_what_a_run_is_judged_by_is_told_once_with_what_reals_get(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(extractor="auto", report_every=1)
    cut_off(run, 7, train_here, monkeypatch)

    train_here(run)

    (told,) = judged_by(run)
    assert (told["extractor"], told["images"], told["reals"]) == ("classifier", 48, 48)
    assert 0 <= told["extractor_accuracy"] <= 1
    assert told["floor"].keys() == (SCORES | BY_CLASS) - {"nearest", "fd_floor", "kid_floor"}


@pytest.mark.parametrize("recipe", ["cgan", "dcgan"])
def test_training_ends_with_the_same_bytes_with_evaluations_and_without(
    create_run: CreateRun, train_here: TrainHere, store: Store, recipe: str
) -> None:
    for extractor in ("none", "classifier"):
        run = create_run(recipe=recipe, extractor=extractor, evaluate_every=3, publish={"every_steps": 20})
        assert train_here(run) == "succeeded"

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


def test_a_run_killed_after_an_evaluation_and_resumed_ends_with_the_bytes_and_scores_of_an_undisturbed_one(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"extractor": "classifier", "evaluate_every": 4, "publish": {"every_steps": 20}}
    undisturbed = create_run(**options)
    train_here(undisturbed)
    killed = create_run(report_every=1, **options)
    cut_off(killed, 9, train_here, monkeypatch)

    train_here(killed)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    assert {name: points(killed)[-1][name] for name in SCORES} == {
        name: points(undisturbed)[-1][name] for name in SCORES
    }


def test_an_unconditional_run_is_judged_without_labels(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(recipe="dcgan", extractor="auto", evaluate_every=20)

    train_here(run)

    assert points(run)[-1].keys() >= SCORES | {"missing_classes"}
    assert "label_accuracy" not in points(run)[-1]


def test_a_stop_during_the_last_evaluation_gives_that_up_and_ends_the_run(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_to_stop(self: Evaluation, state: TrainState) -> dict[str, float]:
        raise StopTraining("cancel")

    monkeypatch.setattr(Evaluation, "scores", asked_to_stop)
    run = create_run(extractor="classifier", steps=5)

    assert train_here(run) == "succeeded"
    assert "fd" not in points(run)[-1]


@pytest.mark.parametrize(("evaluate_every", "scored"), [("auto", [20]), (5, [5, 10, 15, 20])])
def test_evaluations_that_would_take_too_long_are_left_out_unless_they_were_asked_for(
    create_run: CreateRun,
    train_here: TrainHere,
    evaluate_every: Any,
    scored: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Evaluation, "expected_s", lambda *_: 1e6)
    run = create_run(extractor="classifier", evaluate_every=evaluate_every)

    train_here(run)

    assert [point["step"] for point in points(run) if "fd" in point] == scored


def test_a_twentieth_of_the_time_goes_into_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    class Slow:
        """An evaluation of 2 s."""

        def expected_s(self, state: Any) -> float:
            return 2.0

        def scores(self, state: Any) -> dict[str, float]:
            nonlocal now
            now += 2
            return {"fd": 1.0}

    class State:
        resolved = {"evaluate_every": 1}  # noqa: RUF012
        step, steps = 1, 1000

    slow: Any = Slow()
    state: Any = State()
    hook = Evaluate(slow, is_budgeted=True, clock=lambda: now)

    scored_at = []
    for now in range(400):
        metrics: dict[str, float] = {}
        hook.after_report(state, metrics)
        scored_at += [now] if metrics else []

    assert scored_at[0] >= 40
    assert 2 * len(scored_at) <= 0.05 * 400
    assert len(scored_at) >= 8


def test_fakes_are_drawn_by_class_as_the_dataset_has_them(
    create_run: CreateRun, train_here: TrainHere, shapes: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    made = Evaluation.__init__

    def noted(self: Evaluation, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        assert self.labels_M is not None
        seen.append(np.bincount(self.labels_M).tolist())

    monkeypatch.setattr(Evaluation, "__init__", noted)

    train_here(create_run(extractor="classifier", steps=2))

    assert seen == [[16, 16, 16]]
