"""A run on a disk that is full: its state and its log never part, and how it ends is written all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.small_disk import fill, free
from core.queue import TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore
from core.runs.events import EventTail
from core.store import Store
from ganymede.schemas.states import Failure, Status
from tests.disks import own_disk
from tests.fixtures import NewRun

FAILURE = Failure(code="store_full", message="full", retryable=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """On a disk of 32 MB."""
    with own_disk(tmp_path, 32):
        yield Store(tmp_path / "store")


def told(run: Run) -> list[tuple[int, str, str | None]]:
    return [(event.id, event.type, event.data.get("status")) for event in run.events()]


def test_a_run_that_fails_on_a_full_disk_says_so_in_state_and_log(store: Store, new_run: NewRun) -> None:
    run = new_run()
    run.move(Status.RUNNING)
    store.keep_ballast()
    fill(store.root)

    run.move(Status.FAILED, failure=FAILURE)

    assert run.state().failure == FAILURE
    assert told(run)[-2:] == [(3, "status", "failed"), (4, "end", "failed")]


def test_what_cannot_be_written_has_not_happened_and_can_be_done_when_there_is_room(
    store: Store, new_run: NewRun
) -> None:
    run = new_run()
    run.move(Status.RUNNING)
    before = told(run), (run.folder / "state.json").read_bytes(), sorted(run.folder.iterdir())
    fill(store.root)

    with pytest.raises(OSError, match="No space left"):
        run.move(Status.FAILED, failure=FAILURE)

    assert (told(run), (run.folder / "state.json").read_bytes(), sorted(run.folder.iterdir())) == before
    free(store.root)
    run.move(Status.FAILED, failure=FAILURE)
    assert told(run)[-2:] == [(3, "status", "failed"), (4, "end", "failed")]


def test_signs_of_life_do_not_take_the_room_of_the_last_word(store: Store, new_run: NewRun) -> None:
    run = new_run()
    run.move(Status.RUNNING)
    store.keep_ballast()
    fill(store.root)

    with pytest.raises(OSError, match="No space left"):
        run.change(lambda now: now.model_copy(update={"worked_s": 1.0}), durable=False)

    run.move(Status.FAILED, failure=FAILURE)


def test_an_event_that_did_not_fit_leaves_no_part_of_itself(store: Store, new_run: NewRun) -> None:
    run = new_run()
    fill(store.root)
    before = run.events_file.read_bytes()

    with pytest.raises(OSError, match="No space left"):
        run.log_event("log", {"message": "x" * 10_000})

    assert run.events_file.read_bytes() == before


@pytest.mark.parametrize("kept", [0, 1], ids=["none", "the first"])
def test_events_that_a_state_has_and_its_log_lacks_are_told_by_the_reconciler(
    runs: RunStore, queue: TrainQueue, new_run: NewRun, kept: int
) -> None:
    run = new_run()
    run.move(Status.RUNNING)
    runs.index.active()
    before = run.events_file.read_bytes()
    run.move(Status.FAILED, failure=FAILURE)
    whole = run.events_file.read_bytes()
    lines = whole.removeprefix(before).splitlines(keepends=True)
    run.events_file.write_bytes(before + b"".join(lines[:kept]))  # as a process that died in between leaves it
    tail = EventTail(run.events_file)
    tail.read()

    reconcile(runs, queue)

    assert run.events_file.read_bytes() == whole
    assert [event.type for event in tail.read()][-1:] == ["end"]
    assert run.id not in runs.index.active()


def test_a_late_event_keeps_its_place_before_the_next(runs: RunStore, new_run: NewRun) -> None:
    run = new_run()
    before = run.events_file.read_bytes()
    run.move(Status.RUNNING)
    run.events_file.write_bytes(before)

    run.log_event("log", {"message": "later"})
    run.events_file.write_bytes(before)
    run.move(Status.FAILED, failure=FAILURE)

    assert [status for _, kind, status in told(run) if kind == "status"] == ["queued", "running", "failed"]
    assert [number for number, _, _ in told(run)] == list(range(1, 1 + len(told(run))))
