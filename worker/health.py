"""`python -m worker.health`: exits 0 while a worker of this host shows signs of life, else 1 and says why.

For the health check of a container, where the host is the container. Changes nothing in Redis. Knows nothing of runs
and never loads torch: it starts every few seconds.
"""

import socket
import sys

from core.queue import QueueUnavailable, TrainQueue
from core.queue.snapshot import ALIVE_FOR_S
from core.settings import SettingsError, load_settings


def newest_heartbeat_age_s(queue: TrainQueue, host: str) -> float | None:
    """Return seconds since a worker of `host` was heard; None: never. Raises one of QueueUnavailable."""
    workers = queue.snapshot().workers
    ages = (one.heartbeat_age_s for one in workers if host in (one.host, *(one.group.hosts if one.group else ())))
    return min((age_s for age_s in ages if age_s is not None), default=None)


def main() -> None:
    host = socket.gethostname()
    try:
        with TrainQueue(load_settings().broker_url) as queue:
            age_s = newest_heartbeat_age_s(queue, host)
    except SettingsError as error:
        sys.exit(f"worker.health: {error}")
    except QueueUnavailable as error:
        sys.exit(f"worker.health: Redis cannot be asked: {error}")
    if age_s is None:
        sys.exit(f"worker.health: no worker of {host} is registered")
    if age_s >= ALIVE_FOR_S:
        sys.exit(f"worker.health: the last heartbeat of {host} is {age_s:.0f} s old")


if __name__ == "__main__":
    main()
