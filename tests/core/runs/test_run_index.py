"""The index of runs: true at every look, whoever changed what, and without reading what is over again."""

import json
import os
from collections import Counter

import pytest

from core.queue import TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore, new_run_id
from core.runs.index import CHANGES
from core.runs.states import Progress, RunState
from core.store import SCHEMA, Store
from ganymede.schemas.states import Status
from tests.core.conftest import waiting
from tests.fixtures import NewRun

ENDED = RunState(status=Status.SUCCEEDED, progress=Progress(total=1), created_at="2026-01-01T00:00:00Z")


def statuses(runs: RunStore) -> dict[str, Status | None]:
    return {run_id: entry.status for run_id, entry in runs.index.entries().items()}


def states_read(store_reads: list[str]) -> int:
    """How often since it was last asked."""
    count = sum(key.endswith("/state.json") for key in store_reads)
    store_reads.clear()
    return count


@pytest.mark.parametrize("count", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_looking_after_runs_reads_none_that_is_over(
    store: Store, runs: RunStore, queue: TrainQueue, new_run: NewRun, store_reads: list[str], count: int
) -> None:
    body = json.dumps({"schema": SCHEMA, **ENDED.model_dump(mode="json")})
    for _ in range(count):
        folder = store.root / "runs" / new_run_id()
        folder.mkdir()
        (folder / "state.json").write_text(body)
    run = new_run()
    reconcile(runs, queue)
    first = states_read(store_reads)

    for _ in range(10):
        reconcile(runs, queue)

    assert count < first <= count + 3  # those that are over once, and before and after it is queued the one that is not
    assert states_read(store_reads) <= 10 * 2
    assert waiting(queue) == [f"train-{run.id}-1"]
    store_reads.clear()
    assert Counter(statuses(runs).values()) == {Status.SUCCEEDED: count, Status.QUEUED: 1}
    assert states_read(store_reads) == 0


def test_every_change_is_seen_whoever_makes_it(store: Store, runs: RunStore, new_run: NewRun) -> None:
    run = new_run()
    seen = [statuses(runs)[run.id]]
    other = Run(Store(store.root), run.id)  # another process has its own
    for status in ("running", "failed", "queued", "paused", "canceled", "queued", "running", "succeeded"):
        other.move(Status(status))
        seen.append(statuses(runs)[run.id])

    assert [status.value for status in seen if status] == [
        *("queued", "running", "failed", "queued", "paused", "canceled", "queued", "running", "succeeded")
    ]


def test_a_run_that_went_up_and_ended_again_between_two_looks_is_seen(runs: RunStore, new_run: NewRun) -> None:
    run = new_run()
    run.move(Status.CANCELED)
    before = runs.index.entries()[run.id]
    for status in (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED):
        run.move(status)

    after = runs.index.entries()[run.id]

    assert (before.status, after.status) == (Status.CANCELED, Status.SUCCEEDED)


def test_new_and_deleted_runs_are_seen_at_once(runs: RunStore, new_run: NewRun) -> None:
    looks = []
    made = [new_run() for _ in range(3)]
    for run in made:
        run.move(Status.CANCELED)
        looks.append(len(statuses(runs)))
    made[0].delete()
    looks.append(len(statuses(runs)))
    newest = new_run()

    assert looks == [3, 3, 3, 2]
    assert runs.index.active() == [newest.id]
    assert runs.index.ids()[0] == newest.id


def test_a_run_that_is_being_changed_is_read_when_that_is_done(runs: RunStore, new_run: NewRun) -> None:
    run = new_run()
    run.move(Status.PAUSED)
    statuses(runs)
    during: list[Status | None] = []

    def change(now: RunState) -> RunState:
        during.append(statuses(runs)[run.id])
        return now.moved(Status.CANCELED)

    run.change(change)

    assert (during, statuses(runs)[run.id]) == ([Status.PAUSED], Status.CANCELED)


def test_a_worker_of_an_earlier_build_that_notes_nothing_is_seen_all_the_same(
    store: Store, runs: RunStore, new_run: NewRun
) -> None:
    run = new_run()
    run.move(Status.RUNNING)
    statuses(runs)
    place = store.path(CHANGES).stat().st_size

    run.move(Status.SUCCEEDED)
    os.truncate(store.path(CHANGES), place)

    assert statuses(runs)[run.id] is Status.SUCCEEDED
    assert runs.index.active() == []


@pytest.mark.parametrize("damage", ["gone", "emptied", "cut"])
def test_without_the_list_of_changes_all_runs_are_read_again(
    store: Store, runs: RunStore, new_run: NewRun, damage: str
) -> None:
    run = new_run()
    run.move(Status.PAUSED)
    statuses(runs)
    run.move(Status.CANCELED)
    path = store.path(CHANGES)
    if damage == "gone":
        path.unlink()
        new_run().move(Status.PAUSED)
    else:
        path.write_bytes(b"" if damage == "emptied" else b"\xff\n")

    assert statuses(runs)[run.id] is Status.CANCELED


def test_a_damaged_run_is_read_again_when_it_is_mended(runs: RunStore, new_run: NewRun, store_reads: list[str]) -> None:
    run = new_run()
    good = run.state_file.read_bytes()
    run.state_file.write_text("no JSON")
    damaged = [statuses(runs)[run.id] for _ in range(3)]
    read = states_read(store_reads)
    run.state_file.write_bytes(good)

    assert damaged == [None] * 3
    assert read == 1
    assert statuses(runs)[run.id] is Status.QUEUED
