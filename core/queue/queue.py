"""The queue and the notifications: the only file of core that imports rq and redis. Knows runs by their ids alone.

Redis is queue, cache and notifier, never the truth: whatever is lost here, the reconciler rebuilds from files.
"""

import contextlib
import re
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.command import send_stop_job_command
from rq.exceptions import DuplicateJobError, InvalidJobOperation, NoSuchJobError
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.utils import utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from core.queue.snapshot import Group, QueueSnapshot, WorkerFacts, is_recent
from core.queue.trouble import PROBE, PROBE_SCRIPT, RedisTrouble

QUEUE_NAME = "train"
TRAIN_FUNCTION = "worker.job.train"  # a dotted string: the API never imports the worker
BELL_CHANNEL = "ganymede:models"
ANSWER_WITHIN_S = 2.0
HINT_WITHIN_S = 0.5  # a place in the queue is good to know, and nothing to wait for
RESULT_TTL_S = 24 * 3600
FAILURE_TTL_S = 7 * 24 * 3600
DEVICE_FIELD, PROCESSES_FIELD, HOSTS_FIELD = "device", "processes", "hosts"  # of what a worker notes of itself
LEASE_AT_MOST_S = 600.0  # a worker's lasts 90 s
LIMBO_S = 15.0  # a job in no list for so long was taken by a worker that died before it began

_JOB_ID = re.compile(r"train-(.+)-(\d{1,9})", re.ASCII)

# Away, hanging, or answering that it cannot (its disk or memory is full): to us it is all the same.
QueueUnavailable = (redis.exceptions.RedisError,)
# The server said so itself, although redis-py takes some of it for a connection that failed.
ANSWERS = (
    redis.exceptions.ResponseError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.ExternalAuthProviderError,
)


class JobState(Enum):
    """What the queue knows of one attempt."""

    ABSENT = "absent"
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


def connect(url: str, *, answer_within_s: float | None = ANSWER_WITHIN_S) -> "redis.Redis":
    """Return a client that fails at once while the server is away. None: wait for ever, as blocking reads must."""
    client: redis.Redis = redis.Redis.from_url(
        url,
        socket_timeout=answer_within_s,
        socket_connect_timeout=answer_within_s or ANSWER_WITHIN_S,
        # One reconnect: a pooled connection may be older than the server. A server that hangs is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
    )
    return client


def trouble_of(error: redis.exceptions.RedisError) -> RedisTrouble:
    """Say what an error of QueueUnavailable tells about the server."""
    is_full = "max number of clients" in str(error)
    is_answer = is_full or isinstance(error, ANSWERS)
    return RedisTrouble.of_answer(str(error), error.status_code) if is_answer else RedisTrouble()


def job_id(run_id: str, attempt: int) -> str:
    return f"train-{run_id}-{attempt}"


def parse_job_id(text: str) -> tuple[str, int] | None:
    """Return run and attempt of a job's id; None for a job that is none of ours."""
    match = _JOB_ID.fullmatch(text)
    return (match[1], int(match[2])) if match else None


