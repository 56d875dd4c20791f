"""The RQ worker as a real process: it runs only what it may, and what it forks dies with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from core.queue import QUEUE_NAME, JobState, TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from tests.fixtures import until
from tests.processes import children, freeze, lives, on_linux
from tests.worker.conftest import CreateRun
from worker import rq_worker as guarded


def wait_for_status(run: Run, status: Status, within_s: float = 300.0) -> None:
    until(lambda: run.state().status is status, within_s, f"{run.id} is {status}", 0.05)


def failed(connection: "redis.Redis", name: str) -> Job:
    until(lambda: Job.fetch(name, connection, JSONSerializer).get_status() is JobStatus.FAILED)
    return Job.fetch(name, connection, JSONSerializer)


def wait_for_step(run: Run, step: int, within_s: float = 300.0) -> None:
    until(lambda: run.state().progress.step >= step, within_s, f"{run.id} reaches step {step}", 0.05)


@pytest.fixture
def worker(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    yield from started(settings)


def started(settings: Settings, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        "GANYMEDE_HOME": str(settings.home),
        "GANYMEDE_REDIS_URL": str(settings.redis_url),
        "GANYMEDE_DEVICE": "cpu",
        "OMP_WAIT_POLICY": "PASSIVE",  # as `ganymede up` sets it; threads that spin take minutes beside others
        **variables,
    }
    process = subprocess.Popen([sys.executable, "-m", "worker"], env=environment)
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(300)


@pytest.fixture
def worker_that_waits_half_a_minute(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    yield from started(settings, GANYMEDE_STALL_AFTER="30")  # a busy machine takes ten seconds to import torch


def test_a_function_that_is_not_listed_is_refused_and_never_called(
    settings: Settings, worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    trace = tmp_path / "called"
    with redis.Redis.from_url(str(settings.redis_url)) as connection:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        queue.enqueue("os.mkdir", args=(str(trace),), kwargs={}, job_id="evil")
        result = failed(connection, "evil").latest_result()

    assert not trace.exists()
    assert result is not None
    assert "not allowed" in str(result.exc_string)


def test_no_callback_of_a_refused_job_is_called(settings: Settings, worker: "subprocess.Popen[bytes]") -> None:
    with redis.Redis.from_url(str(settings.redis_url)) as connection:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        queue.enqueue("os.getpid", job_id="callback", on_failure=Callback("os._exit"))
        result = failed(connection, "callback").latest_result()

    assert result is not None
    assert "not allowed" in str(result.exc_string)  # os._exit would have ended the horse without a word


@pytest.mark.slow
def test_a_queued_run_is_taken_and_trained(
    settings: Settings, worker: "subprocess.Popen[bytes]", create_run: CreateRun
) -> None:
    run = create_run()
    with TrainQueue(str(settings.redis_url)) as queue:
        queue.enqueue(run.id, 1)

        wait_for_status(run, Status.SUCCEEDED)

    assert "attempt 1 begins at step 0 of 20" in run.log_file.read_text()


@pytest.mark.slow
@on_linux
def test_the_work_horse_dies_with_its_worker(
    settings: Settings, worker: "subprocess.Popen[bytes]", create_run: CreateRun
) -> None:
    run = create_run(steps=1_000_000, checkpoint_every=1000)
    with TrainQueue(str(settings.redis_url)) as queue:
        queue.enqueue(run.id, 1)
    wait_for_step(run, 1)
    (horse,) = children(worker.pid)

    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 300
    while (lives(horse) or run.is_being_trained()) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not lives(horse)
    assert not run.is_being_trained()


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("reaches_horse", [False, True], ids=["worker alone", "whole group"])
def test_sigterm_makes_it_checkpoint_and_leave_the_run_to_the_next_worker(
    settings: Settings, worker: "subprocess.Popen[bytes]", create_run: CreateRun, reaches_horse: bool
) -> None:
    run = create_run(steps=1_000_000, checkpoint_every=1_000_000)
    with TrainQueue(str(settings.redis_url)) as queue:
        queue.enqueue(run.id, 1)
        wait_for_step(run, 5)

        for pid in (*children(worker.pid), worker.pid) if reaches_horse else (worker.pid,):
            os.kill(pid, signal.SIGTERM)
        status = worker.wait(300)

        state = run.state()
        assert status == 0
        assert (state.status, state.attempt, state.preempted) == (Status.QUEUED, 2, True)
        assert (state.checkpoint_step or 0) >= 5
        assert queue.state(run.id, 1) is JobState.ENDED


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_training_process_that_hangs_is_killed_and_the_run_goes_on_from_its_checkpoint(
    settings: Settings,
    worker_that_waits_half_a_minute: "subprocess.Popen[bytes]",
    create_run: CreateRun,
    store: Store,
    processes: int,
) -> None:
    run = create_run(steps=400, checkpoint_every=5, processes=processes)
    with TrainQueue(str(settings.redis_url)) as queue:
        queue.enqueue(run.id, 1)
        wait_for_step(run, 6)
        (horse,) = children(worker_that_waits_half_a_minute.pid)
        trainers = children(horse) if processes > 1 else [horse]

        freeze(trainers[-1])
        deadline = time.monotonic() + 300
        while not (killed := [event for event in run.events() if event.data.get("action") == "killed_hung"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while (state := run.state()).attempt == 1:
            assert time.monotonic() < deadline
            reconcile(RunStore(store), queue)
            time.sleep(0.05)
        wait_for_status(run, Status.SUCCEEDED)

    assert not any(map(lives, [horse, *trainers]))
    assert "no progress for" in killed[0].data["message"]
    assert state.attempt == 2
    assert "attempt 2 begins at step 0" not in run.log_file.read_text()


@pytest.mark.slow
@on_linux
def test_an_outage_of_redis_shorter_than_the_lease_goes_unnoticed(
    settings: Settings, worker: "subprocess.Popen[bytes]", create_run: CreateRun
) -> None:
    run = create_run(steps=1_000_000, checkpoint_every=1000)
    with TrainQueue(str(settings.redis_url)) as queue:
        queue.enqueue(run.id, 1)
        wait_for_step(run, 1)
        (horse,) = children(worker.pid)

        queue.connection.client_pause(2 * guarded.HEARTBEAT_EVERY_S * 1000)
        time.sleep(2 * guarded.HEARTBEAT_EVERY_S + 1)

        assert children(worker.pid) == [horse]
        assert run.state().status is Status.RUNNING
        assert queue.state(run.id, 1) is JobState.RUNNING
        RunStore(run.store).get(run.id).move(Status.CANCELING)
        wait_for_status(run, Status.CANCELED)
