"""/livez and /readyz: whether the process is alive, and whether it can draw. Waits for Redis half a second."""

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.http.routing import Router
from core.errors import GanymedeError
from core.queue import QueueUnavailable, TrainQueue, trouble_of
from core.refs import parse_model_ref
from ganymede.schemas.system import Alive, Readiness

NO_WORKER = "workers: none is alive, so runs wait"

router = Router(tags=["health"], reads=None)


@router.get("/livez")
async def livez() -> Alive:
    """200 while the process answers at all."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(response: Response, services: ServicesDep) -> Readiness:
    """200 while the default model can be drawn; 503 without a model, with a dead engine, or while draining."""
    body = await readiness(services, await run_in_threadpool(training_troubles, services.queue))
    if body.reason is not None:
        response.status_code = 503
    return body


def training_troubles(queue: TrainQueue) -> list[str]:
    """Say what keeps runs from training: Redis, or else missing workers."""
    trouble = queue.trouble()
    if trouble is not None:
        return [str(trouble)]
    try:
        return [] if queue.has_worker() else [NO_WORKER]
    except QueueUnavailable as error:
        return [str(trouble_of(error))]


async def readiness(services: Services, troubles: list[str]) -> Readiness:
    keys = services.keyring.trouble
    audit = services.audit.trouble
    own = [f"{name}: {why}" for name, why in (("keys", keys), ("audit", audit)) if why]
    degraded = [*own, *services.keeper.troubles, *troubles, *services.models.degraded]
    reason, model = await _drawable(services)
    status = "ready" if reason is None else "not_ready"
    return Readiness(status=status, reason=reason, model=model, degraded=degraded)


async def _drawable(services: Services) -> tuple[str | None, str | None]:
    """Return why the default model cannot be drawn (None if it can), and what it means now."""
    if services.draining.is_set():
        return "draining", None
    if not services.batcher.is_alive:
        return "the engine is not running", None
    try:
        engine = await services.models.engine(parse_model_ref(services.settings.default_model), is_urgent=True)
    except GanymedeError as error:
        return str(error), None
    return None, f"{engine.name}@{engine.version}"
