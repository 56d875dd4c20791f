"""A run that gets no better ends with its best version, and says so with its numbers; the scores here are made up."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.registry import Registry
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.states import Best, Status
from tests.worker.checkpoints.test_rollback import actions
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.hooks.test_limits import early_ends
from tests.worker.test_resume import Killed, cut_off, weights
from worker import job
from worker.hooks.publishing import KeepCheckpoints, PublishVersions
from worker.hooks.reporting import DrawSamples
from worker.training.state import TrainState
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Metrics

KIDS = {5: 0.9, 10: 0.2, 15: 0.5, 20: 0.2, 25: 0.3, 30: 0.1}
EVERY = {"evaluate_every": 5, "report_every": 5}
CONFIG: dict[str, Any] = {"steps": 30, "extractor": "classifier", **EVERY, "publish": {"every_steps": 30}}


class Scripted:
    """An evaluation whose scores are known beforehand: of a step, or of a step of a branch."""

    sheet = None

    def __init__(self, kids: Mapping[Any, float]) -> None:
        self.kids = kids
        self.cut_short_at: int | None = None

    def scores(self, state: TrainState) -> Metrics:
        if state.step == self.cut_short_at:
            self.cut_short_at = None
            raise StopTraining("preempted")
        return {"fd": 1.0, "kid": self.kids[(state.branch, state.step) if state.branch else state.step]}


def script(monkeypatch: pytest.MonkeyPatch, kids: Mapping[Any, float]) -> Scripted:
    scripted = Scripted(kids)
    monkeypatch.setattr(job, "prepare", lambda *_: scripted)
    return scripted


def published(run: Run) -> list[int]:
    return [entry.step for entry in run.state().published]


@pytest.mark.parametrize(
    ("patience", "kids", "steps", "best"),
    [
        (1, KIDS, 15, 10),
        (2, KIDS, 20, 10),
        (3, KIDS, 25, 10),
        (4, KIDS, 30, 30),
        (2, dict.fromkeys(KIDS, 0.5), 15, 5),
    ],
    ids=["one", "as good is no better", "three", "better in time", "never any better"],
)
def test_a_run_ends_with_the_evaluation_that_patience_allows_as_the_last(
    create_run: CreateRun,
    train_here: TrainHere,
    monkeypatch: pytest.MonkeyPatch,
    patience: int,
    kids: dict[int, float],
    steps: int,
    best: int,
) -> None:
    script(monkeypatch, kids)
    run = create_run(stop={"patience": patience}, **CONFIG)

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step, state.progress.fraction) == (Status.SUCCEEDED, steps, 1.0)
    assert published(run) == [best]
    assert state.sample_step == steps
    if steps == 30:
        assert (state.ended_early, early_ends(run)) == (None, [])
        return
    assert state.ended_early is not None
    assert (state.ended_early.patience, state.ended_early.limit, state.ended_early.verdict) == (patience, None, None)
    assert state.ended_early.best == state.best == Best(metric="kid", value=kids[best], branch=0, step=best)
    expected = f"{patience} evaluations in a row without a better kid than {kids[best]} of step {best}"
    assert state.ended_early.message == f"stop.patience is reached: {expected}"
    [told] = early_ends(run)
    assert (told["reason"], told["step"], told["message"]) == ("patience", steps, state.ended_early.message)


def test_patience_moves_no_schedule(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, KIDS)
    options: dict[str, Any] = {**CONFIG, "lr_schedule": "linear", "publish": {"every_steps": 15, "final": "last"}}

    for patience in (1, None):
        train_here(create_run(stop={"patience": patience}, **options))

    registry = Registry(store)
    assert [registry.manifest("shapes", version).step for version in registry.versions("shapes")] == [15, 15, 30]
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


@pytest.mark.parametrize("step", [7, 20, 23])
def test_what_was_counted_outlives_a_kill(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    script(monkeypatch, KIDS)
    undisturbed, killed = (create_run(stop={"patience": 3}, **{**CONFIG, "report_every": 1}) for _ in range(2))
    train_here(undisturbed)
    cut_off(killed, step, train_here, monkeypatch)

    train_here(killed)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    first, second = (run.state() for run in (undisturbed, killed))
    assert (second.progress.step, second.ended_early, second.best) == (25, first.ended_early, first.best)
    newest = [list_checkpoints(run)[0].folder / "training.safetensors" for run in (undisturbed, killed)]
    assert newest[0].read_bytes() == newest[1].read_bytes()


@pytest.mark.parametrize("where", [(KeepCheckpoints, "write"), (PublishVersions, "publish_best"), (Run, "move")])
def test_a_run_killed_while_it_ends_makes_no_step_more_and_says_why_once(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    script(monkeypatch, KIDS)
    run = create_run(stop={"patience": 2}, **CONFIG)
    owner, name = where
    call = getattr(owner, name)

    def call_and_die(*given: Any, **options: Any) -> None:
        is_last = name != "write" or given[1].step == 20
        if name != "move":
            call(*given, **options)
        if is_last:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, call_and_die)
        with pytest.raises(Killed):
            train_here(run)

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step, published(run)) == (Status.SUCCEEDED, 20, [10])
    assert state.ended_early is not None
    assert len(early_ends(run)) == 1
    assert [str(found) for found in list_checkpoints(run)] == ["0-20", "0-15", "0-10"]


@pytest.mark.parametrize("step", [10, 20])
def test_an_evaluation_that_was_cut_short_is_counted_once_it_is_made(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    scripted = script(monkeypatch, KIDS)
    run = create_run(stop={"patience": 2}, **CONFIG)
    scripted.cut_short_at = step
    assert train_here(run) == "preempted"

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step, published(run)) == (Status.SUCCEEDED, 20, [10])
    assert state.ended_early is not None
    assert state.ended_early.patience == 2


def test_a_run_that_went_back_begins_to_count_anew(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, {**KIDS, 15: 0.3, (1, 15): 0.4, (1, 20): 0.3, (1, 25): 0.4})
    run = create_run(stop={"patience": 3}, **CONFIG)

    class Ask(DrawSamples):
        def after_report(self, state: TrainState, metrics: Metrics) -> None:
            if (state.branch, state.step) == (0, 20):
                raise RollBack("a test", to_best=True)

    monkeypatch.setattr(job, "DrawSamples", Ask)

    train_here(run)

    state = run.state()
    assert [event["step"] for event in actions(run, "rolled_back")] == [10]
    assert (state.progress.branch, state.progress.step, published(run)) == (1, 25, [10])
    assert state.ended_early is not None
    assert state.ended_early.patience == 3


def test_a_run_that_goes_back_from_its_end_has_all_its_steps_again(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, {**KIDS, (1, 15): 0.15, (1, 20): 0.14, (1, 25): 0.13, (1, 30): 0.12})
    run = create_run(stop={"patience": 2}, **CONFIG)
    write = KeepCheckpoints.write

    def write_or_go_back(self: KeepCheckpoints, state: TrainState, *, again: bool = False) -> None:
        if (state.branch, state.step) == (0, 20):
            raise RollBack("a weight stopped being a finite number", to_best=True)
        write(self, state, again=again)

    monkeypatch.setattr(KeepCheckpoints, "write", write_or_go_back)

    train_here(run)

    state = run.state()
    assert (state.progress.branch, state.progress.step, state.progress.total) == (1, 30, 30)
    assert (state.ended_early, published(run)) == (None, [30])


def test_a_run_that_is_not_evaluated_says_that_patience_has_nothing_to_go_by(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = create_run(stop={"patience": 1}, extractor="auto", steps=4)
    monkeypatch.setattr(job, "prepare", lambda *_: None)  # as where the worker has no extractor

    train_here(run)

    assert (run.state().progress.step, run.state().ended_early) == (4, None)
    assert "stop.patience has nothing to go by" in caplog.text
