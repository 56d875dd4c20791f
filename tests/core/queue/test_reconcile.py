"""The reconciler: whatever ends an attempt, it alone brings the run back into the queue, or ends it."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from core.queue import JobState, QueueUnavailable, TrainQueue
from core.queue import queue as queue_module
from core.queue.reconcile import CANCEL_GRACE_S, MAX_LOST_ATTEMPTS, reconcile
from core.runs import Run, RunStore
from ganymede.schemas.states import Status
from tests.core.conftest import Start, waiting
from tests.fixtures import NewRun

HOLD_TRAINING = """
    import pathlib, sys, time
    from core.runs import Run
    from core.store import Store
    with Run(Store(pathlib.Path(sys.argv[1])), sys.argv[2]).training_lock():
        print("held", flush=True)
        time.sleep(60)
"""


def begin(run: Run, checkpoint: int | None = None) -> None:
    """An attempt begins, reaches a checkpoint, and its process is gone: no lock, no job."""
    run.change(lambda now: now.moved(Status.RUNNING, preempted=False, attempt_began_at_step=now.checkpoint_step or 0))
    if checkpoint is not None:
        run.change(lambda now: now.model_copy(update={"checkpoint_step": checkpoint}))


def test_a_run_on_disk_gets_into_the_queue_once(runs: RunStore, queue: TrainQueue, run: Run) -> None:
    assert [reconcile(runs, queue), reconcile(runs, queue)] == [1, 0]

    assert waiting(queue) == [f"train-{run.id}-1"]
    assert run.state().attempt == 1


def test_the_queue_is_rebuilt_in_order_after_it_was_lost(runs: RunStore, queue: TrainQueue, new_run: NewRun) -> None:
    created = []
    for _ in range(4):
        created.append(new_run())
        time.sleep(0.002)
    created[2].change(lambda now: now.moved(Status.QUEUED, attempt=2, preempted=True))
    reconcile(runs, queue)
    before = waiting(queue)

    queue.connection.flushall()
    reconcile(runs, queue)

    order = [created[2], created[0], created[1], created[3]]
    assert waiting(queue) == before == [f"train-{run.id}-{run.state().attempt}" for run in order]


@pytest.mark.parametrize("status", ["paused", "canceled", "failed", "succeeded"])
def test_a_run_that_wants_no_worker_is_left_alone(runs: RunStore, queue: TrainQueue, run: Run, status: str) -> None:
    run.move(Status.RUNNING)
    run.change(lambda now: now.model_copy(update={"status": Status(status)}))

    assert reconcile(runs, queue) == 0

    assert (run.state().status, waiting(queue)) == (status, [])


def test_a_lost_attempt_is_followed_by_the_next_at_the_front(
    runs: RunStore, queue: TrainQueue, new_run: NewRun
) -> None:
    lost, other = new_run(), new_run()
    begin(lost)
    queue.enqueue(other.id, 1)

    reconcile(runs, queue)

    assert waiting(queue) == [f"train-{lost.id}-2", f"train-{other.id}-1"]
    assert (lost.state().status, lost.state().attempt) == (Status.QUEUED, 2)


def test_a_lost_attempt_keeps_its_place_when_the_queue_is_lost_too(
    runs: RunStore, queue: TrainQueue, new_run: NewRun
) -> None:
    other = new_run()
    time.sleep(0.002)
    lost = new_run()
    begin(lost)
    reconcile(runs, queue)

    queue.connection.flushall()
    reconcile(runs, queue)

    assert waiting(queue) == [f"train-{lost.id}-2", f"train-{other.id}-1"]


def test_three_attempts_lost_without_a_checkpoint_are_the_end(runs: RunStore, queue: TrainQueue, run: Run) -> None:
    statuses = []
    for _ in range(MAX_LOST_ATTEMPTS):
        begin(run)
        queue.connection.flushall()
        reconcile(runs, queue)
        statuses.append(run.state().status.value)

    state = run.state()
    assert statuses == ["queued", "queued", "failed"]
    assert state.failure is not None
    assert (state.failure.code, state.failure.retryable, state.attempt) == ("worker_lost", True, 3)
    assert "3 times" in state.failure.message
    assert waiting(queue) == []


def test_a_newer_checkpoint_begins_the_count_anew(runs: RunStore, queue: TrainQueue, run: Run) -> None:
    statuses = []
    for checkpoint in (None, None, 10, None, 20, None, None, None):
        begin(run, checkpoint)
        queue.connection.flushall()
        reconcile(runs, queue)
        statuses.append(run.state().status.value)

    assert statuses == ["queued"] * 7 + ["failed"]
    assert run.state().attempt == 8


def test_a_queued_attempt_that_ended_before_it_began_is_lost_too(
    runs: RunStore, queue: TrainQueue, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "LIMBO_S", 0.0)
    reconcile(runs, queue)
    queue.connection.delete("rq:queue:train")

    reconcile(runs, queue)
    reconcile(runs, queue)

    assert waiting(queue) == [f"train-{run.id}-2"]
    assert queue.state(run.id, 2) is JobState.WAITING


@pytest.mark.parametrize(("asked", "settled"), [("canceling", "canceled"), ("pausing", "paused")])
def test_what_was_asked_of_a_dead_attempt_is_settled(
    runs: RunStore, queue: TrainQueue, run: Run, asked: str, settled: str
) -> None:
    begin(run)
    run.move(Status(asked))

    assert reconcile(runs, queue) == 1

    assert (run.state().status, waiting(queue)) == (settled, [])


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_run_that_ends_just_before_its_job_is_there_leaves_none(
    runs: RunStore, queue: TrainQueue, run: Run, monkeypatch: pytest.MonkeyPatch, is_deleted: bool
) -> None:
    enqueue = queue.enqueue

    def late(run_id: str, attempt: int, *, at_front: bool = False) -> bool:
        run.move(Status.CANCELED)
        queue.remove(run.id, attempt)
        if is_deleted:
            run.delete()
        return enqueue(run_id, attempt, at_front=at_front)

    monkeypatch.setattr(queue, "enqueue", late)
    reconcile(runs, queue)

    assert waiting(queue) == []


@pytest.mark.parametrize("status", ["running", "canceling", "pausing", "queued"])
def test_a_run_that_is_trained_is_left_alone(
    runs: RunStore, queue: TrainQueue, run: Run, start: Start, status: str
) -> None:
    if status != "queued":
        begin(run)
        run.move(Status(status))
    child = start(HOLD_TRAINING, runs.store.root, run.id)
    assert child.stdout is not None
    child.stdout.readline()

    while_held = reconcile(runs, queue), run.state().status.value, waiting(queue)
    child.kill()
    child.wait()

    assert while_held == (0, status, [])
    assert reconcile(runs, queue) == 1


def test_a_canceled_attempt_that_does_not_stop_is_killed_after_a_while_only(
    runs: RunStore, queue: TrainQueue, run: Run
) -> None:
    queue.enqueue(run.id, 1)
    job = Job.fetch(f"train-{run.id}-1", connection=queue.connection, serializer=JSONSerializer)
    job.prepare_for_execution("worker-1", queue.connection.pipeline())
    job.worker_name = "worker-1"
    job.save()
    job.set_status(JobStatus.STARTED)
    begin(run)
    run.move(Status.CANCELING)
    connection: Any = queue.connection
    with connection.pubsub(ignore_subscribe_messages=True) as orders, run.training_lock():
        orders.subscribe("rq:pubsub:worker-1")
        reconcile(runs, queue)
        before = [orders.get_message(timeout=0.05) for _ in range(2)]
        long_ago = (datetime.now(UTC) - timedelta(seconds=CANCEL_GRACE_S + 1)).isoformat()
        run.change(lambda now: now.model_copy(update={"asked_to_stop_at": long_ago}))

        reconcile(runs, queue)

        order = orders.get_message(timeout=1)
        assert before == [None, None]
        assert order is not None
        assert json.loads(order["data"])["command"] == "stop-job"
        assert json.loads(order["data"])["job_id"] == job.id


@pytest.mark.parametrize("damage", ["cut", "gone", "foreign", "deep", "folder"])
def test_a_damaged_run_does_not_stop_the_others(
    runs: RunStore, queue: TrainQueue, new_run: NewRun, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    created = []
    for _ in range(3):
        created.append(new_run())
        time.sleep(0.002)
    path = created[1].folder / "state.json"
    path.unlink()
    contents = {"cut": b'{"schema": 1, "st', "foreign": b"PNG", "deep": b"[" * 100_000}
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        path.write_bytes(contents[damage])

    reconcile(runs, queue)

    assert waiting(queue) == [f"train-{created[0].id}-1", f"train-{created[2].id}-1"]
    assert created[1].id in caplog.text


def test_a_run_deleted_meanwhile_stays_deleted(runs: RunStore, queue: TrainQueue, run: Run) -> None:
    run.store.delete(run.key)

    assert reconcile(runs, queue) == 0

    assert runs.ids() == []


def test_a_queue_that_is_away_is_told_and_nothing_is_changed(runs: RunStore, run: Run) -> None:
    begin(run)
    before = (run.folder / "state.json").read_bytes()

    with TrainQueue("unix:///nowhere/s") as away, pytest.raises(QueueUnavailable):
        reconcile(runs, away)

    assert (run.folder / "state.json").read_bytes() == before
