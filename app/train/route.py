"""/train: the collection of runs. Creating is 202: the run is on disk, and a worker will take it."""

import itertools
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.deps import ServicesDep
from app.errors import documented
from app.train.body import run_bodies, run_body
from app.train.filters import TAG_PARAMETER, ListQuery, WantedTags, fitting
from app.train.verbs import RunId, enqueue, remove_from_queue
from core.answers import Page
from core.answers.runs import RunBody
from core.errors import DatasetNotFound, IllegalTransition, InvalidRequest, RunNotFound
from core.refs import check_model_name
from core.specs import RunPatch, RunSpec
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


@router.get("", responses=documented(InvalidRequest), openapi_extra={"parameters": [TAG_PARAMETER]})
def list_runs(services: ServicesDep, query: Annotated[ListQuery, Query()], tags: WantedTags) -> Page[RunBody]:
    """Runs that fit all that is asked, newest first."""
    found = list(itertools.islice(fitting(services.runs, query, tags), query.limit + 1))
    page = run_bodies(found[: query.limit], services.queue)
    return Page(data=page, next_cursor=page[-1].id if len(found) > query.limit else None)


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
