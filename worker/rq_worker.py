"""The RQ worker, hardened. It forks, and never imports torch: a CUDA context does not survive a fork.

Against the stock worker: the work horse dies with its parent; a Redis that is away, or refuses, does not crash the
parent; SIGTERM makes the run checkpoint and return; a dead worker's lease ends after seconds; only listed functions
run, whatever is found in the queue; a worker whose entry in Redis was lost is known again with its next heartbeat.
"""

import contextlib
import logging
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import redis.exceptions
from redis import Redis
from rq import Queue, Worker
from rq.exceptions import DeserializationError
from rq.executions import Execution
from rq.job import Job
from rq.worker_registration import register

from core.errors import IllegalTransition, RunNotFound, StoreDamaged
from core.log import about_run
from core.machine.lifeline import die_with_parent
from core.queue import DEVICE_FIELD, HOSTS_FIELD, PROCESSES_FIELD, TRAIN_FUNCTION, parse_job_id, trouble_of
from core.queue.snapshot import Group
from core.runs import RunStore
from ganymede.schemas.states import Status
from worker.training.stopping import STOP_SIGNALS, on_stop_signal
from worker.watchdog import Watchdog

ALLOWED_FUNCTIONS = frozenset({TRAIN_FUNCTION})
LEASE_S = 20
HEARTBEAT_EVERY_S = 5
WORKER_TTL_S = 60
MAINTENANCE_EVERY_S = 30
REFUSED_PAUSE_S = 5.0  # until a Redis that refuses is asked again

ADDRESS = re.compile(r"(?:\A| )addr=(.*?)(?= laddr=| fd=|\Z)", re.DOTALL)

log = logging.getLogger(__name__)


class GuardedJob(Job):
    """A job that runs only allowed functions, and no stored callbacks or webhooks."""

    success_callback = None
    failure_callback = None
    stopped_callback = None

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        return

    def perform(self) -> Any:
        if self.func_name not in ALLOWED_FUNCTIONS:
            raise PermissionError(f"function {self.func_name!r} is not allowed")
        return super().perform()


