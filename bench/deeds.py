"""What is done to a service that trains: kills, hangs, flipped bytes. The rest: outages.py, midway.py.

A deed hits what is there, and puts back what a supervisor would: a process that died is started again. DeedFailed: what
it saw meanwhile is not as it should be.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable

from bench.midway import flip_version, kill_api_in_import, kill_trainer_in_publish, set_clock_back
from bench.outages import (
    LONG_S,
    broker_away,
    fill_disk,
    leave_broker_away,
    lose_broker,
    make_broker_read_only,
    told,
)
from bench.proc import children, command_line, freeze
from bench.service import OwnService
from core.runs import Run
from core.runs.checkpoints import list_checkpoints

AWAY_S = 3.0
CLOCK_BACK, DISK_FULL = "clock set back", "disk full"  # not on every machine
ENGINE = "app.engine"

Deed = Callable[[OwnService, Run, random.Random], None]


def hit(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def hang(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            freeze(pid)


def engine_of(service: OwnService) -> list[int]:
    return [pid for pid in children(service.pid("api")) if ENGINE in command_line(pid)]


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
    hang(engine_of(service))


def hang_trainer(service: OwnService, _run: Run, _rng: random.Random) -> None:
    hang(children(service.pid("worker")))


def kill_broker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with broker_away(service):
        pass


def empty_broker(service: OwnService, _run: Run, _rng: random.Random) -> None:
    with broker_away(service, emptied=True):
        pass


def for_seconds(outage: Callable[[OwnService, Run, float], None], seconds: float) -> Deed:
    return lambda service, run, _rng: outage(service, run, seconds)


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
    "broker away": for_seconds(leave_broker_away, AWAY_S),
    "broker read-only": for_seconds(make_broker_read_only, AWAY_S),
    "broker full": fill_broker,
    "broker away for a minute": for_seconds(leave_broker_away, LONG_S),
    "broker read-only for a minute": for_seconds(make_broker_read_only, LONG_S),
    "broker gone for ever": for_seconds(lose_broker, LONG_S),
    "checkpoint damaged": flip_checkpoint,
    "version damaged": flip_version,
    "API killed in an import": kill_api_in_import,
    "trainer killed in a publish": kill_trainer_in_publish,
    CLOCK_BACK: set_clock_back,
    DISK_FULL: fill_disk,
}
API_IS_DOWN = frozenset({"API killed", "version damaged", "API killed in an import", CLOCK_BACK})
