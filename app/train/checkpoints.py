"""/train/{run_id}/checkpoints: what a run kept, and how any of it becomes a version of a model.

Knows nothing of what is in one.
"""

import contextlib
from dataclasses import replace

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from app.catalog.body import version_body
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.proxy import address
from app.http.routing import Router
from app.makers import AskerDep, OwnRun, held_models
from app.train.body import RunId, Step
from core.errors import CheckpointNotFound, Conflict, InvalidRequest, RunNotFound, StoreDamaged, StoreFull
from core.keys import Asker
from core.refs import check_model_name
from core.runs import Run
from core.runs.checkpoints import Checkpoint, find_checkpoint, list_checkpoints, note_published, publication
from core.store.files import folder_size
from ganymede.schemas.bodies import Page
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import VersionBody
from ganymede.schemas.runs import CheckpointBody
from ganymede.schemas.specs import PublishRequest
from ganymede.schemas.states import Published
from models.publish import publish_folder

router = Router(prefix="/train/{run_id}/checkpoints", tags=["train"], writes=KeyScope.MODELS_WRITE, needs_files=True)


@router.get("", responses=documented(RunNotFound))
def list_run_checkpoints(run_id: RunId, services: ServicesDep) -> Page[CheckpointBody]:
    """The checkpoints of a run, newest first. A run keeps its newest few."""
    run = services.runs.get(run_id)
    published = run.state().published
    page: list[CheckpointBody] = []
    for checkpoint in list_checkpoints(run):
        with contextlib.suppress(CheckpointNotFound, StoreDamaged):  # deleted meanwhile, or never to be used
            page.append(_body(checkpoint, published, services))
    return Page(data=page, next_cursor=None)


@router.post(
    "/{step}/publish",
    status_code=201,
    responses={
        200: {"model": VersionBody, "description": "It had been published under this name before."},
        **documented(RunNotFound, CheckpointNotFound, InvalidRequest, Conflict, StoreDamaged, StoreFull),
    },
)
async def publish_checkpoint(
    run: OwnRun,
    step: Step,
    response: Response,
    services: ServicesDep,
    asker: AskerDep,
    request: PublishRequest | None = None,
) -> VersionBody:
    """Make a version of a checkpoint, also while its run trains. The run's own retention leaves it alone."""
    model, version, is_new = await run_in_threadpool(_publish, run, step, request or PublishRequest(), services, asker)
    await services.models.announce(model)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = address(f"/models/{model}/versions/{version}")
    return await run_in_threadpool(version_body, model, version, services)


def _publish(run: Run, step: str, request: PublishRequest, services: Services, asker: Asker) -> tuple[str, int, bool]:
    model = check_model_name(request.model, "/model") if request.model else run.spec().model
    checkpoint = find_checkpoint(run, step)
    services.storage.check_room(folder_size(checkpoint.generator))
    try:
        with held_models([model], asker, services, run.id):
            version, is_new = publish_folder(services.registry, model, checkpoint.generator, by_hand=True, asker=asker)
    except (StoreDamaged, FileNotFoundError):
        checkpoint.must_exist()  # the trainer deletes old ones while we read
        raise
    note_published(run, publication(model, version, checkpoint.step))
    return model, version, is_new


def _body(checkpoint: Checkpoint, published: list[Published], services: Services) -> CheckpointBody:
    manifest = checkpoint.manifest()
    path = address(f"/train/{checkpoint.run.id}/checkpoints/{checkpoint}")
    return CheckpointBody(
        images_seen=manifest.images_seen,
        digest=manifest.digest,
        metrics=manifest.metrics,
        created_at=manifest.created_at,
        step=checkpoint.step,
        branch=checkpoint.branch,
        bytes=checkpoint.size(),
        published=[entry for entry in published if _is_of(checkpoint, entry, services)],
        links={"publish": f"{path}/publish", "run": address(f"/train/{checkpoint.run.id}")},
    )


def _is_of(checkpoint: Checkpoint, published: Published, services: Services) -> bool:
    """Return whether this checkpoint became that version; a step alone does not name the branch."""
    if published.step != checkpoint.step:
        return False
    with contextlib.suppress(StoreDamaged):
        known = services.registry.pointers(published.model).published
        keys = (checkpoint.key, replace(checkpoint.key, again=True))
        return published.version in [known.get(str(key)) for key in keys]
    return False
