"""The health check of a worker's container: signs of life in a real Valkey, and a real worker that gives them."""

import datetime as dt
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq.serializers import JSONSerializer
from rq.utils import utcformat
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from core.queue import QUEUE_NAME, TrainQueue
from core.queue.snapshot import ALIVE_FOR_S
from worker.health import newest_heartbeat_age_s
from worker.rq_worker import WORKER_TTL_S, GuardedWorker

HERE = socket.gethostname()


@pytest.fixture
def connection(broker_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(broker_url) as client:
        yield client


def check(url: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command as a container's engine runs it."""
    environment = {**os.environ, "GANYMEDE_REDIS_URL": url, **variables}
    command = [sys.executable, "-m", "worker.health"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def note_worker(connection: "redis.Redis", name: str, host: str, age_s: float) -> None:
    """What RQ notes of a worker that was last heard of `age_s` seconds ago."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    connection.hset(f"rq:worker:{name}", mapping={"hostname": host, "last_heartbeat": utcformat(at)})
    connection.sadd(WORKERS_BY_QUEUE_KEY % QUEUE_NAME, f"rq:worker:{name}")


def born_worker(connection: "redis.Redis") -> GuardedWorker:
    worker = GuardedWorker([QUEUE_NAME], connection=connection, serializer=JSONSerializer, worker_ttl=WORKER_TTL_S)
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


def test_a_worker_that_waits_for_runs_is_healthy_and_after_its_end_it_is_not(broker_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "GANYMEDE_HOME": str(tmp_path), "GANYMEDE_REDIS_URL": broker_url}
    worker = subprocess.Popen([sys.executable, "-m", "worker"], env=environment)
    deadline = time.monotonic() + 300
    while (alive := check(broker_url)).returncode and time.monotonic() < deadline:
        time.sleep(0.2)
    worker.terminate()
    worker.wait(300)

    ended = check(broker_url)

    assert (alive.returncode, alive.stderr) == (0, "")
    assert (ended.returncode, ended.stderr) == (1, f"worker.health: no worker of {HERE} is registered\n")


def test_a_heartbeat_of_a_minute_ago_is_no_sign_of_life(broker_url: str, connection: "redis.Redis") -> None:
    note_worker(connection, "hanging", HERE, age_s=ALIVE_FOR_S + 1)

    done = check(broker_url)

    assert done.returncode == 1
    assert re.search(rf"the last heartbeat of {re.escape(HERE)} is 6\d s old", done.stderr)


def test_the_youngest_worker_of_this_host_counts_and_those_of_others_do_not(
    connection: "redis.Redis", queue: TrainQueue
) -> None:
    note_worker(connection, "before", HERE, age_s=50)
    note_worker(connection, "now", HERE, age_s=20)
    note_worker(connection, "elsewhere", "another-container", age_s=1)

    assert newest_heartbeat_age_s(queue, HERE) == pytest.approx(20, abs=2)
    assert newest_heartbeat_age_s(queue, "third-container") is None


def test_looking_changes_nothing(connection: "redis.Redis", queue: TrainQueue) -> None:
    note_worker(connection, "here", HERE, age_s=5)
    connection.sadd(WORKERS_BY_QUEUE_KEY % QUEUE_NAME, "rq:worker:vanished")
    before = {key: connection.dump(key) for key in connection.scan_iter()}

    newest_heartbeat_age_s(queue, HERE)

    assert {key: connection.dump(key) for key in connection.scan_iter()} == before


def test_without_redis_it_fails_and_says_so(tmp_path: Path) -> None:
    done = check(f"unix://{tmp_path}/nobody")

    assert done.returncode == 1
    assert done.stderr.startswith("worker.health: Redis cannot be asked: ")


def test_a_setting_that_cannot_be_used_is_named(broker_url: str) -> None:
    done = check(broker_url, GANYMEDE_DEVICE="tpu")

    assert done.returncode == 1
    assert "GANYMEDE_DEVICE" in done.stderr


def test_it_starts_without_torch() -> None:
    code = "import sys, worker.health; assert 'torch' not in sys.modules"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_idle_worker_gives_signs_of_life_often_enough(connection: "redis.Redis") -> None:
    worker = born_worker(connection)

    slack_s = ALIVE_FOR_S - worker.dequeue_timeout  # it is heard of before and after each wait for a run

    assert slack_s >= 10 + worker.max_connection_wait_time


def test_a_worker_that_redis_forgot_is_known_again_after_its_next_heartbeat(
    connection: "redis.Redis", queue: TrainQueue
) -> None:
    worker = born_worker(connection)
    connection.flushall()
    forgotten = newest_heartbeat_age_s(queue, HERE)

    worker.heartbeat()

    assert forgotten is None
    assert newest_heartbeat_age_s(queue, HERE) == pytest.approx(0, abs=2)
    assert connection.ttl(worker.key) > ALIVE_FOR_S