class TrainQueue:
    """One RQ job is one attempt of one run. Every method may raise one of QueueUnavailable."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        self._queue = Queue(QUEUE_NAME, connection=self.connection, serializer=JSONSerializer)
        self._started = StartedJobRegistry(QUEUE_NAME, connection=self.connection, serializer=JSONSerializer)
        self._limbo_since: dict[str, float] = {}
        self._hints = connect(url, answer_within_s=HINT_WITHIN_S)

    def trouble(self) -> RedisTrouble | None:
        """Say why the server takes no runs; waits HINT_WITHIN_S at most."""
        try:
            self._hints.register_script(PROBE_SCRIPT)(keys=[f"rq:job:{PROBE}", f"rq:queue:{PROBE}"], args=[PROBE])
        except QueueUnavailable as error:
            return trouble_of(error)
        return None

    def has_worker(self) -> bool:
        return bool(self.devices())

    def devices(self) -> list[str]:
        """Return the device of each live worker; empty if it has not reported one."""
        with self._hints.pipeline(transaction=False) as pipeline:
            for key in self._hints.smembers(WORKERS_BY_QUEUE_KEY % QUEUE_NAME):
                pipeline.hmget(key, "last_heartbeat", DEVICE_FIELD)
            noted = [[(part or b"").decode(errors="replace") for part in parts] for parts in pipeline.execute()]
        return [device for at, device in noted if is_recent(_seconds(at))]

    def enqueue(self, run_id: str, attempt: int, *, at_front: bool = False) -> bool:
        """Queue an attempt; False if it was queued before."""
        try:
            self._queue.enqueue(
                TRAIN_FUNCTION,
                args=(run_id, attempt),
                kwargs={},
                job_id=job_id(run_id, attempt),
                unique=True,
                job_timeout=-1,  # no limit: a training may take days
                result_ttl=RESULT_TTL_S,
                failure_ttl=FAILURE_TTL_S,
                at_front=at_front,
            )
        except DuplicateJobError:
            return False
        return True

    def state(self, run_id: str, attempt: int) -> JobState:
        """Return what became of an attempt; a job whose lease ran out has ended."""
        name = job_id(run_id, attempt)
        status = self._status(name)
        if status is not JobStatus.QUEUED:
            self._limbo_since.pop(name, None)
        if status is None:
            return JobState.ABSENT
        if status is JobStatus.STARTED:
            leased: list[Any] = self.connection.zrangebyscore(self._started.key, *_leases_now())
            has_lease = any(StartedJobRegistry.parse_job_id(entry) == name for entry in leased)
            return JobState.RUNNING if has_lease else JobState.ENDED
        if status is not JobStatus.QUEUED:
            return JobState.ENDED
        if self._queue.get_job_position(name) is not None:
            self._limbo_since.pop(name, None)
            return JobState.WAITING
        since = self._limbo_since.setdefault(name, time.monotonic())
        if time.monotonic() - since < LIMBO_S:
            return JobState.WAITING
        del self._limbo_since[name]
        return JobState.ENDED

    def position(self, run_id: str, attempt: int) -> int | None:
        """Count the jobs before this one; None if it does not wait."""
        found: Any = self._hints.lpos(self._queue.key, job_id(run_id, attempt))
        return None if found is None else int(found)

    def positions(self) -> dict[str, int]:
        """Count the jobs before each waiting one, by job_id(), in one question to the server."""
        waiting: list[Any] = self._hints.lrange(self._queue.key, 0, -1)
        return {name.decode(): position for position, name in enumerate(waiting)}

    def remove(self, run_id: str, attempt: int) -> None:
        """Remove a waiting attempt. Whoever takes a job off the list has it: a worker's job is left alone."""
        name = job_id(run_id, attempt)
        if self.connection.lrem(self._queue.key, 0, name):
            with contextlib.suppress(NoSuchJobError):
                job = Job.fetch(name, connection=self.connection, serializer=JSONSerializer)
                job.delete(remove_from_queue=False)

    def kill(self, run_id: str, attempt: int) -> None:
        """Have the worker kill an attempt that does not stop when asked."""
        try:
            send_stop_job_command(self.connection, job_id(run_id, attempt), serializer=JSONSerializer)
        except (NoSuchJobError, InvalidJobOperation):
            return

    def snapshot(self) -> QueueSnapshot:
        """Return what waits and who works, and change nothing: RQ's own listings clean up while they read.

        A worker moves a job from one list to another, then leases it: read at one moment, no job is missed or doubled.
        """
        with self.connection.pipeline(transaction=True) as pipeline:
            pipeline.lrange(self._queue.key, 0, -1)
            pipeline.lrange(self._queue.intermediate_queue_key, 0, -1)
            pipeline.zrangebyscore(self._started.key, *_leases_now())
            pipeline.smembers(WORKERS_BY_QUEUE_KEY % QUEUE_NAME)
            waiting, moved, leased, keys = pipeline.execute()
        prefix = Worker.redis_worker_namespace_prefix
        names = sorted(key.decode(errors="replace").removeprefix(prefix) for key in keys)
        with self.connection.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hgetall(f"{prefix}{name}")
                pipeline.smembers(WORKER_EXECUTIONS_KEY_TEMPLATE.format(name))
            facts = pipeline.execute()
        attempts = [parse_job_id(job.decode(errors="replace")) for job in waiting]
        return QueueSnapshot(
            waiting=[(position, *attempt) for position, attempt in enumerate(attempts) if attempt],
            taken=sorted(set(filter(None, map(_attempt_of, [*moved, *leased])))),
            workers=[
                _worker(name, noted, next(filter(None, map(_attempt_of, set(executions) & set(leased))), None))
                for name, noted, executions in zip(names, facts[::2], facts[1::2], strict=True)
                if noted  # it is gone without a word, and only its name is left
            ],
        )

    def close(self) -> None:
        self._hints.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _status(self, name: str) -> JobStatus | None:
        try:
            job = Job.fetch(name, connection=self.connection, serializer=JSONSerializer)
            return job.get_status(refresh=False)
        except (NoSuchJobError, InvalidJobOperation):
            return None


