"""The watchdog: a run hangs where it gives no sign of life for too long, whatever the clocks and the watching do."""

import pytest

from core.runs import Run
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from worker.watchdog import LONGEST_LOOK_S, Watchdog


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def looks(watchdog: Watchdog, clock: Clock, seconds: float, every_s: float = 5.0) -> bool:
    """Whether the run is found to hang in so many seconds, looked at every few."""
    found = False
    for _ in range(int(seconds / every_s)):
        clock.now += every_s
        found = watchdog.is_hung()
    return found


def beat(run: Run, at: str, step_seconds: float | None = None) -> None:
    marks = {"last_heartbeat_at": at, "step_seconds": step_seconds}
    run.change(lambda now: now.model_copy(update=marks))


@pytest.fixture
def run(create_run: CreateRun) -> Run:
    run = create_run()
    run.move(Status.RUNNING)
    return run


def test_a_run_that_gives_no_sign_of_life_for_five_minutes_hangs(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, None, clock)

    assert not looks(watchdog, clock, 300)
    assert looks(watchdog, clock, 10)


def test_a_sign_of_life_begins_the_time_anew(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, None, clock)

    for second in range(4):
        beat(run, f"2030-01-01T00:00:0{second}.000Z")
        assert not looks(watchdog, clock, 295)


def test_a_run_of_slow_steps_is_given_twenty_of_them(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, None, clock)
    beat(run, "2030-01-01T00:00:00.000Z", step_seconds=60.0)

    assert not looks(watchdog, clock, 1200)
    assert looks(watchdog, clock, 15)


def test_a_limit_that_is_set_is_obeyed_also_by_slow_steps(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, 20.0, clock)
    beat(run, "2030-01-01T00:00:00.000Z", step_seconds=60.0)

    assert not looks(watchdog, clock, 25)
    assert looks(watchdog, clock, 5)


def test_time_in_which_the_watching_process_was_stopped_itself_does_not_count(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, None, clock)
    looks(watchdog, clock, 100)

    clock.now += 100_000

    assert not watchdog.is_hung()
    assert watchdog.still_s == pytest.approx(100 + LONGEST_LOOK_S)


def test_of_a_run_that_cannot_be_read_nothing_is_said(run: Run) -> None:
    clock = Clock()
    watchdog = Watchdog(run, 10.0, clock)
    run.state_file.write_text("torn")

    assert not looks(watchdog, clock, 1000)


def test_the_trainer_writes_down_how_long_a_step_takes(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run()

    train_here(run)

    state = run.state()
    speed = state.progress.images_per_second
    assert speed is not None
    assert state.step_seconds == pytest.approx(16 / speed)
