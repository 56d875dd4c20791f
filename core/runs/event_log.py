"""Writes the event log of a run: ids from 1 without a gap, whatever dies or is full. Knows no lock.

What goes with a change of the state is written with the state first (RunState.last_events), then appended here; what a
crash or a full disk kept out is appended later. Only who holds the run's lock writes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.machine.clock import timestamp
from core.resolved import ResolvedConfig
from core.runs.events import Event, newest_event_id
from core.runs.states import RunState
from core.store import files
from ganymede.schemas.runs import EventBody
from ganymede.schemas.states import Status


class NewEvent(EventBody):
    """An event that has no number yet, and no time."""

    id: int = 0
    at: str = ""


class EventLog:
    """`events.jsonl` of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def tell(self, events: Sequence[Event]) -> None:
        """Append those that the log lacks."""
        for event in self._missing(events):
            files.append_json_line(self.path, event.model_dump())

    def lacks(self, events: Sequence[Event]) -> bool:
        return bool(self._missing(events))

    def numbered(self, news: Sequence[NewEvent], earlier: Sequence[Event] = ()) -> list[Event]:
        """The events to append next: those of `earlier` that the log lacks, then the new ones."""
        late, at = self._missing(earlier), timestamp()
        first = 1 + (late[-1].id if late else newest_event_id(self.path))
        return [*late, *(Event(id=first + i, at=at, type=each.type, data=each.data) for i, each in enumerate(news))]

    def _missing(self, events: Sequence[Event]) -> list[Event]:
        newest = newest_event_id(self.path) if events else 0
        return [event for event in events if event.id > newest]


def news_of(before: RunState, after: RunState) -> Iterator[NewEvent]:
    """What every change of status or attempt tells."""
    if after.status is before.status and after.attempt == before.attempt:
        return
    failure = after.failure if after.status is Status.FAILED else None
    told = {"failure": failure.model_dump()} if failure else {}
    yield NewEvent(type="status", data={"status": after.status.value, "attempt": after.attempt, **told})
    if after.status.is_terminal and not before.status.is_terminal:
        yield NewEvent(type="end", data={"status": after.status.value, "step": after.progress.step})


def first_events(resolved: ResolvedConfig, at: str) -> Iterator[Event]:
    """Of a new run."""
    yield Event(id=1, type="status", at=at, data={"status": "queued", "attempt": 1})
    recipe, reason = resolved.recipe, resolved.recipe_reason
    if reason is not None:
        told = {"message": f"trains {recipe}: {reason}", "recipe": recipe, "reason": reason}
        yield Event(id=2, type="action", at=at, data={"action": "recipe_chosen", **told})
