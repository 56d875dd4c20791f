"""The queue on a real Valkey: what it says of an attempt, also when workers or the server die under it."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from core.queue import JobState, QueueUnavailable, RedisNotifier, TrainQueue, job_id
from core.queue import queue as queue_module
from ganymede.broker import Broker
from tests.conftest import SOON_S
from tests.processes import freeze

Take = Callable[..., Job]


@pytest.fixture
def take(queue: TrainQueue) -> Take:
    """What RQ's worker does when it begins the next job; its lease ends after `lease_s`."""

    class LeasingWorker(Worker):
        lease_s = 20

        def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
            return self.lease_s

    def begin(lease_s: int = 20) -> Job:
        connection = queue.connection
        worker: Any = LeasingWorker(["train"], connection=connection, serializer=JSONSerializer)
        worker.lease_s = lease_s
        found = Queue.dequeue_any([Queue("train", connection=connection)], None, connection, serializer=JSONSerializer)
        assert found is not None
        worker.prepare_execution(found[0])
        worker.prepare_job_execution(found[0])
        return found[0]

    return begin


def test_an_attempt_is_enqueued_once(queue: TrainQueue) -> None:
    assert queue.enqueue("run_a", 1)
    assert not queue.enqueue("run_a", 1)
    assert queue.enqueue("run_a", 2)

    assert [queue.position("run_a", 1), queue.position("run_a", 2)] == [0, 1]


def test_what_a_job_carries_is_the_attempt_alone(queue: TrainQueue) -> None:
    queue.enqueue("run_a", 3)

    job = Job.fetch("train-run_a-3", connection=queue.connection, serializer=JSONSerializer)

    assert (job.func_name, job.args, job.kwargs, job.timeout) == ("worker.job.train", ["run_a", 3], {}, -1)
    assert not job.retries_left


