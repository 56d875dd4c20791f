"""What can be asked of a run: cancel, pause, resume, retry. core/runs/states says when. Knows no worker."""

import contextlib
import logging
from collections.abc import Iterator

from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.routing import Router
from app.makers import AskerDep, OwnRun, held_models
from app.train.allowance import allowed
from app.train.body import run_body
from core.errors import DatasetNotFound, IllegalTransition, Overloaded, RunNotFound, StoreFull
from core.keys import ANYONE, Asker
from core.keys.errors import QuotaExceeded
from core.log import about_run
from core.queue import QueueUnavailable
from core.queue.reconcile import queue_attempt
from core.runs import Run
from core.runs.states import RunState
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.runs import RunBody
from ganymede.schemas.states import Status

router = Router(prefix="/train", tags=["train"], writes=KeyScope.TRAIN, needs_files=True)

REFUSALS = documented(RunNotFound, IllegalTransition)
REFUSALS_TO_QUEUE = documented(RunNotFound, DatasetNotFound, IllegalTransition, Overloaded, QuotaExceeded, StoreFull)

log = logging.getLogger(__name__)


@router.post("/{run_id}/cancel", responses=REFUSALS)
def cancel_run(run: OwnRun, services: ServicesDep) -> RunBody:
    """End a run; a running one keeps a last checkpoint. Canceling twice is the same as once."""
    return _ask(run, "cancel", services)


@router.post("/{run_id}/pause", responses=REFUSALS)
def pause_run(run: OwnRun, services: ServicesDep) -> RunBody:
    """Let go of the worker until the run is resumed; a running one writes a checkpoint first."""
    return _ask(run, "pause", services)


@router.post("/{run_id}/resume", responses=REFUSALS_TO_QUEUE)
def resume_run(run: OwnRun, asker: AskerDep, services: ServicesDep) -> RunBody:
    """Queue a paused run again: another attempt, from its last checkpoint."""
    return _ask(run, "resume", services, asker)


@router.post("/{run_id}/retry", responses=REFUSALS_TO_QUEUE)
def retry_run(run: OwnRun, asker: AskerDep, services: ServicesDep) -> RunBody:
    """Queue a failed or canceled run again: another attempt, from its last checkpoint."""
    return _ask(run, "retry", services, asker)


def _ask(run: Run, verb: str, services: Services, asker: Asker = ANYONE) -> RunBody:
    with contextlib.ExitStack() as stack:
        if verb in ("resume", "retry") and _is_to_be_queued(run.state(), verb):
            spec = run.spec()
            stack.enter_context(_dataset_held(spec, services))
            stack.enter_context(allowed(spec.made_by, services))
            stack.enter_context(held_models(spec.models, asker, services, run.id))
        state = run.change(lambda now: now.asked(verb))
    if state.status is Status.QUEUED:
        enqueue(run, state, services)
    if state.status in (Status.CANCELED, Status.PAUSED):
        remove_from_queue(run, state, services)
    return run_body(run, services.queue)


def _is_to_be_queued(state: RunState, verb: str) -> bool:
    return state.status is not Status.QUEUED and state.asked(verb).status is Status.QUEUED


@contextlib.contextmanager
def _dataset_held(spec: StoredSpec, services: Services) -> Iterator[None]:
    """Check that the run's dataset exists, and keep it until the run is queued."""
    name, version = spec.dataset.name, spec.dataset.version
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(services.datasets.held(name, version))
        except DatasetNotFound:
            lost = f"the dataset of this run, {name} in its version {version}, is gone"
            raise DatasetNotFound(f"{lost}: import the same pictures again, or start another run") from None
        yield


def enqueue(run: Run, state: RunState, services: Services) -> None:
    """Queue the run's attempt; while Redis is away, the reconciler does it later."""
    try:
        queue_attempt(run, state, services.queue)
    except QueueUnavailable as error:
        with about_run(run.id):
            log.warning("the run is on disk, and will be queued when Redis answers: %s", error)


def remove_from_queue(run: Run, state: RunState, services: Services) -> None:
    """Remove the run's job; a job left there is harmless, because its run refuses to begin."""
    with contextlib.suppress(*QueueUnavailable):
        services.queue.remove(run.id, state.attempt)
