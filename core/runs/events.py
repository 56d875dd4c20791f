"""The event log of a run, as its readers see it: from the beginning, or what came since. Knows no HTTP and no clock.

`runs/<id>/events.jsonl` is written by core.runs alone: one event a line, ids from 1 without a gap. A line that a crash
cut short is no event; its id is given to the next one.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ConfigDict

from ganymede.schemas.runs import EventBody


class Event(EventBody):
    """A line of the log; what a newer build added is kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class EventTail:
    """Follows one event log. Holds a position in the file, not the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.newest: Event | None = None

    @property
    def newest_id(self) -> int:
        return 0 if self.newest is None else self.newest.id

    @property
    def has_ended(self) -> bool:
        """Whether the run was over when its newest event was written."""
        return self.newest is not None and self.newest.type == "end"

    def skip(self) -> None:
        """Skip everything written so far."""
        self.newest, self._offset = newest_event(self._path)

    def read(self) -> list[Event]:
        """Return the events since the last call, whole lines only; FileNotFoundError if the run is gone."""
        if self._path.stat().st_size == self._offset:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        found = [event for event in parse_events(whole) if event.id > self.newest_id]
        if found:
            self.newest = found[-1]
        return found


def parse_events(lines: bytes) -> Iterator[Event]:
    """Yield the events among `lines`, and skip everything else."""
    for line in lines.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            yield Event.model_validate(json.loads(line))


def events_after(path: Path, event_id: int) -> list[Event]:
    """Return every event after that id, oldest first; FileNotFoundError if the run is gone."""
    return [event for event in parse_events(path.read_bytes()) if event.id > event_id]


def newest_event(path: Path) -> tuple[Event | None, int]:
    """Return the newest event, and its end in the file; read only as much of the file's end as needed."""
    with path.open("rb") as file:
        size, tail = file.seek(0, os.SEEK_END), 1 << 14
        while True:
            end = size
            file.seek(max(0, size - tail))
            for line in reversed(file.read(min(size, tail)).splitlines(keepends=True)):
                for event in parse_events(line):
                    return event, end
                end -= len(line)
            if tail >= size:
                return None, 0
            tail *= 8


def newest_event_id(path: Path) -> int:
    """Return 0 if there is no event, or no log."""
    with contextlib.suppress(FileNotFoundError):
        event, _ = newest_event(path)
        return 0 if event is None else event.id
    return 0
