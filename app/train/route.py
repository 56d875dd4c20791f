"""/train: the collection of runs. Creating is 202: the run is on disk, and a worker will take it."""

import contextlib
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.deps import ServicesDep
from app.errors import documented
from app.train.body import run_body
from app.train.verbs import RunId, enqueue, remove_from_queue
from core.answers import Page
from core.answers.runs import RunBody
from core.errors import DatasetNotFound, IllegalTransition, InvalidRequest, RunNotFound, StoreDamaged
from core.refs import check_model_name
from core.runs import Run, is_run_id
from core.specs import RunPatch, RunSpec, StrictModel
from core.states import Status
from models.recipes import resolve

router = APIRouter(prefix="/train", tags=["train"])


@router.post("", status_code=202, responses=documented(InvalidRequest))
def create_run(spec: RunSpec, response: Response, services: ServicesDep) -> RunBody:
    """Start a training run. Only `recipe` and `dataset` are needed; what is left out is "auto"."""
    check_model_name(spec.model_name, "/model" if spec.model else "/dataset")
    try:
        dataset = services.datasets.get(spec.dataset).manifest
    except DatasetNotFound as error:
        raise InvalidRequest.field("/dataset", str(error)) from None
    resolved = resolve(spec, dataset)
    run = services.runs.create(spec, resolved, dataset)
    enqueue(run, run.state(), services)
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


@router.get("/{run_id}", responses=documented(RunNotFound))
def read_run(run_id: RunId, services: ServicesDep) -> RunBody:
    """One run: status, progress, newest numbers, what it published."""
    return run_body(services.runs.get(run_id), services.queue)


@router.patch("/{run_id}", responses=documented(RunNotFound, InvalidRequest))
def change_run(run_id: RunId, patch: RunPatch, services: ServicesDep) -> RunBody:
    """Change name, tags or notes, in any status. What is left out stays, null removes."""
    run = services.runs.get(run_id)
    run.annotate(patch)
    return run_body(run, services.queue)


@router.delete("/{run_id}", status_code=204, responses=documented(RunNotFound, IllegalTransition))
def delete_run(run_id: RunId, services: ServicesDep) -> None:
    """Delete a run that has ended or is paused, with all that is kept of it. What it published stays."""
    run = services.runs.get(run_id)
    remove_from_queue(run, run.delete(), services)