def test_threads_that_enqueue_one_attempt_at_once_put_one_job(broker_url: str, queue: TrainQueue) -> None:
    put: list[bool] = []

    def enqueue() -> None:
        with TrainQueue(broker_url) as own:
            put.append(own.enqueue("run_a", 1))

    threads = [threading.Thread(target=enqueue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert put.count(True) == 1
    assert queue.connection.llen("rq:queue:train") == 1


def test_the_position_counts_who_is_before(queue: TrainQueue) -> None:
    for run in ("run_a", "run_b"):
        queue.enqueue(run, 1)
    queue.enqueue("run_c", 2, at_front=True)

    assert [queue.position("run_c", 2), queue.position("run_a", 1), queue.position("run_b", 1)] == [0, 1, 2]
    assert queue.position("run_d", 1) is None


def test_all_positions_are_had_at_once(queue: TrainQueue) -> None:
    assert queue.positions() == {}
    for run in ("run_a", "run_b"):
        queue.enqueue(run, 1)
    queue.enqueue("run_c", 2, at_front=True)

    assert queue.positions() == {"train-run_c-2": 0, "train-run_a-1": 1, "train-run_b-1": 2}


def test_a_job_that_a_worker_has_is_not_removed_under_its_hands(queue: TrainQueue, take: Take) -> None:
    queue.enqueue("run_a", 1)
    take()

    queue.remove("run_a", 1)

    assert queue.state("run_a", 1) is JobState.RUNNING


def test_a_removed_attempt_is_gone_and_removing_it_again_is_no_error(queue: TrainQueue) -> None:
    queue.enqueue("run_a", 1)
    queue.enqueue("run_b", 1)

    queue.remove("run_a", 1)
    queue.remove("run_a", 1)

    assert queue.state("run_a", 1) is JobState.ABSENT
    assert queue.position("run_b", 1) == 0


def test_an_attempt_goes_from_absent_over_waiting_and_running_to_ended(queue: TrainQueue, take: Take) -> None:
    states = [queue.state("run_a", 1)]
    queue.enqueue("run_a", 1)
    states.append(queue.state("run_a", 1))
    job = take()
    states.append(queue.state("run_a", 1))
    job.set_status(JobStatus.FINISHED)
    states.append(queue.state("run_a", 1))

    assert states == [JobState.ABSENT, JobState.WAITING, JobState.RUNNING, JobState.ENDED]
    assert queue.position("run_a", 1) is None


def test_an_attempt_whose_worker_let_its_lease_run_out_has_ended(queue: TrainQueue, take: Take) -> None:
    queue.enqueue("run_a", 1)
    take()
    before = queue.state("run_a", 1)

    leases: Any = queue.connection.zrange("rq:wip:train", 0, -1)
    queue.connection.zadd("rq:wip:train", dict.fromkeys(leases, time.time() - 1))

    assert (before, queue.state("run_a", 1)) == (JobState.RUNNING, JobState.ENDED)


def lift_off(queue: TrainQueue, run_id: str) -> None:
    """What is left when a worker dies between taking a job off the list and beginning it."""
    queue.connection.lrem("rq:queue:train", 1, job_id(run_id, 1))


def test_a_job_taken_by_a_worker_that_died_has_ended_after_a_while(
    queue: TrainQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "LIMBO_S", 0.2)
    queue.enqueue("run_a", 1)
    lift_off(queue, "run_a")

    first = queue.state("run_a", 1)
    time.sleep(0.25)

    assert (first, queue.state("run_a", 1)) == (JobState.WAITING, JobState.ENDED)


def test_the_patience_with_a_taken_job_begins_anew_when_it_was_seen_elsewhere(
    queue: TrainQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "LIMBO_S", 0.2)
    queue.enqueue("run_a", 1)
    lift_off(queue, "run_a")
    queue.state("run_a", 1)
    queue.connection.flushall()
    lost = queue.state("run_a", 1)
    queue.enqueue("run_a", 1)
    time.sleep(0.25)
    lift_off(queue, "run_a")

    assert (lost, queue.state("run_a", 1)) == (JobState.ABSENT, JobState.WAITING)


def test_killing_what_is_not_there_is_no_error(queue: TrainQueue) -> None:
    queue.enqueue("run_a", 1)

    queue.kill("run_a", 1)
    queue.kill("run_b", 1)

    assert queue.state("run_a", 1) is JobState.WAITING


@pytest.mark.parametrize("away", ["killed", "hanging"])
def test_a_server_that_is_away_is_told_quickly(own_broker: Broker, away: str) -> None:
    with TrainQueue(f"unix://{own_broker.socket_path}") as queue:
        queue.enqueue("run_a", 1)
        assert own_broker.process is not None
        if away == "killed":
            own_broker.process.kill()
        else:
            freeze(own_broker.process.pid)
        acts: list[Callable[[], object]] = [lambda: queue.enqueue("run_a", 2), lambda: queue.state("run_a", 1)]
        for act in acts if away == "killed" else acts[:1]:
            began = time.monotonic()

            with pytest.raises(QueueUnavailable):
                act()

            assert time.monotonic() - began < SOON_S
        began = time.monotonic()
        with pytest.raises(QueueUnavailable):
            queue.positions()
        assert time.monotonic() - began < SOON_S
        assert away == "hanging" or str(queue.trouble()) == "redis"


def test_a_server_that_came_back_is_used_again_without_a_word(own_broker: Broker) -> None:
    with TrainQueue(f"unix://{own_broker.socket_path}") as queue:
        queue.enqueue("run_a", 1)
        own_broker.stop()
        own_broker.start()

        assert queue.state("run_a", 1) is JobState.WAITING
        assert queue.enqueue("run_b", 1)


def test_the_bell_is_heard_before_and_after_a_restart_of_the_server(own_broker: Broker) -> None:
    notifier = RedisNotifier(f"unix://{own_broker.socket_path}")
    heard: list[str] = []
    is_over = threading.Event()
    listener = threading.Thread(target=notifier.listen, args=(heard.append, is_over.is_set, 0.05))
    listener.start()

    def ring_until_heard(model: str) -> None:
        deadline = time.monotonic() + 300
        while model not in heard and time.monotonic() < deadline:
            notifier.notify(model)
            time.sleep(0.02)

    ring_until_heard("digits")
    own_broker.stop()
    notifier.notify("nobody")  # who cannot notify is no error
    own_broker.start()
    ring_until_heard("shapes")
    is_over.set()
    listener.join(3)

    assert set(heard) == {"digits", "shapes"}
    assert not listener.is_alive()
