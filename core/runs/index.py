"""Which runs there are and where each stands, without reading those again that did not change. Knows no queue.

Whoever changes the status of a run appends its id to `runs/.changes` first, under the lock of that run. Who keeps an
index reads what was appended since, and those runs. Runs that want a worker change without such a line, too: a look at
the times of their files tells. Before the first look all are read once.
"""

import contextlib
import datetime as dt
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from core.errors import GanymedeError
from core.runs.event_log import EventLog
from core.runs.states import RunState
from core.runs.stored_spec import StoredSpec
from core.store import Store, files
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.states import Status

CHANGES = "runs/.changes"
SURE_AFTER_NS = 2_000_000_000  # a folder whose time is younger may change within the same tick of the clock

Mark = tuple[int, int, int]  # time, inode and size: every replacement of a file has another


def note_change(store: Store, run_id: str) -> None:
    """Note that a run is about to change its status."""
    descriptor = os.open(store.path(CHANGES), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        files.append_whole(descriptor, f"\n{run_id}\n".encode())  # its own line, also behind one that was cut short
    finally:
        os.close(descriptor)


class RunFacts(NamedTuple):
    """What never changes about a run."""

    dataset: str
    recipe: str
    models: tuple[str, ...]  # it publishes under: that of its drawings first
    made_by: KeyRef | None

    @classmethod
    def of(cls, spec: StoredSpec) -> "RunFacts":
        return cls(spec.asked_for, spec.recipe, spec.models, spec.made_by)


@dataclass(slots=True)
class IndexedRun:
    """A run as it was last read; no state: it is damaged, and is read again when its file changes."""

    mark: Mark | None
    status: Status | None = None
    attempt: int = 0
    images_per_second: float = 0.0
    facts: RunFacts | None = None
    ended_early: bool = False
    silent_from: dt.datetime | None = None  # RunState.silent_from
    lacks_events: bool = False  # its log does: somebody has to append them

    @property
    def is_resting(self) -> bool:
        return self.status is not None and not self.status.wants_worker and not self.lacks_events


class RunIndex:
    """An index of one store's runs. Safe for several threads."""

    def __init__(self, store: Store, list_ids: Callable[[], list[str]], read: Callable[[str], RunState]) -> None:
        self._store, self._list_ids, self._read = store, list_ids, read
        self._entries: dict[str, IndexedRun] = {}
        self._active: set[str] = set()  # those whose files are looked at each time
        self._pending: set[str] = set()  # those to be read
        self._ids: list[str] = []
        self._listed: tuple[int, bool] | None = None  # time of the folder then, and whether that is sure
        self._changes: BinaryIO | None = None  # held open: a list that takes its place cannot have its inode
        self._close: Callable[[], object] = lambda: None
        self._place: int | None = None  # how far it was read
        self._lock = threading.RLock()

    def ids(self) -> list[str]:
        """All runs, newest first."""
        with self._lock:
            self._list()
            return self._ids

    def active(self) -> list[str]:
        """Return runs that want a worker, and damaged ones, oldest first."""
        with self._lock:
            self._refresh()
            return sorted(self._active)

    def entries(self) -> dict[str, IndexedRun]:
        with self._lock:
            self._refresh()
            return dict(self._entries)

    def entry(self, run_id: str) -> IndexedRun | None:
        """Return one run, by its file; None if there is none of that id."""
        with self._lock, contextlib.suppress(FileNotFoundError):
            self._look(run_id)
            return self._entries.get(run_id)
        return None

    def facts(self, run_id: str, read: Callable[[], RunFacts]) -> RunFacts:
        """Return what never changes about a run; calls `read` once."""
        with self._lock:
            entry = self._entries.get(run_id)
        if entry is None:
            return read()
        entry.facts = entry.facts or read()
        return entry.facts

    def _refresh(self) -> None:
        self._hear()
        self._list()
        for run_id in self._pending | self._active:
            with contextlib.suppress(FileNotFoundError):
                self._look(run_id, must_read=run_id in self._pending)

    def _hear(self) -> None:
        """Collect the runs that changed since the last time; all of them if that is unknown."""
        with contextlib.suppress(FileNotFoundError):
            changes = self._held(self._store.path(CHANGES))
            size = os.fstat(changes.fileno()).st_size
            if self._place is None or self._place > size:
                self._pending |= self._entries.keys()
                self._place = size
                return
            # not read(): a forked process has the same place in the file
            whole, newline, _ = os.pread(changes.fileno(), size - self._place, self._place).rpartition(b"\n")
            self._place += len(whole) + len(newline)
            self._pending |= self._entries.keys() & set(whole.decode(errors="replace").split("\n"))

    def _held(self, path: Path) -> BinaryIO:
        """Return the list of changes; of a new file nothing has been read."""
        if self._changes is None or not os.path.samestat(os.fstat(self._changes.fileno()), path.stat()):
            self._close()
            self._changes, self._place = path.open("rb", buffering=0), None
            self._close = weakref.finalize(self, self._changes.close)
        return self._changes

    def _list(self) -> None:
        """Find new and deleted runs; an unchanged folder is not read again."""
        changed_at = self._store.path("runs").stat().st_mtime_ns
        if self._listed == (changed_at, True):
            return
        self._listed = (changed_at, time.time_ns() - changed_at > SURE_AFTER_NS)
        self._ids = self._list_ids()
        there = set(self._ids)
        for run_id in self._entries.keys() - there:
            del self._entries[run_id]
        self._active &= there
        self._pending = self._pending & there | there - self._entries.keys()

    def _look(self, run_id: str, *, must_read: bool = False) -> None:
        """Read a run whose file changed. A run that is being changed right now is read the next time."""
        path = self._store.path(f"runs/{run_id}/state.json")
        known = self._entries.get(run_id)
        mark = _mark_of(path)
        if known is not None and known.mark == mark and not (must_read or known.lacks_events):
            return
        try:
            with files.try_lock_file(path.with_name(".state.lock")) as is_mine:
                if not is_mine:
                    return
                self._entries[run_id] = self._fresh(run_id, known)
        except FileNotFoundError:
            raise
        except OSError:  # no permission, a bad disk
            self._entries[run_id] = IndexedRun(mark)
        self._pending.discard(run_id)
        (self._active.discard if self._entries[run_id].is_resting else self._active.add)(run_id)

    def _fresh(self, run_id: str, known: IndexedRun | None) -> IndexedRun:
        mark = _mark_of(self._store.path(f"runs/{run_id}/state.json"))  # before the read: what changes between shows
        facts = known.facts if known else None
        try:
            state = self._read(run_id)
        except (GanymedeError, OSError):
            return IndexedRun(mark, facts=facts)
        is_learning = state.status is Status.RUNNING and state.phase == "training"
        speed = (state.progress.images_per_second or 0.0) if is_learning else 0.0
        ended_early = state.status is Status.SUCCEEDED and state.ended_early is not None
        lacks = EventLog(self._store.path(f"runs/{run_id}/events.jsonl")).lacks(state.last_events)
        return IndexedRun(mark, state.status, state.attempt, speed, facts, ended_early, state.silent_from, lacks)


def _mark_of(path: Path) -> Mark | None:
    with contextlib.suppress(OSError):
        facts = path.stat()
        return facts.st_mtime_ns, facts.st_ino, facts.st_size
    return None
