"""POST /train/{run_id}/probe: what the discriminator of a checkpoint knows of the classes. Knows no features.

It is computed by a process of its own (worker/linear_probe), one at a time, which is ended when nobody waits for it.
"""

import asyncio
import contextlib
import json
from typing import Annotated

from fastapi import Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.hang_up import unless_gone
from app.http.routing import Router
from app.makers import OwnRun
from core.errors import (
    CheckpointNotFound,
    DatasetNotFound,
    GanymedeError,
    GenerationTimeout,
    InvalidRequest,
    RunNotFound,
    StoreDamaged,
)
from core.machine.processes import python_module
from core.runs.checkpoints import Checkpoint, find_checkpoint
from ganymede.schemas.classification import LinearProbeBody, LinearProbeScores
from ganymede.schemas.keys import KeyScope

PROCESS = "worker.linear_probe"  # named as text: the API never imports the worker
WITHIN_S = 120.0

router = Router(prefix="/train/{run_id}", tags=["train"], writes=KeyScope.TRAIN, needs_files=True)

_turn = asyncio.Semaphore(1)


@router.post(
    "/probe",
    responses=documented(
        RunNotFound, CheckpointNotFound, DatasetNotFound, InvalidRequest, StoreDamaged, GenerationTimeout
    ),
)
async def probe_run(
    run: OwnRun,
    request: Request,
    services: ServicesDep,
    step: Annotated[str, Query(max_length=40, description="STEP, BRANCH-STEP or latest.")] = "latest",
) -> LinearProbeBody:
    """Have a linear classifier learn from what the layers of a checkpoint's discriminator make of the dataset's
    pictures, and test it. It takes seconds, two minutes at most; nothing is kept."""
    checkpoint = await run_in_threadpool(find_checkpoint, run, step)
    await run_in_threadpool(_must_have_pictures, checkpoint, services)
    scores = await unless_gone(request, _scores(checkpoint, services), "the probe")
    return LinearProbeBody(**dict(scores), run=run.id, branch=checkpoint.branch, step=checkpoint.step)


def _must_have_pictures(checkpoint: Checkpoint, services: Services) -> None:
    """Raise what is wrong with a checkpoint or with the dataset that its run learnt from."""
    checkpoint.must_exist()
    facts = checkpoint.run.spec().dataset
    services.datasets.get(facts.name, facts.version)


async def _scores(checkpoint: Checkpoint, services: Services) -> LinearProbeScores:
    """Return what the process says; it is ended with this task."""
    try:
        async with asyncio.timeout(WITHIN_S), _turn:
            said = await _said(checkpoint)
    except TimeoutError:
        raise GenerationTimeout(f"the features were not probed within {WITHIN_S:g} s") from None
    try:
        return LinearProbeScores.model_validate_json(said)
    except ValidationError:
        told = json.loads(said) if said else {"failed": "its process ended without an answer"}
    if "refused" in told:
        raise InvalidRequest(told["refused"])
    await run_in_threadpool(_must_have_pictures, checkpoint, services)  # deleted meanwhile?
    raise GanymedeError(f"checkpoint {checkpoint} could not be probed: {told['failed']}")


async def _said(checkpoint: Checkpoint) -> bytes:
    pipe = asyncio.subprocess.PIPE
    command = python_module(PROCESS, checkpoint.run.store.root, checkpoint.run.id, str(checkpoint))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        return await process.stdout.readline()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
