"""The life of a run: its statuses, what may follow what, and the record kept of it. Knows no files and no queue."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.errors import IllegalTransition
from core.registry import timestamp


class Status(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELING = "canceling"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def wants_worker(self) -> bool:
        """Whether the run waits for a worker or for one to let go of it."""
        return self in (Status.QUEUED, Status.RUNNING, Status.PAUSING, Status.CANCELING)


S = Status
TERMINAL = frozenset({S.CANCELED, S.SUCCEEDED, S.FAILED})

# The whole table; any other step is refused. A status may always be followed by itself.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    S.QUEUED: frozenset({S.RUNNING, S.CANCELED, S.PAUSED, S.FAILED}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.CANCELING, S.PAUSING, S.PAUSED, S.QUEUED}),
    S.PAUSING: frozenset({S.PAUSED, S.CANCELING, S.SUCCEEDED, S.FAILED}),
    S.PAUSED: frozenset({S.QUEUED, S.CANCELED}),
    S.CANCELING: frozenset({S.CANCELED, S.SUCCEEDED, S.FAILED}),
    S.CANCELED: frozenset({S.QUEUED}),
    S.FAILED: frozenset({S.QUEUED}),
    S.SUCCEEDED: frozenset(),
}


class Record(BaseModel):
    """Part of a stored record; a field that a newer build added is kept out, not an error."""

    model_config = ConfigDict(extra="ignore")


class Progress(Record):
    step: int = 0
    total: int
    images_seen: int = 0
    images_per_second: float | None = None

    @property
    def fraction(self) -> float:
        return self.step / self.total


class Failure(Record):
    code: str
    message: str
    retryable: bool


class Published(Record):
    model: str
    version: int
    step: int
    at: str


class RunState(Record):
    """state.json: all about a run that changes while it lives."""

    status: Status = Status.QUEUED
    phase: str | None = None
    attempt: int = 1
    attempts_without_checkpoint: int = 0  # attempts lost in a row without a newer checkpoint
    attempt_began_at_step: int = 0
    preempted: bool = False  # goes to the front of the queue
    asked_to_stop_at: str | None = None  # since when it is canceling or pausing
    progress: Progress
    metrics: dict[str, float | None] = Field(default_factory=dict)
    sample_step: int | None = None
    checkpoint_step: int | None = None
    published: list[Published] = Field(default_factory=list)
    failure: Failure | None = None
    created_at: Annotated[str, Field(default_factory=timestamp)]
    started_at: str | None = None
    finished_at: str | None = None
    last_heartbeat_at: str | None = None

    def moved(self, status: Status, **changes: Any) -> "RunState":
        """The state after a step of the table; IllegalTransition names what would be allowed."""
        if status is not self.status and status not in TRANSITIONS[self.status]:
            raise IllegalTransition(self.status, status, sorted(TRANSITIONS[self.status]))
        if status.is_terminal and not self.status.is_terminal:
            changes = {"finished_at": timestamp(), "phase": None, **changes}
        if status in (S.CANCELING, S.PAUSING) and status is not self.status:
            changes = {"asked_to_stop_at": timestamp(), **changes}
        if self.status.is_terminal and not status.is_terminal:
            changes = {"finished_at": None, "failure": None, "attempts_without_checkpoint": 0, **changes}
        return self.model_copy(update={"status": status, **changes})
