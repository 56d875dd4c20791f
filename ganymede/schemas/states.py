"""The life of a run as a client sees it: its statuses, why it failed, what it published. Knows no files."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


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
    def has_worker(self) -> bool:
        return self in (Status.RUNNING, Status.PAUSING, Status.CANCELING)

    @property
    def wants_worker(self) -> bool:
        """Whether the run waits for a worker or for one to let go of it."""
        return self is Status.QUEUED or self.has_worker


TERMINAL = frozenset({Status.CANCELED, Status.SUCCEEDED, Status.FAILED})


class StatePart(BaseModel):
    """Part of a stored record; a field that a newer build added is kept out, not an error."""

    model_config = ConfigDict(extra="ignore")


class Failure(StatePart):
    """Why a run failed."""

    code: str
    message: str
    retryable: bool


class Published(StatePart):
    """A version that was made of a checkpoint."""

    model: str
    version: int
    step: int
    at: str


class Best(StatePart):
    """The checkpoint at which the metric that runs are judged by was best."""

    metric: str
    value: float
    branch: int
    step: int
