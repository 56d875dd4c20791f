"""/queue, /workers and /status: what the service is doing, for people and dashboards. Changes nothing."""

import asyncio
import contextlib
import time

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.errors import documented
from app.health import readiness
from core import VERSION
from core.answers import Page
from core.answers.system import EngineBody, QueueBody, QueuedRun, StatusBody, WorkerBody
from core.errors import GanymedeError, QueueAway
from core.queue import Look, QueueUnavailable, WorkerNote
from core.registry import timestamp

ALIVE_FOR_S = 60.0  # after a heartbeat; an idle worker's are 45 s apart

router = APIRouter(tags=["system"])


@router.get("/queue", responses=documented(QueueAway))
def read_queue(services: ServicesDep) -> QueueBody:
    """Runs that wait, in their order, and runs that a worker has."""
    return _queue(_look(services))


@router.get("/workers", responses=documented(QueueAway))
def list_workers(services: ServicesDep) -> Page[WorkerBody]:
    """Worker processes, with what they do. One that ended without a word is told for a minute or two."""
    return Page(data=_workers(_look(services), services), next_cursor=None)


@router.get("/status")
async def read_status(services: ServicesDep) -> StatusBody:
    """One look at everything. Answers also while Redis is away or no model can be drawn."""
    look, counts, storage, loaded = await asyncio.gather(
        run_in_threadpool(_look_if_there, services),
        run_in_threadpool(services.census.count),
        run_in_threadpool(services.storage.read),
        run_in_threadpool(_loaded, services),
    )
    return StatusBody(
        version=VERSION,
        uptime_s=round(time.monotonic() - services.began_at, 3),
        readiness=await readiness(services, is_redis_there=look is not None),
        runs={status.value: count for status, count in counts.by_status.items()},
        queue=None if look is None else _queue(look),
        workers=None if look is None else await run_in_threadpool(_workers, look, services),
        engine=EngineBody(
            device=services.models.device,
            is_alive=services.batcher.is_alive,
            waiting_images=services.batcher.waiting,
            loaded=loaded,
        ),
        storage=storage,
    )


def _look(services: Services) -> Look:
    try:
        return services.queue.look()
    except QueueUnavailable as error:
        raise QueueAway("Redis does not answer, and only it knows who waits and who works") from error


def _look_if_there(services: Services) -> Look | None:
    with contextlib.suppress(*QueueUnavailable):
        return services.queue.look()
    return None


def _queue(look: Look) -> QueueBody:
    waiting = [QueuedRun(position=position, run=run, attempt=attempt) for position, run, attempt in look.waiting]
    return QueueBody(waiting=waiting, running=look.running)


def _workers(look: Look, services: Services) -> list[WorkerBody]:
    return [_worker(note, services) for note in look.workers]


def _worker(note: WorkerNote, services: Services) -> WorkerBody:
    is_alive = note.heartbeat_at is not None and time.time() - note.heartbeat_at < ALIVE_FOR_S
    return WorkerBody(
        name=note.name,
        host=note.host,
        pid=note.pid,
        state=note.state,
        current_run=note.run,
        device=_device(note.run, services) if note.run else None,
        started_at=None if note.began_at is None else timestamp(note.began_at),
        last_heartbeat_at=None if note.heartbeat_at is None else timestamp(note.heartbeat_at),
        is_alive=is_alive,
    )


def _device(run_id: str, services: Services) -> str | None:
    """Where a run is computed; None before its attempt has decided."""
    with contextlib.suppress(GanymedeError):
        device = (services.runs.get(run_id).execution() or {}).get("device")
        return device if isinstance(device, str) else None
    return None


def _loaded(services: Services) -> list[str]:
    models = services.models
    return [f"{name}@{version}" for name in services.registry.names() for version in models.loaded(name)]
