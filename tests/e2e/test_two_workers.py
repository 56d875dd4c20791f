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
from dataclasses import dataclass, field
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
        process.wait(300)


def enqueue_again(service: Service, run_id: str) -> None:
    """What a queue that delivers twice would do: one more job of the same run under another name."""
    with redis.Redis.from_url(f"unix://{service.home}/broker/redis.sock") as connection:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        queue.enqueue(TRAIN_FUNCTION, args=(run_id,), kwargs={}, job_id=f"again-{run_id}", job_timeout=-1)


@dataclass
class Watch:
    """Looks again and again which process holds the training lock of which run, and kills some of them."""

    workers: tuple[int, int]
    folders: dict[str, Path]
    luck: random.Random = field(default_factory=lambda: random.Random(0))
    trained_by: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # runs, by worker
    most_at_once: int = 0
    killed: int = 0

    def look(self) -> None:
        horses = {horse: worker for worker in self.workers for horse in children(worker)}
        held = {run_id: pids & horses.keys() for run_id, pids in self._holders().items()}
        assert all(len(pids) <= 1 for pids in held.values()), held
        for run_id, horse in ((run_id, horse) for run_id, pids in held.items() for horse in pids):
            self.trained_by[horses[horse]].add(run_id)
            if self.killed < KILLS and self.luck.random() < 0.02:
                os.kill(horse, signal.SIGKILL)
                self.killed += 1
        self.most_at_once = max(self.most_at_once, sum(map(bool, held.values())))

    def is_over(self) -> bool:
        return all(json.loads((f / "state.json").read_text())["status"] == "succeeded" for f in self.folders.values())

    def _holders(self) -> dict[str, set[int]]:
        """Pids by run; a set, as the kernel may show one twice while the list changes."""
        locks = {(f / "lock").stat().st_ino: run_id for run_id, f in self.folders.items() if (f / "lock").exists()}
        held = defaultdict(set)
        listed = re.findall(r"FLOCK +ADVISORY +WRITE (\d+) \S+:(\d+) ", Path("/proc/locks").read_text())
        for pid, inode in listed:
            if int(inode) in locks:
                held[locks[int(inode)]].add(int(pid))
        return held


def test_forty_runs_each_in_the_queue_twice_are_trained_by_one_worker_at_a_time(service: Service) -> None:
    with second_worker(service) as second:
        runs = [service.train(STEPS, f"model-{i % 2}", {"every_steps": 10, "keep": 100}) for i in range(RUNS)]
        for run_id in runs:
            enqueue_again(service, run_id)
        folders = {run_id: service.home / "store" / "runs" / run_id for run_id in runs}
        watch = Watch((service.child("worker"), second), folders)

        deadline = time.monotonic() + 900
        while not watch.is_over() and time.monotonic() < deadline:
            watch.look()
            time.sleep(0.02)
        ended = [service.run(run_id) for run_id in runs]

    assert [run["status"] for run in ended] == ["succeeded"] * RUNS
    assert watch.most_at_once == 2
    assert min(map(len, watch.trained_by.values())) >= RUNS // 8  # neither only watches; nobody promises halves
    assert watch.killed == KILLS
    assert sum(run["attempt"] for run in ended) <= RUNS + KILLS  # nobody began a run beside another, or again
    for run in ended:
        points = [json.loads(line) for line in (folders[run["id"]] / "metrics.jsonl").read_text().splitlines()]
        steps = [(point["attempt"], point["step"]) for point in points]
        assert steps == sorted(set(steps))  # two trainers at once would report some steps twice
        assert [entry["step"] for entry in run["published"]] == [10, 20]
    versions = Counter((entry["model"], entry["version"]) for run in ended for entry in run["published"])
    assert set(versions.values()) == {1}
    assert len(versions) == 2 * RUNS