class GuardedWorker(Worker):
    """One queue, one run at a time."""

    job_class = GuardedJob
    _logged: type[Exception] | None = None
    max_connection_wait_time = 5.0  # seconds until it looks for a Redis that was away; RQ's 60 make it look dead
    device = ""  # what it trains on, "cpu" or "cuda", for whoever makes runs
    runs: RunStore | None = None  # of the jobs; a job whose run is over is dropped, and no process started
    stall_after_s: float | None = None  # without progress; None: worker/watchdog.py's default
    group: Group | None = None  # that it takes runs for; a lost attempt ends it, since the group lost a process
    has_lost_its_group = False
    _watchdog: Watchdog | None = None

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 (RQ's signature)
        return LEASE_S

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Write everything that identifies this worker: Redis may have been emptied since its birth."""
        with self._refusal_logged():
            super().heartbeat(timeout, pipeline)
            connection = self.connection if pipeline is None else pipeline
            noted = {**self.serialize(), "state": self.get_state(), DEVICE_FIELD: self.device}
            if self.group:
                noted |= {PROCESSES_FIELD: self.group.processes, HOSTS_FIELD: ",".join(self.group.hosts)}
            connection.hset(self.key, mapping=noted)
            register(self, pipeline)

    def run_maintenance_tasks(self) -> None:
        with self._refusal_logged():
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Wait for a job, and before that for a Redis that refuses: RQ would end the worker."""
        while True:
            with self._refusal_logged():
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            time.sleep(REFUSED_PAUSE_S)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """The parent's part; its log lines name the run."""
        named = parse_job_id(job.id)
        with about_run(named[0] if named else ""), self._refusal_logged():
            if named is None or self.runs is None or not is_ours(job) or claim(self.runs, *named):
                super().execute_job(job, queue)  # what the run has done is in its files; the reconciler goes by them
            else:
                self._drop(job, queue)

    def _drop(self, job: Job, queue: Queue) -> None:
        with contextlib.suppress(redis.exceptions.RedisError), self.connection.pipeline() as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            job.delete(pipeline=pipeline, remove_from_queue=False)
            pipeline.execute()

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait for the process that trains; of a group it ends with another status than 0 when an attempt is lost."""
        pid, status, usage = super().wait_for_horse()
        if self.group and status:
            self._stop_requested = self.has_lost_its_group = True
        return pid, status, usage

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        die_with_parent(self.pid)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Set handlers before torch is imported, so that no signal misses them."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in STOP_SIGNALS:
            signal.signal(number, on_stop_signal)

    def monitor_work_horse(self, job: Job, queue: Queue, execution: Execution) -> None:
        named = parse_job_id(job.id)
        if named and self.runs:
            with contextlib.suppress(RunNotFound):
                self._watchdog = Watchdog(self.runs.get(named[0]), self.stall_after_s)
        super().monitor_work_horse(job, queue, execution)
        self._watchdog = None

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        if self._watchdog and self._watchdog.is_hung():
            self._end_hung_horse(self._watchdog)
        try:
            super().maintain_heartbeats(job, execution)
        except redis.exceptions.RedisError as error:  # away, or its disk or memory is full
            self.log.warning("heartbeat skipped, redis does not take it: %s", error)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        super().fork_work_horse(job, queue)
        if self._stop_requested:  # told to end between taking the job and the fork
            self._ask_horse_to_stop()

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._ask_horse_to_stop()

    def set_shutdown_requested_date(self) -> None:
        with contextlib.suppress(redis.exceptions.RedisError):  # called in a signal handler: it must not raise
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def _refusal_logged(self) -> Iterator[None]:
        """Log once that a server answers but refuses: its memory or disk is full, or it is a replica."""
        try:
            yield
            self._logged = None
        except redis.exceptions.ResponseError as error:
            if type(error) is not self._logged:
                self.log.warning("%s; asking again every %g s", trouble_of(error).sentence, REFUSED_PAUSE_S)
            self._logged = type(error)

    def _end_hung_horse(self, watchdog: Watchdog) -> None:
        """Kill the process group, then write the event: the process may hold the run's lock."""
        self.kill_horse()
        message = f"no progress for {watchdog.still_s:.0f} s: the process that trained was killed"
        log.warning(message)
        with contextlib.suppress(RunNotFound, StoreDamaged, OSError):
            watchdog.run.log_event("action", {"action": "killed_hung", "message": message})
        self._watchdog = None

    def _ask_horse_to_stop(self) -> None:
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGUSR1)  # checkpoint, then return


def is_ours(job: Job) -> bool:
    """Return whether a job names an allowed function."""
    with contextlib.suppress(DeserializationError):
        return job.func_name in ALLOWED_FUNCTIONS
    return False


def claim(runs: RunStore, run_id: str, attempt: int) -> bool:
    """Mark a run as taken before a process starts; False if its job has nothing left to do.

    In doubt (another process seems to train the run, or its files cannot be used) the training process decides.
    """
    try:
        run = runs.get(run_id)
        with run.training_lock() as is_free:
            return not is_free or run.change(lambda now: now.begun(attempt)).status is Status.RUNNING
    except (IllegalTransition, RunNotFound) as refusal:
        log.info("attempt %d is not begun: %s", attempt, refusal)
        return False
    except (StoreDamaged, OSError) as error:
        log.warning("the run cannot be marked as taken: %s", error)
        return True


def connect(url: str) -> Redis:
    """Return a connection that waits as long as RQ wants, whatever the socket's path is.

    RQ asks the server for the connection's address. On a Unix socket that is its path, and redis-py's parser fails at
    one with white space or `=`.
    """
    connection = Redis.from_url(url)
    connection.set_response_callback("CLIENT INFO", _address)
    connection.set_response_callback("CLIENT LIST", lambda *_, **__: [])  # asked only by old servers and in vain
    return connection


def _address(reply: bytes | str, **_: object) -> dict[str, str]:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    found = ADDRESS.search(text)
    return {"addr": found[1] if found else "unknown"}
