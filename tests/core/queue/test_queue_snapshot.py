"""A snapshot of the queue and its workers on a real Valkey: what it tells, and that it changes nothing."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from core.queue import JobState, TrainQueue, connect, parse_job_id
from core.queue.snapshot import QueueSnapshot

Work = Callable[..., Worker]


@pytest.fixture
def work(broker_url: str) -> Iterator[Work]:
    """Registers a worker as RQ does; with `lease_s` it takes the next job, too."""
    connection = connect(broker_url)

    class LeasingWorker(Worker):
        lease_s = 20

        def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
            return self.lease_s

    def begin(name: str, lease_s: int | None = None) -> Worker:
        worker: Any = LeasingWorker(["train"], name=name, connection=connection, serializer=JSONSerializer)
        worker.register_birth()
        worker.set_state("idle")
        if lease_s is not None:
            worker.lease_s = lease_s
            queues = [Queue("train", connection=connection)]
            found = Queue.dequeue_any(queues, None, connection, serializer=JSONSerializer)
            assert found is not None
            worker.prepare_execution(found[0])
            worker.prepare_job_execution(found[0], remove_from_intermediate_queue=True)
            worker.set_state("busy")
        result: Worker = worker
        return result

    yield begin
    connection.close()


def all_that_is_stored(queue: TrainQueue) -> dict[bytes, Any]:
    keys: list[bytes] = list(queue.connection.scan_iter())
    return {key: queue.connection.dump(key) for key in keys}


def test_an_empty_server_shows_nothing(queue: TrainQueue) -> None:
    assert queue.snapshot() == QueueSnapshot([], [], [])


def test_what_waits_is_told_in_its_order_and_what_runs_beside_it(queue: TrainQueue, work: Work) -> None:
    queue.enqueue("run_a", 1)
    queue.enqueue("run_b", 1)
    queue.enqueue("run_c", 2, at_front=True)
    work("w", lease_s=20)

    snapshot = queue.snapshot()

    assert snapshot.waiting == [(0, "run_a", 1), (1, "run_b", 1)]
    assert snapshot.taken == [("run_c", 2)]


def test_a_job_is_told_once_whatever_a_worker_is_about_to_do_with_it(queue: TrainQueue, work: Work) -> None:
    queue.enqueue("run_a", 1)
    looks = [queue.snapshot()]
    connection = queue.connection
    Queue.dequeue_any([Queue("train", connection=connection)], None, connection, serializer=JSONSerializer)
    looks.append(queue.snapshot())
    connection.lmove("rq:queue:train:intermediate", "rq:queue:train")
    work("w", lease_s=20)
    looks.append(queue.snapshot())

    assert [(look.waiting, look.taken) for look in looks] == [
        ([(0, "run_a", 1)], []),
        ([], [("run_a", 1)]),
        ([], [("run_a", 1)]),
    ]


def test_a_job_that_a_worker_took_a_moment_ago_is_not_removed(queue: TrainQueue) -> None:
    queue.enqueue("run_a", 1)
    connection = queue.connection
    Queue.dequeue_any([Queue("train", connection=connection)], None, connection, serializer=JSONSerializer)

    queue.remove("run_a", 1)

    assert Job.exists("train-run_a-1", connection)


def test_a_foreign_job_takes_its_place_and_is_not_told(queue: TrainQueue) -> None:
    for name in ("evil", "train-run_a-x"):
        Queue("train", connection=queue.connection, serializer=JSONSerializer).enqueue("os.getpid", job_id=name)
    queue.enqueue("run_a", 1)

    assert queue.snapshot().waiting == [(2, "run_a", 1)]


def test_workers_are_told_with_what_they_noted(queue: TrainQueue, work: Work) -> None:
    queue.enqueue("run_a", 1)
    work("b-busy", lease_s=20)
    idle = work("a-idle")

    first, second = queue.snapshot().workers

    assert (first.name, first.state, first.run) == ("a-idle", "idle", None)
    assert (second.name, second.state, second.run) == ("b-busy", "busy", "run_a")
    assert (first.pid, first.host) == (idle.pid, idle.hostname)
    assert first.began_at is not None
    assert first.heartbeat_at is not None
    assert abs(time.time() - first.heartbeat_at) < 600


def test_a_worker_whose_entry_was_lost_but_for_its_name_or_heartbeat_is_no_error(queue: TrainQueue, work: Work) -> None:
    work("gone")
    work("emptied")
    queue.connection.delete("rq:worker:gone", "rq:worker:emptied")
    queue.connection.hset("rq:worker:emptied", mapping={"last_heartbeat": "no time", "pid": "x"})

    (worker,) = queue.snapshot().workers

    assert (worker.name, worker.pid, worker.state, worker.heartbeat_at) == ("emptied", 0, "idle", None)


def test_a_worker_that_ended_is_not_told(queue: TrainQueue, work: Work) -> None:
    work("w").register_death()  # type: ignore[no-untyped-call]

    assert queue.snapshot().workers == []


def test_looking_changes_nothing_although_leases_have_run_out(queue: TrainQueue, work: Work) -> None:
    queue.enqueue("run_a", 1)
    work("lost", lease_s=1)
    work("gone")
    queue.connection.delete("rq:worker:gone")
    queue.connection.persist("rq:worker:lost")
    queue.connection.persist("rq:worker:lost:executions")
    time.sleep(1.2)
    before = all_that_is_stored(queue)

    snapshot = queue.snapshot()

    assert (snapshot.taken, [worker.run for worker in snapshot.workers]) == ([], [None])
    assert all_that_is_stored(queue) == before
    assert b"rq:wip:train" in before


@pytest.mark.parametrize("text", ["", "train-", "train-run_a", "train-run_a-", "train--", "xtrain-a-1", "train-a-1 "])
def test_what_is_no_job_of_ours_is_told_from_one(text: str) -> None:
    assert parse_job_id(text) is None
    assert parse_job_id("train-run-a-12") == ("run-a", 12)


def test_a_dead_worker_is_not_kept_alive_by_a_clock_that_was_set_back(queue: TrainQueue, work: Work) -> None:
    hour_s = 3600
    queue.enqueue("run_a", 1)
    worker = work("w", lease_s=hour_s)  # what is left of a lease of 30 s, as a clock sees it that was set back an hour
    queue.connection.hset(worker.key, "last_heartbeat", utcformat(datetime.now(UTC) + timedelta(seconds=hour_s)))

    assert queue.state("run_a", 1) is JobState.ENDED
    assert (queue.has_worker(), queue.snapshot().taken) == (False, [])
    assert not queue.snapshot().workers[0].is_alive
