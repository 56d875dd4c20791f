"""Two workers beside each other, and every run in the queue twice: each is trained by exactly one at a time."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from core.queue import QUEUE_NAME, TRAIN_FUNCTION
from tests.e2e.conftest import Service, start, stop
from tests.processes import children

RUNS, STEPS, KILLS = 40, 20, 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/locks").exists(), reason="who holds a lock is read from /proc/locks"),
]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = start(tmp_path / "home")
    yield started
    stop(started)


@contextmanager
def second_worker(service: Service) -> Iterator[int]:
    environment = {**os.environ, "GANYMEDE_HOME": str(service.home), "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen([sys.executable, "-m", "worker"], env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def enqueue_again(service: Service, run_id: str) -> None:
    """What a queue that delivers twice would do: one more job of the same run under another name."""
    with redis.Redis.from_url(f"unix://{service.home}/broker/redis.sock") as connection:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        queue.enqueue(TRAIN_FUNCTION, args=(run_id,), kwargs={}, job_id=f"again-{run_id}", job_timeout=-1)


def holders(locks: dict[int, str]) -> dict[str, list[int]]:
    """Which processes hold the training lock of which run now; `locks` are run ids by the inode of the lock file."""
    held = defaultdict(list)
    for kind, pid, inode in re.findall(r"FLOCK\s+ADVISORY\s+(\w+) (\d+) \S+:(\d+) ", Path("/proc/locks").read_text()):
        if int(inode) in locks and kind == "WRITE":
            held[locks[int(inode)]].append(int(pid))
    return held


def test_forty_runs_each_in_the_queue_twice_are_trained_by_one_worker_at_a_time(service: Service) -> None:
    luck = random.Random(0)
    with second_worker(service) as second:
        first = service.child("worker")
        runs = [service.train(STEPS, f"model-{i % 2}", {"every_steps": 10, "keep": 100}) for i in range(RUNS)]
        for run_id in runs:
            enqueue_again(service, run_id)
        folders = {run_id: service.home / "store" / "runs" / run_id for run_id in runs}
        trainers: dict[str, set[int]] = defaultdict(set)  # horses that held the lock of a run
        by_worker: Counter[int] = Counter()
        most_at_once, killed, deadline = 0, 0, time.monotonic() + 600
        while time.monotonic() < deadline:
            locks = {(f / "lock").stat().st_ino: run_id for run_id, f in folders.items() if (f / "lock").exists()}
            horses = {horse: worker for worker in (first, second) for horse in children(worker)}
            held = {run_id: [pid for pid in pids if pid in horses] for run_id, pids in holders(locks).items()}
            assert all(len(pids) <= 1 for pids in held.values()), held
            for run_id, (horse,) in ((run_id, pids) for run_id, pids in held.items() if pids):
                if horse not in trainers[run_id]:
                    trainers[run_id].add(horse)
                    by_worker[horses[horse]] += 1
                if killed < KILLS and luck.random() < 0.01:
                    os.kill(horse, signal.SIGKILL)
                    killed += 1
            most_at_once = max(most_at_once, sum(map(bool, held.values())))
            if all(json.loads((f / "state.json").read_text())["status"] == "succeeded" for f in folders.values()):
                break
            time.sleep(0.02)
        ended = [service.run(run_id) for run_id in runs]

    assert [run["status"] for run in ended] == ["succeeded"] * RUNS
    assert most_at_once == 2
    assert min(by_worker[first], by_worker[second]) >= RUNS // 4
    assert killed == KILLS
    assert sum(run["attempt"] for run in ended) <= RUNS + killed  # nobody began a run beside another, or again
    for run in ended:
        points = [json.loads(line) for line in (folders[run["id"]] / "metrics.jsonl").read_text().splitlines()]
        steps = [(point["attempt"], point["step"]) for point in points]
        assert steps == sorted(set(steps))  # two trainers at once would report some steps twice
        assert [entry["step"] for entry in run["published"]] == [10, 20]
    versions = Counter((entry["model"], entry["version"]) for run in ended for entry in run["published"])
    assert set(versions.values()) == {1}
    assert len(versions) == 2 * RUNS
