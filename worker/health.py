"""`python -m worker.health`: exits 0 while a worker of this host shows signs of life, else 1 and says why.

For the health check of a container, where the host is the container. Reads what RQ's workers note in Redis and changes
nothing there (`Worker.all()` would). Knows nothing of runs and never loads torch: it starts every few seconds.
"""

import socket
import sys

import redis
from rq.utils import now, utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from core.queue import QUEUE_NAME, QueueUnavailable, connect
from core.settings import SettingsError, load_settings

HEALTHY_FOR_S = 60  # after a heartbeat; an idle worker's are WORKER_TTL_S - 15 s apart


def newest_heartbeat_age_s(connection: "redis.Redis", host: str) -> float | None:
    """Seconds since a worker of `host` was last heard of; None where there is none.

    Raises one of core.queue.QueueUnavailable.
    """
    with connection.pipeline(transaction=False) as pipeline:
        for key in connection.smembers(WORKERS_BY_QUEUE_KEY % QUEUE_NAME):
            pipeline.hmget(key, "hostname", "last_heartbeat")
        notes = pipeline.execute()
    seen = [
        utcparse(at.decode()) for name, at in notes if name is not None and at is not None and name.decode() == host
    ]
    return (now() - max(seen)).total_seconds() if seen else None


def main() -> None:
    host = socket.gethostname()
    try:
        with connect(load_settings().broker_url) as connection:
            age_s = newest_heartbeat_age_s(connection, host)
    except SettingsError as error:
        sys.exit(f"worker.health: {error}")
    except QueueUnavailable as error:
        sys.exit(f"worker.health: Redis cannot be asked: {error}")
    if age_s is None:
        sys.exit(f"worker.health: no worker of {host} is registered")
    if age_s >= HEALTHY_FOR_S:
        sys.exit(f"worker.health: the last heartbeat of {host} is {age_s:.0f} s old")


if __name__ == "__main__":
    main()
