"""A run as a client sees it. Knows the files' records, no request."""

import contextlib
import datetime as dt
from typing import Any

from pydantic import BaseModel, Field

from core.queue import QueueUnavailable, TrainQueue
from core.registry import timestamp
from core.runs import Run
from core.states import Failure, Published, RunState, Status


class ProgressBody(BaseModel):
    step: int
    total: int
    fraction: float = Field(ge=0, le=1)
    images_seen: int
    images_per_second: float | None


class QueueBody(BaseModel):
    position: int | None = Field(description="Runs before this one; null when it does not wait, or Redis is away.")


class LatestBody(BaseModel):
    metrics: dict[str, float | None]
    sample_step: int | None
    checkpoint_step: int | None


class RunBody(BaseModel):
    """One training run."""

    id: str = Field(examples=["run_0192f1c7a4e1b2c3d4e5"])
    name: str | None
    recipe: str
    dataset: str
    model: str = Field(description="The model it publishes under.")
    status: Status
    is_terminal: bool
    phase: str | None
    attempt: int
    queue: QueueBody
    config: dict[str, Any] = Field(description="As asked.")
    resolved: dict[str, Any] = Field(description="As used.")
    execution: dict[str, Any] | None = Field(description="How it is computed; null before the first attempt.")
    progress: ProgressBody
    eta_at: str | None
    latest: LatestBody
    failure: Failure | None
    published: list[Published]
    created_at: str
    started_at: str | None
    finished_at: str | None
    last_heartbeat_at: str | None
    links: dict[str, str]


class RunList(BaseModel):
    data: list[RunBody]
    next_cursor: str | None


def run_body(run: Run, queue: TrainQueue | None) -> RunBody:
    """Read a run from disk; its place in the queue is asked of `queue`, if given."""
    spec, state = run.spec(), run.state()
    request = spec["request"]
    return RunBody(
        id=run.id,
        name=request.get("name"),
        recipe=request["recipe"],
        dataset=request["dataset"],
        model=spec["model"],
        status=state.status,
        is_terminal=state.status.is_terminal,
        phase=state.phase,
        attempt=state.attempt,
        queue=QueueBody(position=_position(run, state, queue)),
        config=request.get("config", {}),
        resolved=spec["resolved"],
        execution=_execution(run),
        progress=ProgressBody(fraction=state.progress.fraction, **state.progress.model_dump()),
        eta_at=_eta(state),
        latest=LatestBody(metrics=state.metrics, sample_step=state.sample_step, checkpoint_step=state.checkpoint_step),
        failure=state.failure if state.status is Status.FAILED else None,
        published=state.published,
        created_at=state.created_at,
        started_at=state.started_at,
        finished_at=state.finished_at if state.status.is_terminal else None,
        last_heartbeat_at=state.last_heartbeat_at,
        links={"self": f"/train/{run.id}", "cancel": f"/train/{run.id}/cancel", "model": f"/models/{spec['model']}"},
    )


def _position(run: Run, state: RunState, queue: TrainQueue | None) -> int | None:
    if state.status is Status.QUEUED and queue is not None:
        with contextlib.suppress(*QueueUnavailable):
            return queue.position(run.id, state.attempt)
    return None


def _execution(run: Run) -> dict[str, Any] | None:
    with contextlib.suppress(FileNotFoundError):
        stored = run.store.read(f"{run.key}/execution.json")
        return {key: value for key, value in stored.items() if key != "schema"}
    return None


def _eta(state: RunState) -> str | None:
    """When it will be done at the speed it has now, counted from its last sign of life."""
    progress = state.progress
    if state.status is not Status.RUNNING or not progress.images_per_second or not progress.step:
        return None
    images_left = (progress.total - progress.step) * progress.images_seen / progress.step
    since = dt.datetime.fromisoformat(state.last_heartbeat_at or timestamp())
    eta = since + dt.timedelta(seconds=images_left / progress.images_per_second)
    return eta.isoformat(timespec="seconds").replace("+00:00", "Z")
