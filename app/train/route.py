"""/train: the collection of runs. Creating is 202: the run is on disk, and a worker will take it. Knows no worker."""

import contextlib
import itertools
import re
from typing import Annotated

from fastapi import Header, Query, Response

from app.deps import Services, ServicesDep
from app.errors import documented
from app.events.webhooks.asked import subscription
from app.http.proxy import address
from app.http.routing import Router
from app.makers import AskerDep, OwnRun, check_model, held_models
from app.train.allowance import allowed
from app.train.body import RunId, run_bodies, run_body
from app.train.filters import ListQuery, WantedTags, fitting
from app.train.place import place_of_training
from app.train.verbs import enqueue, remove_from_queue
from core.datasets.manifest import DatasetManifest
from core.errors import (
    DatasetNotFound,
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    IllegalTransition,
    InvalidRequest,
    Overloaded,
    RunNotFound,
    StoreFull,
)
from core.keys import Asker
from core.keys.errors import QuotaExceeded
from core.refs import check_model_name
from core.resolved import ResolvedConfig
from core.runs import Run, new_run_id
from core.runs.idempotency import HeldKey, IdempotencyKeys
from ganymede.schemas.bodies import Page
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.runs import RunBody
from ganymede.schemas.specs import RunPatch, RunSpec
from ganymede.schemas.tasks import VersionTask
from models.initial import InitialWeights, find_initial, resolve_with
from models.sizes import CONFIGS

router = Router(prefix="/train", tags=["train"], writes=KeyScope.TRAIN, needs_files=True)

KEY_HEADER = "Idempotency-Key"
IdempotencyKey = Annotated[
    str | None,
    Header(alias=KEY_HEADER, description="A repeat with the same key, within a day, is answered with the same run."),
]

_KEY = re.compile(r"[!-~]{1,200}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


@router.post(
    "",
    status_code=202,
    responses=documented(
        InvalidRequest, IdempotencyKeyReused, IdempotencyKeyInFlight, Overloaded, QuotaExceeded, StoreFull
    ),
)
def create_run(
    spec: RunSpec, response: Response, services: ServicesDep, asker: AskerDep, idempotency_key: IdempotencyKey = None
) -> RunBody:
    """Start a training run. Only `dataset` is needed; what is left out is "auto", the recipe too."""
    if idempotency_key is None:
        run = _start(spec, services, asker)
    else:
        body = spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        with IdempotencyKeys(services.store).held(_own(parse_key(idempotency_key), asker), body) as key:
            run = _made_before(key, services) or _start(spec, services, asker, key)
    response.headers["Location"] = address(f"/train/{run.id}")
    return run_body(run, services.queue)


def parse_key(text: str) -> str:
    """Read an Idempotency-Key: a quoted string, as the standard has it, or bare, as many clients send it."""
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not _KEY.fullmatch(key) or (not quoted and key.startswith('"')):
        raise InvalidRequest.field(KEY_HEADER, "a key is 1 to 200 visible ASCII characters, perhaps in double quotes")
    return key


def _own(key: str, asker: Asker) -> str:
    """Tell the same Idempotency-Key of two askers apart; a space is in neither part."""
    return f"{asker.key.id} {key}" if asker.key else key


def _made_before(key: HeldKey, services: Services) -> Run | None:
    """Return the run that the first such request made, unless it was deleted."""
    if key.run_id is not None:
        with contextlib.suppress(RunNotFound):
            return services.runs.get(key.run_id)
    return None


def _start(spec: RunSpec, services: Services, asker: Asker, key: HeldKey | None = None) -> Run:
    """Write a run, then queue it; `key` records its id first, so that no crash can make two runs."""
    webhook = subscription(spec.webhook, "/webhook", services, asker) if spec.webhook else None
    names = [spec.model_name, *([spec.publish.classifier] if spec.publish.classifier else [])]
    try:
        with services.datasets.held(spec.dataset) as held:  # until the run is there, and keeps it
            dataset, run_id = held.manifest, new_run_id()
            resolved, init = resolve_request(spec, dataset, services, asker)
            if key is not None:
                key.record(run_id)
            with allowed(asker.key, services), held_models(names, asker, services):
                run = services.runs.create(spec, resolved, dataset, run_id, init, asker.key, webhook)
    except DatasetNotFound as error:
        raise InvalidRequest.field("/dataset", str(error)) from None
    enqueue(run, run.state(), services)
    return run


def resolve_request(
    spec: RunSpec, dataset: DatasetManifest, services: Services, asker: Asker
) -> tuple[ResolvedConfig, InitialWeights | None]:
    """Resolve a run's numbers, and the weights it starts from; InvalidRequest names each wrong field.

    ScopeMissing for a model of another key: what the run publishes would change what that draws.
    """
    name = check_model_name(spec.model_name, "/model" if spec.model else "/dataset")
    check_model(name, asker, services)
    init = find_initial(spec.init, services.registry, services.runs) if spec.init is not None else None
    resolved = resolve_with(spec, dataset, place_of_training(services).device, init)
    _check_task(name, CONFIGS[resolved.architecture].TASK, resolved.recipe, "/model", services)
    medium = services.registry.cached(name).medium
    if medium not in (None, resolved.medium):
        detail = f"{name!r} has versions of {medium}, and this run makes such of {resolved.medium}: choose another name"
        raise InvalidRequest.field("/model", detail)
    if resolved.publish_classifier is not None:
        pointer = "/publish/classifier"
        beside = check_model_name(resolved.publish_classifier, pointer)
        check_model(beside, asker, services)
        _check_task(beside, VersionTask.CLASSIFICATION, resolved.recipe, pointer, services)
    return resolved, init


def _check_task(name: str, task: str, recipe: str, pointer: str, services: Services) -> None:
    """Raise InvalidRequest where a model has versions for another task."""
    found = services.registry.cached(name).task
    if found not in (None, task):
        detail = f"{name!r} has versions for {found}, and {recipe} makes such for {task}: choose another name"
        raise InvalidRequest.field(pointer, detail)


@router.get("", responses=documented(InvalidRequest))
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
def change_run(run: OwnRun, patch: RunPatch, services: ServicesDep) -> RunBody:
    """Change name, tags or notes, in any status. What is left out stays, null removes."""
    run.annotate(patch)
    return run_body(run, services.queue)


@router.delete(
    "/{run_id}", status_code=204, response_class=Response, responses=documented(RunNotFound, IllegalTransition)
)
def delete_run(run: OwnRun, services: ServicesDep) -> None:
    """Delete a run that has ended or is paused, with all that is kept of it. What it published stays."""
    remove_from_queue(run, run.delete(), services)
