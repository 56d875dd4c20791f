"""What a run does besides its steps: told in its state and its log with how long it takes, and ended when asked to."""

import logging
from contextlib import contextmanager
from typing import Any

import pytest

from core.runs import Run
from core.store import files
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from worker.evaluation import preparation
from worker.evaluation.preparation import Context
from worker.hooks import reporting as hooks
from worker.hooks.reporting import StopWhenAsked
from worker.hooks.tasks import Tasks
from worker.training.scores import classifier

BEFORE_THE_FIRST_STEP = ["dataset_check", "classifier", "real_features", "floor"]


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark at every look, files read in small parts, and a classifier of few epochs."""
    monkeypatch.setattr(files, "_DIGEST_CHUNK", 200)
    monkeypatch.setattr(hooks, "MARK_EVERY_S", 0.0)
    monkeypatch.setattr(classifier, "EPOCHS", (2, 2))


def watched(monkeypatch: pytest.MonkeyPatch, saw: Any) -> None:
    """`saw(run, state)` after each mark of a run."""
    look = StopWhenAsked.look

    def look_and_tell(self: StopWhenAsked) -> None:
        look(self)
        saw(self.run, self.run.state())

    monkeypatch.setattr(StopWhenAsked, "look", look_and_tell)


@pytest.mark.usefixtures("_often")
def test_every_part_of_the_preparation_is_told_with_how_far_it_is(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    watched(monkeypatch, lambda _, state: told.append(state.task))
    run = create_run(extractor="classifier", steps=4, evaluate_every=2)

    assert train_here(run) == "succeeded"

    tasks = [task for task in told if task is not None]
    names = [task.name for task in tasks]
    assert list(dict.fromkeys(names)) == [*BEFORE_THE_FIRST_STEP, "evaluation"]
    for name in dict.fromkeys(names):
        counts = [task.done for task in tasks if task.name == name]
        total = next(task.total for task in tasks if task.name == name)
        assert 0.8 * total <= max(counts) <= total, name
    classified = [task for task in tasks if task.name == "classifier"]
    assert [task.done for task in classified] == list(range(1, len(classified) + 1))
    assert classified[-1].eta() is not None
    assert run.state().task is None


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("name", [*BEFORE_THE_FIRST_STEP, "evaluation", "waiting"])
@pytest.mark.parametrize(("asked", "settled"), [(Status.CANCELING, "canceled"), (Status.PAUSING, "paused")])
def test_a_run_stops_in_the_midst_of_each(
    create_run: CreateRun,
    train_here: TrainHere,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    asked: Status,
    settled: str,
) -> None:
    seen: list[str] = []

    def stop(run: Run, state: Any) -> None:
        seen.append(state.task.name if state.task else "")
        if seen[-1] == name:
            run.move(asked)

    watched(monkeypatch, stop)
    run = create_run(extractor="classifier", steps=40, evaluate_every=2)
    if name == "waiting":
        (run.store.root / preparation.FOLDER).mkdir()
        monkeypatch.setattr(files, "try_lock_file", unless_made(files.try_lock_file))

    train_here(run)

    assert run.state().status == settled
    assert run.state().progress.step < 40
    assert seen.count(name) == 1  # at the very next look


def unless_made(try_lock: Any) -> Any:
    """Locks of what is made for scores are another's."""

    @contextmanager
    def held(path: Any) -> Any:
        if path.parent.name == preparation.FOLDER:
            yield False
        else:
            with try_lock(path) as is_mine:
                yield is_mine

    return held


def test_the_log_tells_of_what_takes_long_and_how_long_it_will_take(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "worker.hooks.tasks")
    clock = Time()
    tasks = Tasks(lambda: None, clock)

    with tasks.begin("real_features", 40):
        for _ in range(40):
            clock.now += 1
            tasks.tick()
    with tasks.begin("floor", 3):
        clock.now += 0.5
        tasks.tick()

    assert caplog.messages == [
        "real features: 2 %, about 39 s left",
        "real features: 28 %, about 29 s left",
        "real features: 52 %, about 19 s left",
        "real features: 78 %, about 9 s left",
        "real features: done in 40 s",
    ]


def test_an_estimate_of_the_parts_that_was_too_low_never_tells_of_more_than_all() -> None:
    tasks = Tasks(lambda: None)

    with tasks.begin("floor", 2):
        for _ in range(5):
            tasks.tick()
        current = tasks.current()

    assert current is not None
    assert (current.done, current.total) == (2, 2)
    assert tasks.current() is None


def test_of_parts_that_nobody_knows_no_time_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "worker.hooks.tasks")
    clock = Time()
    tasks = Tasks(lambda: None, clock)

    with tasks.begin("waiting"):
        clock.now += 3
        tasks.tick()
        current = tasks.current()

    assert current is not None
    assert (current.total, current.eta()) == (None, None)
    assert caplog.messages == ["waiting: since 3 s", "waiting: done in 3 s"]


def test_the_classifier_says_beforehand_how_often_it_will_look() -> None:
    for count in (10, 96, 5_000, 60_000):
        learnt, held_out = map(len, classifier.split(count))
        epochs, size = classifier._plan(learnt)

        assert classifier.num_ticks(count) == epochs * (learnt // size) + -(-held_out // classifier.READ_BATCH)


def test_a_workshop_needs_nobody_who_watches() -> None:
    context = Context(store=None, execution=None, inception=None, tick=lambda: None)  # type: ignore[arg-type]

    with context.task("floor", 3):
        context.tick()