def _attempt_of(entry: bytes) -> tuple[str, int] | None:
    """Return run and attempt of an entry `<job>` or `<job>:<execution>`."""
    return parse_job_id(entry.decode(errors="replace").partition(":")[0])


def _worker(name: str, noted: dict[bytes, bytes], has: tuple[str, int] | None) -> WorkerFacts:
    facts = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in noted.items()}
    pid = facts.get("pid", "")
    return WorkerFacts(
        name=name,
        host=facts.get("hostname", ""),
        pid=int(pid) if pid.isascii() and pid.isdecimal() else 0,
        state=facts.get("state") or ("busy" if has else "idle"),  # lost if Redis was emptied under it
        run=has[0] if has else None,
        attempt=has[1] if has else None,
        began_at=_seconds(facts.get("birth")),
        heartbeat_at=_seconds(facts.get("last_heartbeat")),
        device=facts.get(DEVICE_FIELD) or None,
        group=_group(facts.get(PROCESSES_FIELD, ""), facts.get(HOSTS_FIELD, "")),
    )


def _group(processes: str, hosts: str) -> Group | None:
    is_one = processes.isascii() and processes.isdecimal()
    return Group(processes=int(processes), hosts=tuple(hosts.split(","))) if is_one else None


def _leases_now() -> tuple[float, float]:
    """Between which times a lease ends that holds now. One that ends later is of before the clock was set back."""
    return time.time(), time.time() + LEASE_AT_MOST_S


def _seconds(noted: str | None) -> float | None:
    with contextlib.suppress(ValueError):
        return utcparse(noted).timestamp() if noted else None
    return None


class RedisNotifier:
    """Notifies when a model gets a new version. Only a hint: listeners must look by themselves now and then."""

    def __init__(self, url: str) -> None:
        self._url = url

    def notify(self, model: str) -> None:
        """Notify listeners; a failure is no error, because they poll."""
        try:
            with connect(self._url) as client:
                client.publish(BELL_CHANNEL, model)
        except QueueUnavailable:
            return

    def listen(self, heard: Callable[[str], None], is_over: Callable[[], bool], patience_s: float = 1.0) -> None:
        """Call `heard(model)` for each notification until `is_over()`; reconnects to a lost server."""
        while not is_over():
            try:
                with connect(self._url, answer_within_s=None) as client, client.pubsub() as subscription:
                    subscription.subscribe(BELL_CHANNEL)
                    while not is_over():
                        message = subscription.get_message(ignore_subscribe_messages=True, timeout=patience_s)
                        if message is not None:
                            heard(message["data"].decode(errors="replace"))
            except redis.exceptions.RedisError:
                time.sleep(patience_s)
