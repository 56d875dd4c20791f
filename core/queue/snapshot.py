"""What the queue looks like at one moment, and who works on it. Knows nothing of Redis."""

import time
from dataclasses import dataclass

ALIVE_FOR_S = 60.0  # after a worker's heartbeat; an idle one's are 45 s apart, a busy one's 5 s


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of one worker, which train a run together, and their hosts in the order of their ranks."""

    processes: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker process last noted about itself; times in seconds since 1970."""

    name: str
    host: str
    pid: int
    state: str
    run: str | None  # that it has a lease of
    attempt: int | None  # of that run
    began_at: float | None
    heartbeat_at: float | None
    device: str | None = None  # "cpu" or "cuda"; None: not told
    group: Group | None = None  # None: it is one process

    @property
    def heartbeat_age_s(self) -> float | None:
        return None if self.heartbeat_at is None else time.time() - self.heartbeat_at

    @property
    def is_alive(self) -> bool:
        return is_recent(self.heartbeat_at)


def is_recent(heartbeat_at: float | None) -> bool:
    """Return whether a heartbeat tells of a live worker; one of the future is of before the clock was set back."""
    return heartbeat_at is not None and abs(time.time() - heartbeat_at) < ALIVE_FOR_S


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The queue at one moment."""

    waiting: list[tuple[int, str, int]]  # position, run, attempt
    taken: list[tuple[str, int]]  # run, attempt; by a worker, whether it has begun or not
    workers: list[WorkerFacts]
