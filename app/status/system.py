"""/queue, /workers and /status: what the service is doing, for people and dashboards. Changes nothing."""

import asyncio
import contextlib
import time

from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.routing import Router
from app.status.health import readiness, training_troubles
from app.status.metrics import count_runs
from core.errors import GanymedeError, RedisUnavailable
from core.machine.clock import timestamp
from core.queue import QueueUnavailable, trouble_of
from core.queue.snapshot import QueueSnapshot, WorkerFacts
from ganymede.schemas import VERSION
from ganymede.schemas.bodies import Page
from ganymede.schemas.states import Status
from ganymede.schemas.system import EngineBody, QueueBody, QueuedRun, StatusBody, WorkerBody

router = Router(tags=["system"])


@router.get("/queue", responses=documented(RedisUnavailable))
def read_queue(services: ServicesDep) -> QueueBody:
    """Runs that wait, in their order, and runs that a worker has; and why none of it goes on, if none does."""
    snapshot = _snapshot(services)
    return _queue(snapshot, training_troubles(services.queue), services)


@router.get("/workers", responses=documented(RedisUnavailable))
def list_workers(services: ServicesDep) -> Page[WorkerBody]:
    """Worker processes, with what they do. One that ended without a word is told for a minute or two."""
    return Page(data=_workers(_snapshot(services), services), next_cursor=None)


@router.get("/status")
async def read_status(services: ServicesDep) -> StatusBody:
    """One look at everything. Answers also while Redis is away or no model can be drawn."""
    snapshot, troubles, counts, storage = await asyncio.gather(
        run_in_threadpool(_snapshot_if_there, services),
        run_in_threadpool(training_troubles, services.queue),
        run_in_threadpool(count_runs, services.runs),
        run_in_threadpool(services.storage.read),
    )
    return StatusBody(
        version=VERSION,
        uptime_s=round(time.monotonic() - services.began_at, 3),
        readiness=await readiness(services, troubles),
        runs={status.value: count for status, count in counts.by_status.items()},
        silent_runs=counts.silent,
        queue=None if snapshot is None else await run_in_threadpool(_queue, snapshot, troubles, services),
        workers=None if snapshot is None else await run_in_threadpool(_workers, snapshot, services),
        engine=EngineBody(
            device=services.models.device,
            is_alive=services.batcher.is_alive,
            waiting_images=services.batcher.waiting,
            loaded=sorted(f"{engine.name}@{engine.version}" for engine in services.models.cache.all()),
        ),
        storage=storage,
        imports=services.imports.under_way(),
    )


def _snapshot(services: Services) -> QueueSnapshot:
    try:
        return services.queue.snapshot()
    except QueueUnavailable as error:
        why = trouble_of(error).sentence
        raise RedisUnavailable(f"{why}, and only it knows who waits and who works") from error


def _snapshot_if_there(services: Services) -> QueueSnapshot | None:
    with contextlib.suppress(RedisUnavailable):
        return _snapshot(services)
    return None


def _queue(snapshot: QueueSnapshot, troubles: list[str], services: Services) -> QueueBody:
    """Combine Redis, which knows the order, with the files, which know whether a run waits."""
    listed = [*((0, *taken) for taken in snapshot.taken), *snapshot.waiting]  # what was taken a moment ago is next
    statuses = {(run, attempt): _status(run, attempt, services) for _, run, attempt in listed}
    return QueueBody(
        waiting=[
            QueuedRun(position=position, run=run, attempt=attempt)
            for position, run, attempt in listed
            if statuses[run, attempt] is Status.QUEUED
        ],
        running=sorted(run for (run, _), status in statuses.items() if status and status.has_worker),
        degraded=troubles,
    )


def _status(run_id: str, attempt: int, services: Services) -> Status | None:
    """Return the status of a run that is at this attempt."""
    entry = services.runs.index.entry(run_id)
    return entry.status if entry is not None and entry.attempt == attempt else None


def _workers(snapshot: QueueSnapshot, services: Services) -> list[WorkerBody]:
    return [_worker(facts, services) for facts in snapshot.workers]


def _worker(facts: WorkerFacts, services: Services) -> WorkerBody:
    status = _status(facts.run, facts.attempt, services) if facts.run and facts.attempt else None
    run = facts.run if status and status.has_worker else None
    return WorkerBody(
        name=facts.name,
        host=facts.host,
        pid=facts.pid,
        state=facts.state,
        current_run=run,
        device=(_device(run, services) if run else None) or facts.device,
        processes=facts.group.processes if facts.group else 1,
        hosts=list(facts.group.hosts) if facts.group else [facts.host],
        started_at=None if facts.began_at is None else timestamp(facts.began_at),
        last_heartbeat_at=None if facts.heartbeat_at is None else timestamp(facts.heartbeat_at),
        is_alive=facts.is_alive,
    )


def _device(run_id: str, services: Services) -> str | None:
    """Return where a run trains; None before its attempt has decided."""
    with contextlib.suppress(GanymedeError):
        execution = services.runs.get(run_id).execution()
        return execution.device if execution else None
    return None
