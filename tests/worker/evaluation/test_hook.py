"""Evaluations: in time, told everywhere, and without a trace in what is trained."""

import json
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from core.datasets import Dataset
from core.registry import Registry
from core.runs import Run
from core.store import Store
from ganymede.schemas.states import Status
from tests.records import numbers
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.evaluation.hook import Evaluate, Evaluation
from worker.hooks.reporting import StopWhenAsked
from worker.training.scores import classifier
from worker.training.state import TrainState
from worker.training.stopping import StopTraining

SCORES = {"fd", "kid", "precision", "recall", "density", "coverage", "diversity", "nearest", "fd_floor", "kid_floor"}
BY_CLASS = {"label_accuracy", "missing_classes"}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of few epochs."""
    monkeypatch.setattr(classifier, "EPOCHS", (2, 2))


def points(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.metrics_file.read_text().splitlines()]


def judged_by(run: Run) -> list[dict[str, Any]]:
    return [event.data for event in run.events() if event.data.get("action") == "judged_by"]


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
    assert registry.manifest("shapes", 1).metrics["fd"] == scored[10]["fd"]
    told = [event.data for event in run.events() if event.type == "metrics" and "fd" in event.data["metrics"]]
    assert [event["step"] for event in told] == [10, 20]


def test_the_state_keeps_the_scores_of_the_last_evaluation(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(extractor="classifier", evaluate_every=5, report_every=1)
    monkeypatch.setattr("worker.hooks.reporting.MARK_EVERY_S", 0.0)

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
        run = create_run(
            recipe=recipe, extractor=extractor, evaluate_every=3, publish={"every_steps": 20, "final": "last"}
        )
        assert train_here(run) == "succeeded"

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


def test_a_run_killed_after_an_evaluation_and_resumed_ends_with_the_bytes_and_scores_of_an_undisturbed_one(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {
        "extractor": "classifier",
        "evaluate_every": 4,
        "publish": {"every_steps": 20, "final": "last"},
    }
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


@pytest.mark.parametrize("step", [8, 20])
def test_an_evaluation_that_a_stop_cut_short_is_made_up_for_and_decides_what_is_published_as_if_undisturbed(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    options: dict[str, Any] = {"extractor": "classifier", "evaluate_every": 4, "publish": {"every_steps": 4}}
    undisturbed = create_run(**options)
    train_here(undisturbed)
    run = create_run(**options)
    scores = Evaluation.scores

    def asked_to_stop(self: Evaluation, state: TrainState) -> dict[str, float]:
        if state.step == step:
            raise StopTraining("preempted")
        return scores(self, state)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "scores", asked_to_stop)
        assert train_here(run) == "preempted"
    assert (run.state().status, run.state().checkpoint_step) == (Status.QUEUED, step)
    assert [entry.step for entry in run.state().published] == [*range(4, step, 4)]

    assert train_here(run) == "succeeded"

    expected = {point["step"]: point["fd"] for point in points(undisturbed) if "fd" in point}
    assert {point["step"]: point["fd"] for point in points(run) if "fd" in point} == expected
    assert run.state().best == undisturbed.state().best
    assert [entry.step for entry in run.state().published] == [entry.step for entry in undisturbed.state().published]
    for mine, theirs in zip(run.state().published, undisturbed.state().published, strict=True):
        assert registry.manifest("shapes", mine.version).metrics["fd"] == expected[mine.step]
        assert weights(run.store, "shapes", mine.version) == weights(run.store, "shapes", theirs.version)


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


class Slow:
    """An evaluation of 2 s."""

    sheet = None

    def expected_s(self, state: Any) -> float:
        return 2.0

    def scores(self, state: Any) -> dict[str, float]:
        return {"fd": 1.0}


class State:
    resolved = numbers(evaluate_every=10, batch_size=8, n_critic=2)
    step, steps = 0, 1000

    @property
    def is_at_end(self) -> bool:
        return self.step >= self.steps


def steps_evaluated(hook: Evaluate, begins: int, steps_per_second: Callable[[int], float]) -> list[int]:
    state, evaluated = State(), []
    for step in range(begins, state.steps + 1, 5):
        state.step, metrics = step, {"images_per_second": 16 * steps_per_second(step)}
        hook.after_report(cast(TrainState, state), metrics)
        evaluated += [step] if "fd" in metrics else []
    return evaluated


@pytest.mark.parametrize("begins", [5, 10, 15])  # steps are reported before, at and behind the first candidate
def test_how_often_a_run_is_evaluated_is_settled_once_so_that_it_takes_a_twentieth_of_the_time(begins: int) -> None:
    settled = list[int]()
    hook = Evaluate(cast(Evaluation, Slow()), None, settled.append)

    evaluated = steps_evaluated(hook, begins, lambda step: 3 if step < 500 else 0.01)  # a very busy machine later

    assert evaluated == [*range(120, 1000, 120), 1000]
    assert settled == [120]


def test_the_step_that_settles_how_often_is_evaluated_also_where_it_is_the_first_that_an_attempt_reports() -> None:
    settled = list[int]()
    hook = Evaluate(cast(Evaluation, Slow()), None, settled.append)

    evaluated = steps_evaluated(hook, 10, lambda _: 0.25)  # ten steps in 40 s, an evaluation in 2 s

    assert evaluated == [*range(10, 1001, 10)]
    assert settled == [10]


def test_a_later_attempt_obeys_what_was_settled_and_measures_nothing() -> None:
    def forbidden(every: int) -> None:
        raise AssertionError(every)

    hook = Evaluate(cast(Evaluation, Slow()), 120, forbidden)

    assert steps_evaluated(hook, 335, lambda _: 3) == [*range(360, 1000, 120), 1000]


@pytest.mark.parametrize("stopped_at", [4, 6])
def test_a_run_that_a_stop_sent_back_to_the_queue_evaluates_what_an_undisturbed_one_does(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    monkeypatch.setattr(Evaluation, "expected_s", lambda *_: 0.0)
    options: dict[str, Any] = {"extractor": "classifier", "checkpoint_every": 5, "report_every": 20}
    undisturbed = create_run(**options)
    train_here(undisturbed)
    stopped = create_run(**options)

    def after_step(self: StopWhenAsked, state: TrainState, is_last: bool) -> None:
        if state.step == stopped_at:
            raise StopTraining("preempted")

    with monkeypatch.context() as patch:
        patch.setattr(StopWhenAsked, "after_step", after_step)
        assert train_here(stopped) == "preempted"
    assert stopped.state().checkpoint_step == stopped_at

    train_here(stopped)

    scored = [[point["step"] for point in points(run) if "fd" in point] for run in (undisturbed, stopped)]
    assert scored[0] == scored[1]


@pytest.mark.parametrize("takes_s", [0.0, 1e6])
def test_a_killed_run_goes_on_with_the_evaluations_that_its_first_attempt_settled(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, takes_s: float
) -> None:
    monkeypatch.setattr(Evaluation, "expected_s", lambda *_: takes_s)
    undisturbed = create_run(extractor="classifier", report_every=1)
    train_here(undisturbed)
    killed = create_run(extractor="classifier", report_every=1)
    cut_off(killed, 9, train_here, monkeypatch)
    monkeypatch.setattr(Evaluation, "expected_s", lambda *_: pytest.fail("it is settled"))

    train_here(killed)

    scored = [{point["step"] for point in points(run) if "fd" in point} for run in (undisturbed, killed)]
    assert scored[0] == scored[1] == ({20} if takes_s else {5, 10, 15, 20})
    assert killed.state().best == undisturbed.state().best
    ends = [run.state().published[-1].version for run in (undisturbed, killed)]
    assert weights(store, "shapes", ends[0]) == weights(store, "shapes", ends[1])


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
