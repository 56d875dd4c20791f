"""The life of a run: what may follow which status, what may be asked of it. Knows no files and no queue."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from core.errors import IllegalTransition
from core.machine.clock import timestamp
from core.runs.events import Event
from ganymede.schemas.diagnosis import Diagnosis, EarlyEnd, TakenRemedy
from ganymede.schemas.states import TERMINAL, Best, Failure, Published, StatePart, Status

S = Status

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

# What a client may ask of a run, and what becomes of it then; the status it has already: nothing is left to be done.
VERBS: dict[str, dict[Status, Status]] = {
    "cancel": {
        **{S.QUEUED: S.CANCELED, S.PAUSED: S.CANCELED, S.CANCELED: S.CANCELED},
        **{S.RUNNING: S.CANCELING, S.PAUSING: S.CANCELING, S.CANCELING: S.CANCELING},
    },
    "pause": {S.QUEUED: S.PAUSED, S.RUNNING: S.PAUSING, S.PAUSING: S.PAUSING, S.PAUSED: S.PAUSED},
    "resume": {S.PAUSED: S.QUEUED, S.QUEUED: S.QUEUED, S.RUNNING: S.RUNNING},
    "retry": {S.FAILED: S.QUEUED, S.CANCELED: S.QUEUED, S.QUEUED: S.QUEUED, S.RUNNING: S.RUNNING},
}
SILENT_AFTER_S, SILENT_AFTER_STEPS = 60.0, 3
DELETABLE = TERMINAL | {S.PAUSED}
SETTLED = {S.CANCELING: S.CANCELED, S.PAUSING: S.PAUSED}  # what was asked for, once nobody trains the run any longer


class Progress(StatePart):
    branch: int = 0  # another with each rollback
    step: int = 0
    total: int
    images_seen: int = 0
    images_per_second: float | None = None

    @property
    def fraction(self) -> float:
        return self.step / self.total


class Task(StatePart):
    """What a run does besides its steps, and how far it is: the classifier that it is judged by, an evaluation."""

    name: str
    done: int = 0
    total: int | None = None  # None: nobody knows
    began_at: str
    at: str  # when it was as far as that

    def eta(self) -> str | None:
        """When it will be done at the speed it has now."""
        if not self.done or self.total is None:
            return None
        began, at = (dt.datetime.fromisoformat(text) for text in (self.began_at, self.at))
        eta = began + (at - began) * (self.total / self.done)
        return eta.isoformat(timespec="seconds").replace("+00:00", "Z")


class RunState(StatePart):
    """state.json: all about a run that changes while it lives."""

    status: Status = Status.QUEUED
    phase: str | None = None
    task: Task | None = None
    attempt: int = 1
    attempts_without_checkpoint: int = 0  # attempts lost in a row without a newer checkpoint
    attempt_began_at_step: int = 0
    preempted: bool = False  # goes to the front of the queue
    asked_to_stop_at: str | None = None  # since when it is canceling or pausing
    progress: Progress
    metrics: dict[str, float | None] = Field(default_factory=dict)
    evaluation_step: int | None = None  # of which the scores in `metrics` are
    sample_step: int | None = None
    checkpoint_step: int | None = None
    diagnosis: Diagnosis | None = None
    remedies: list[TakenRemedy] = Field(default_factory=list)
    ended_early: EarlyEnd | None = None
    best: Best | None = None
    published: list[Published] = Field(default_factory=list)
    failure: Failure | None = None
    created_at: Annotated[str, Field(default_factory=timestamp)]
    started_at: str | None = None
    finished_at: str | None = None
    last_heartbeat_at: str | None = None  # written between two steps, and between two parts of a task
    step_seconds: float | None = None  # that a step takes, as last reported
    last_events: list[Event] = Field(default_factory=list)  # of the last change that had some; the log has them, too
    worked_s: float = 0.0  # by all attempts, up to the last sign of life

    @property
    def silent_from(self) -> dt.datetime | None:
        """When a run of a worker counts as standing still: a minute, or three steps, after its last sign of life."""
        if not self.status.has_worker or self.last_heartbeat_at is None:
            return None
        patience_s = max(SILENT_AFTER_S, SILENT_AFTER_STEPS * (self.step_seconds or 0.0))
        return dt.datetime.fromisoformat(self.last_heartbeat_at) + dt.timedelta(seconds=patience_s)

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

    def begun(self, attempt: int | None) -> "RunState":
        """The state once a worker has taken this attempt (None: whichever it is). One that was asked to stop before
        anything was done is settled by that; IllegalTransition where the run does not wait for this attempt."""
        if attempt not in (None, self.attempt):
            detail = f"the run is at attempt {self.attempt}; attempt {attempt} is over"
            raise IllegalTransition(self.status, S.RUNNING, sorted(TRANSITIONS[self.status]), detail)
        if self.status in SETTLED:
            return self.moved(SETTLED[self.status], phase=None)
        return self.moved(
            S.RUNNING,
            phase="preparing",
            task=None,
            preempted=False,
            started_at=self.started_at or timestamp(),
            last_heartbeat_at=timestamp(),
            attempt_began_at_step=self.checkpoint_step or 0,
        )

    def asked(self, verb: str) -> "RunState":
        """The state after one of VERBS; unchanged where nothing is left to be done, refused where it cannot be done."""
        status = VERBS[verb].get(self.status)
        if status is None:
            raise refusal(self.status, verb)
        if status is self.status:
            return self
        if status is S.QUEUED:  # by a person's wish: with patience as for a new run, and behind those who wait
            fresh = {"attempts_without_checkpoint": 0, "preempted": False, "phase": None}
            return self.moved(status, attempt=self.attempt + 1, **fresh)
        return self.moved(status)


def possible_verbs(status: Status) -> list[str]:
    """Those of VERBS that would change a run in this status."""
    return [verb for verb, table in VERBS.items() if table.get(status, status) is not status]


def refusal(status: Status, verb: str) -> IllegalTransition:
    """The error for `verb` where it cannot be done: says what can."""
    possible = [*possible_verbs(status), *(["delete"] if status in DELETABLE else [])]
    detail = f"cannot {verb} a run that is {status}; what can be done with it: {', '.join(possible) or 'nothing'}"
    return IllegalTransition(status, verb, sorted(TRANSITIONS[status]), detail)
