"""Runs on disk: `runs/<id>/` with the spec, the state, the event log. Knows no queue, no network and no HTTP.

A run exists from the moment its folder appears; every change of its state is read, checked against the table and
replaced under a short lock, so that the API, the worker and the reconciler may all try.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from core.datasets.manifest import DatasetManifest
from core.errors import IllegalTransition, RunNotFound, StoreDamaged
from core.machine.clock import timestamp
from core.network.webhooks.subscription import Subscription
from core.resolved import ResolvedConfig
from core.runs.event_log import EventLog, NewEvent, first_events, news_of
from core.runs.events import Event, events_after
from core.runs.execution import StoredExecution
from core.runs.ids import is_run_id, new_run_id
from core.runs.index import RunIndex, note_change
from core.runs.initial import Initial
from core.runs.notes import Notes
from core.runs.states import DELETABLE, TRANSITIONS, Progress, RunState, refusal
from core.runs.stored_spec import StoredSpec
from core.store import SCHEMA, Store, files
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.specs import RunPatch, RunSpec
from ganymede.schemas.states import Status

RELEASE_PATIENCE_S = 1.0  # for a worker to let go of a run that it has settled

INIT_FOLDER = "init"  # of a run: the weights that it started from

Change = Callable[[RunState], RunState]
T = TypeVar("T", bound=BaseModel)


class Run:
    """One run's folder. Cheap to make: nothing is read until it is asked for."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store, self.id = store, run_id
        self.key = f"runs/{run_id}"
        self.folder = store.path(self.key)
        self._spec: StoredSpec | None = None

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def log(self) -> EventLog:
        """To be written under the run's lock."""
        return EventLog(self.events_file)

    @property
    def metrics_file(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.txt"

    @property
    def webhook_file(self) -> Path:
        """How far its webhook is (core/network/webhooks/progress.py); there from the beginning if it has one."""
        return self.folder / "webhook.json"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def nearest(self) -> Path:
        """Sheets of fakes beside the real pictures nearest to them; there from the first evaluation on."""
        return self.folder / "nearest"

    @property
    def checkpoints(self) -> str:
        """Store key under which checkpoints are put."""
        return f"{self.key}/checkpoints"

    def spec(self) -> StoredSpec:
        """What never changes: read once."""
        try:
            self._spec = self._spec or self._read("spec.json", StoredSpec)
            return self._spec
        except ValueError:
            raise StoreDamaged(f"spec.json of {self.id} does not describe a run") from None

    def state(self) -> RunState:
        try:
            return self._read("state.json", RunState)
        except ValueError as error:
            raise StoreDamaged(f"state.json of {self.id} cannot be read: {error}") from None

    def execution(self) -> StoredExecution | None:
        """How it is computed; None before its first attempt has decided."""
        with contextlib.suppress(FileNotFoundError):
            return self.store.read_record(f"{self.key}/execution.json", StoredExecution)
        return None

    def keep_execution(self, execution: StoredExecution) -> None:
        execution.write(self.folder / "execution.json")

    def change(self, change: Change, *, durable: bool = True, news: NewEvent | None = None) -> RunState:
        """Read, change and replace the state under the run's lock; returns the new state.

        `change` raises IllegalTransition to refuse. With durable=False a power cut may undo it (progress marks).
        `news`: an event about it, unless `change` returns what it was given.
        """
        with self._locked():
            before = self.state()
            after = change(before)
            if after is before:
                return after
            added = [*news_of(before, after), *([news] if news else [])]
            if added:
                events = self.log.numbered(added, before.last_events)
                after = after.model_copy(update={"last_events": events})
            self._write(before, after, durable=durable)
            return after

    def _write(self, before: RunState, after: RunState, *, durable: bool) -> None:
        """Replace the state, then append its events; a full disk keeps neither from a change of status."""
        body = json.loads(after.model_dump_json())  # a measure that is no finite number becomes null

        def write() -> None:
            if after.status is not before.status:
                note_change(self.store, self.id)
            self.store.swap(f"{self.key}/state.json", body, durable=durable)

        is_moved = (after.status, after.attempt) != (before.status, before.attempt)
        insist = self.store.last_word if is_moved else (lambda write: write())
        insist(write)
        with contextlib.suppress(OSError):  # told() does it later
            insist(lambda: self.log.tell(after.last_events))

    def told(self) -> RunState:
        """Return the state, and append to the log what it lacks of the state's events."""
        state = self.state()
        if self.log.lacks(state.last_events):
            with self._locked():
                self.log.tell(self.state().last_events)
        return state

    def move(self, status: Status, **changes: Any) -> RunState:
        """Take one step of the table of transitions."""
        return self.change(lambda state: state.moved(status, **changes))

    def notes(self, spec: StoredSpec) -> Notes:
        """Name, tags and notes: as written since, else as asked for in `spec`."""
        try:
            stored = self.store.read(f"{self.key}/notes.json")
        except FileNotFoundError:
            stored = spec.request
        try:
            return Notes.model_validate(stored)
        except ValueError as error:
            raise StoreDamaged(f"notes.json of {self.id} cannot be read: {error}") from None

    def annotate(self, patch: RunPatch) -> Notes:
        """Change name, tags or notes, in any status."""
        with self._locked():
            notes = self.notes(self.spec()).patched(patch)
            self.store.swap(f"{self.key}/notes.json", notes.model_dump())
            return notes

    def delete(self) -> RunState:
        """Delete an ended or paused run; IllegalTransition in another status, or while a worker holds it."""
        _check_deletable(self.state())
        with self.training_lock(RELEASE_PATIENCE_S) as is_free, self._locked():
            state = self.state()
            _check_deletable(state)
            if not is_free:
                detail = f"the run is {state.status}, but its worker has not let go of it yet; try again"
                raise IllegalTransition(state.status, "deleted", sorted(TRANSITIONS[state.status]), detail)
            self.store.delete(self.key)
            return state

    def log_event(self, kind: str, data: dict[str, Any]) -> None:
        """Append to events.jsonl; ids count up from 1 without a gap."""
        with self._locked():
            with contextlib.suppress(StoreDamaged):
                self.log.tell(self.state().last_events)
            self.log.tell(self.log.numbered([NewEvent(type=kind, data=data)]))

    def events(self) -> list[Event]:
        """Read every event, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            return events_after(self.events_file, 0)
        return []

    @contextlib.contextmanager
    def training_lock(self, patience_s: float = 0.0) -> Iterator[bool]:
        """The trainer's lock, held for its life; yields False where another process trains this run.

        Patience helps against those who hold it for a moment: to look whether it is free, or after the last word.
        """
        deadline = time.monotonic() + patience_s
        while True:
            with self._while_it_exists(), files.try_lock_file(self.folder / "lock") as is_mine:
                if is_mine or time.monotonic() >= deadline:
                    yield is_mine
                    return
            time.sleep(0.05)

    def is_being_trained(self) -> bool:
        with self.training_lock() as is_free:
            return not is_free

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The short lock of the state; never makes the folder, or a deleted run would come back as an empty one."""
        with self._while_it_exists(), files.lock_file(self.folder / ".state.lock"):
            yield

    @contextlib.contextmanager
    def _while_it_exists(self) -> Iterator[None]:
        """RunNotFound for a run that is deleted, also for one deleted under the hands of who works on it."""
        self.must_exist()
        try:
            yield
        except FileNotFoundError:
            self.must_exist()
            raise

    def must_exist(self) -> None:
        """RunNotFound for a run that was deleted meanwhile."""
        if not self.folder.exists():
            raise RunNotFound(f"there is no run {self.id!r}")

    def _read(self, name: str, kind: type[T]) -> T:
        try:
            return kind.model_validate(self.store.read(f"{self.key}/{name}"))
        except FileNotFoundError:
            self.must_exist()
            raise StoreDamaged(f"run {self.id} has no {name}") from None


class RunStore:
    """All runs of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.index = RunIndex(store, self.ids, lambda run_id: Run(store, run_id).state())

    def create(
        self,
        request: RunSpec,
        resolved: ResolvedConfig,
        dataset: DatasetManifest,
        run_id: str | None = None,
        init: Initial | None = None,
        made_by: KeyRef | None = None,
        webhook: Subscription | None = None,
    ) -> Run:
        """Put a new run on disk, queued. `resolved` holds every option as it will be used; `run_id` is a new one."""
        run = Run(self.store, run_id or new_run_id())
        state = RunState(progress=Progress(total=resolved.steps), created_at=timestamp())
        spec = StoredSpec.of(request, resolved, dataset, init.facts(resolved) if init else None, made_by, webhook)

        def fill(folder: Path) -> None:
            files.write_json(folder / "spec.json", {"schema": SCHEMA, **spec.model_dump(mode="json", by_alias=True)})
            files.write_json(folder / "state.json", {"schema": SCHEMA, **state.model_dump(mode="json")})
            for event in first_events(resolved, state.created_at):
                files.append_json_line(folder / "events.jsonl", event.model_dump())
            (folder / "samples").mkdir()
            (folder / "checkpoints").mkdir()
            if init is not None:
                init.copy_to(folder)
            if webhook is not None:
                files.write_json(folder / run.webhook_file.name, {"schema": SCHEMA})

        self.store.put(run.key, fill)
        return run

    def get(self, run_id: str) -> Run:
        """The run of that id; RunNotFound also for text that is no run id."""
        if not is_run_id(run_id) or not self.store.has(f"runs/{run_id}"):
            raise RunNotFound(f"there is no run {run_id[:80]!r}")
        return Run(self.store, run_id)

    def ids(self) -> list[str]:
        """Ids of all runs, newest first."""
        return [name for name in reversed(self.store.names("runs")) if is_run_id(name)]


def _check_deletable(state: RunState) -> None:
    if state.status not in DELETABLE:
        raise refusal(state.status, "delete")
