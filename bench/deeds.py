"""What is done to a service that trains: kills, hangs, a broker that is away or refuses, flipped bytes. Judges nothing.

A deed hits what is there, and puts back what a supervisor would: a process that died is started again.
"""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import redis

from bench.service import OwnService
from core.runs import Run
from core.runs.checkpoints import list_checkpoints

AWAY_S = 3.0
ENGINE = "app.engine"

Deed = Callable[[OwnService, Run, random.Random], None]


def children(pid: int) -> list[int]:
    """Of a process, by /proc."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(OSError):
                state, parent, *_ = (path / "stat").read_text().rpartition(")")[2].split()
                found += [int(path.name)] if int(parent) == pid and state != "Z" else []
    return found


def hit(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def engine_of(service: OwnService) -> list[int]:
    words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in children(service.pid("api"))}
    return [pid for pid, text in words.items() if ENGINE in text]


def kill_trainer(service: OwnService, _run: Run, _rng: random.Random) -> None:
    hit(children(service.pid("worker")), signal.SIGKILL)


def kill_worker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    service.end("worker", signal.SIGKILL)
    service.start("worker")


def kill_worker_and_trainer(service: OwnService, _run: Run, _rng: random.Random) -> None:
    trainers = children(service.pid("worker"))
    service.end("worker", signal.SIGKILL)
    hit(trainers, signal.SIGKILL)
    service.start("worker")


def end_worker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    service.end("worker")
    service.start("worker")


def kill_api(service: OwnService, _run: Run, _rng: random.Random) -> None:
    service.end("api", signal.SIGKILL)
    service.start("api")
    service.wait_until_it_answers()


def kill_engine(service: OwnService, _run: Run, _rng: random.Random) -> None:
    hit(engine_of(service), signal.SIGKILL)


def hang_engine(service: OwnService, _run: Run, _rng: random.Random) -> None:
    hit(engine_of(service), signal.SIGSTOP)


def hang_trainer(service: OwnService, _run: Run, _rng: random.Random) -> None:
    hit(children(service.pid("worker")), signal.SIGSTOP)


def kill_broker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with broker_away(service):
        pass


def empty_broker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with broker_away(service):
        shutil.rmtree(service.broker.data)


def leave_broker_away(service: OwnService, _run: Run, rng: random.Random) -> None:
    """A run that is asked for meanwhile is accepted."""
    with broker_away(service), service.client() as client:
        time.sleep(AWAY_S * rng.random())
        asked = {"recipe": "cgan", "dataset": "mnist-10k", "config": {"steps": 1, "extractor": "none"}}
        answer = client.post("/train", json=asked)
        answer.raise_for_status()
        client.post(f"/train/{answer.json()['id']}/cancel").raise_for_status()


def make_broker_read_only(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with told(service, ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")):
        time.sleep(AWAY_S)


def fill_broker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with told(service, ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")):
        time.sleep(AWAY_S)


def flip_checkpoint(service: OwnService, run: Run, rng: random.Random) -> None:
    """A byte of the newest checkpoint, and the trainer dies: the one before goes on."""
    hit(children(service.pid("worker")), signal.SIGKILL)
    for checkpoint in list_checkpoints(run)[:1]:
        path = checkpoint.folder / "training.safetensors"
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)


@contextlib.contextmanager
def broker_away(service: OwnService) -> Iterator[None]:
    process = service.broker.process
    assert process is not None
    process.kill()
    process.wait()
    try:
        yield
    finally:
        service.broker.start()


@contextlib.contextmanager
def told(service: OwnService, first: tuple[str, ...], then: tuple[str, ...]) -> Iterator[None]:
    """The broker, before and after."""
    with redis.Redis.from_url(f"unix://{service.broker.socket_path}") as client:
        client.execute_command(*first)
        try:
            yield
        finally:
            client.execute_command(*then)


DEEDS: dict[str, Deed] = {
    "trainer killed": kill_trainer,
    "worker killed": kill_worker,
    "worker and trainer killed": kill_worker_and_trainer,
    "worker told to end": end_worker,
    "API killed": kill_api,
    "engine process killed": kill_engine,
    "engine process hung": hang_engine,
    "trainer hung": hang_trainer,
    "broker killed": kill_broker,
    "broker emptied": empty_broker,
    "broker away": leave_broker_away,
    "broker read-only": make_broker_read_only,
    "broker full": fill_broker,
    "checkpoint damaged": flip_checkpoint,
}
API_IS_DOWN = frozenset({"API killed"})


def draws(service: OwnService) -> bool:
    """Whether a picture that nobody has asked for is drawn."""
    with contextlib.suppress(httpx.TransportError), service.client() as client:
        answer = client.get("/generate", params={"model": "digits", "seed": random.getrandbits(31)})
        return answer.status_code == 200
    return False
