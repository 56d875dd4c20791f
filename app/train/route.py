"""/train: the collection of runs. Creating is 202: the run is on disk, and a worker will take it."""

import contextlib
import logging
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.deps import Services, ServicesDep
from app.train.body import run_body
from core.answers import Page
from core.answers.runs import RUN_ID, RunBody
from core.errors import DatasetNotFound, IllegalTransition, InvalidRequest, RunNotFound, StoreDamaged
from core.log import about_run
from core.queue import QueueUnavailable
from core.refs import check_model_name
from core.runs import Run, is_run_id
from core.specs import RunSpec, StrictModel
from core.states import TRANSITIONS, RunState, Status
from models.recipes import resolve

router = APIRouter(prefix="/train", tags=["train"])

RunId = Annotated[str, Path(max_length=100, description="Id of a run.", examples=[RUN_ID])]

log = logging.getLogger(__name__)


@router.post("", status_code=202, responses={422: {"description": "`invalid_request`"}})
def create_run(spec: RunSpec, response: Response, services: ServicesDep) -> RunBody:
    """Start a training run. Only `recipe` and `dataset` are needed; what is left out is "auto"."""
    check_model_name(spec.model_name, "/model" if spec.model else "/dataset")
    try:
        dataset = services.datasets.get(spec.dataset).manifest
    except DatasetNotFound as error:
        raise InvalidRequest.field("/dataset", str(error)) from None
    resolved = resolve(spec, dataset)
    run = services.runs.create(spec, resolved, dataset)
    try:
        services.queue.enqueue(run.id, attempt=1)
    except QueueUnavailable as error:
        with about_run(run.id):
            log.warning("the run is on disk, and will be queued when Redis answers: %s", error)
    response.headers["Location"] = f"/train/{run.id}"
    return run_body(run, services.queue)


class ListQuery(StrictModel):
    """The query parameters of `GET /train`."""

    status: Status | None = Field(None, description="Only runs in this status.")
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of the page before.")


@router.get("")
def list_runs(services: ServicesDep, query: Annotated[ListQuery, Query()]) -> Page[RunBody]:
    """All runs, newest first."""
    status, limit, cursor = query.status, query.limit, query.cursor
    if cursor is not None and not is_run_id(cursor):
        raise InvalidRequest.field("cursor", "not a cursor of this list")
    page: list[RunBody] = []
    for run_id in services.runs.ids():
        if cursor is not None and run_id >= cursor:
            continue
        if len(page) == limit:
            return Page(data=page, next_cursor=page[-1].id)
        with contextlib.suppress(RunNotFound, StoreDamaged):  # deleted meanwhile, or told by GET /train/{id}
            run = Run(services.store, run_id)
            if status is None or run.state().status is status:
                page.append(run_body(run, None))
    return Page(data=page, next_cursor=None)


@router.get("/{run_id}", responses={404: {"description": "`run_not_found`"}})
def read_run(run_id: RunId, services: ServicesDep) -> RunBody:
    """One run: status, progress, newest numbers, what it published."""
    return run_body(services.runs.get(run_id), services.queue)


@router.post(
    "/{run_id}/cancel",
    responses={404: {"description": "`run_not_found`"}, 409: {"description": "`illegal_transition`"}},
)
def cancel_run(run_id: RunId, services: ServicesDep) -> RunBody:
    """End a run; a running one keeps a last checkpoint. Canceling twice is the same as once."""
    run = services.runs.get(run_id)
    state = run.change(_canceled)
    if state.status is Status.CANCELED:
        _remove_from_queue(run, state, services)
    return run_body(run, services.queue)


def _canceled(state: RunState) -> RunState:
    if state.status in (Status.CANCELING, Status.CANCELED):
        return state
    if state.status in (Status.RUNNING, Status.PAUSING):
        return state.moved(Status.CANCELING)
    if state.status in (Status.QUEUED, Status.PAUSED):
        return state.moved(Status.CANCELED)
    raise IllegalTransition(state.status, Status.CANCELED, sorted(TRANSITIONS[state.status]))


def _remove_from_queue(run: Run, state: RunState, services: Services) -> None:
    """A job that stays there is harmless: its run refuses to begin."""
    with contextlib.suppress(*QueueUnavailable):
        services.queue.remove(run.id, state.attempt)
