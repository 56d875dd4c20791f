"""A run as a client names and sees it. Knows the files' records, no request."""

import contextlib
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path

from app.http.proxy import address
from core.machine.clock import has_passed, timestamp
from core.queue import QueueUnavailable, TrainQueue, job_id
from core.runs import Run
from core.runs.execution import StoredExecution
from core.runs.notes import Notes
from core.runs.states import RunState, possible_verbs
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.references import LATEST
from ganymede.schemas.runs import RUN_ID, LatestBody, ProgressBody, QueuePlace, RunBody, TaskBody
from ganymede.schemas.states import Status

RunId = Annotated[str, Path(max_length=100, description="Id of a run.", examples=[RUN_ID])]
Step = Annotated[
    str,
    Path(
        max_length=40,
        description=f"A step (of the newest branch that has it), BRANCH-STEP, or `{LATEST}`.",
        examples=["200", "0-200", LATEST],
    ),
]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of a run, read at one moment."""

    run: Run
    spec: StoredSpec
    state: RunState
    notes: Notes
    execution: StoredExecution | None


def run_body(run: Run, queue: TrainQueue | None) -> RunBody:
    """Read a run from disk; ask `queue`, if given, for its place."""
    spec, state = run.spec(), run.state()
    files = RunFiles(run, spec, state, run.notes(spec), run.execution())
    return _body(files, _position(run, state, queue))


def run_bodies(runs: Sequence[RunFiles], queue: TrainQueue) -> list[RunBody]:
    """Read many runs, and ask the queue once, or not at all if none waits."""
    positions: dict[str, int] = {}
    if any(files.state.status is Status.QUEUED for files in runs):
        with contextlib.suppress(*QueueUnavailable):
            positions = queue.positions()
    return [_body(files, positions.get(job_id(files.run.id, files.state.attempt))) for files in runs]


def _body(files: RunFiles, position: int | None) -> RunBody:
    run, spec, state, execution = files.run, files.spec, files.state, files.execution
    return RunBody(
        id=run.id,
        **files.notes.model_dump(include={"name", "tags", "notes"}),
        recipe=spec.recipe,
        recipe_reason=spec.recipe_reason,
        dataset=spec.asked_for,
        model=spec.model,
        status=state.status,
        is_terminal=state.status.is_terminal,
        phase=state.phase,
        attempt=state.attempt,
        queue=QueuePlace(position=position if state.status is Status.QUEUED else None),
        init=spec.init,
        config=spec.options,
        resolved=spec.resolved_as_stored,
        execution=execution.model_dump(exclude_unset=True) if execution else None,
        progress=progress_of(state),
        eta_at=eta_of(state),
        task=task_of(state),
        latest=_latest(run.id, state),
        diagnosis=state.diagnosis,
        stop=spec.stop,
        limits=spec.limits,
        webhook=spec.webhook_spec,
        publish=spec.publish,
        remedies=state.remedies,
        ended_early=state.ended_early if state.status is Status.SUCCEEDED else None,
        best=state.best,
        failure=state.failure if state.status is Status.FAILED else None,
        published=state.published,
        made_by=spec.made_by,
        created_at=state.created_at,
        started_at=state.started_at,
        finished_at=state.finished_at if state.status.is_terminal else None,
        last_heartbeat_at=state.last_heartbeat_at,
        links=_links(run.id, spec.model, state.status),
    )


def progress_of(state: RunState) -> ProgressBody:
    """Return the progress; a run that stands still has speed 0, not its last speed."""
    progress = state.progress
    if has_passed(state.silent_from):
        progress = progress.model_copy(update={"images_per_second": 0.0})
    return ProgressBody(fraction=progress.fraction, **progress.model_dump())


def _latest(run_id: str, state: RunState) -> LatestBody:
    url = None if state.sample_step is None else address(f"/train/{run_id}/samples/{state.sample_step}")
    newest = state.model_dump(include={"metrics", "evaluation_step", "sample_step", "checkpoint_step"})
    return LatestBody(sample_url=url, **newest)


def _links(run_id: str, model: str, status: Status) -> dict[str, str]:
    """Return the addresses related to a run, and the actions that its status allows."""
    here = address(f"/train/{run_id}")
    parts = ("events", "metrics", "samples", "checkpoints", "log", *possible_verbs(status))
    return {"self": here, **{part: f"{here}/{part}" for part in parts}, "model": address(f"/models/{model}")}


def _position(run: Run, state: RunState, queue: TrainQueue | None) -> int | None:
    if state.status is Status.QUEUED and queue is not None:
        with contextlib.suppress(*QueueUnavailable):
            return queue.position(run.id, state.attempt)
    return None


def eta_of(state: RunState) -> str | None:
    """Predict the end at the present speed, counted from the last sign of life."""
    progress = state.progress
    if state.status is not Status.RUNNING or not progress.images_per_second or not progress.step:
        return None
    images_left = (progress.total - progress.step) * progress.images_seen / progress.step
    since = dt.datetime.fromisoformat(state.last_heartbeat_at or timestamp())
    eta = since + dt.timedelta(seconds=images_left / progress.images_per_second)
    return eta.isoformat(timespec="seconds").replace("+00:00", "Z")


def task_of(state: RunState) -> TaskBody | None:
    """Return the task besides the steps; None once the attempt is over."""
    task = state.task
    if task is None or not state.status.has_worker:
        return None
    fraction = task.done / task.total if task.total else None
    return TaskBody(name=task.name, done=task.done, total=task.total, fraction=fraction, eta_at=task.eta())
