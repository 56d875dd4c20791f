"""Live events for any number of watchers: the files of a run are read once, however many watch. Knows no route.

Files are the truth here too. A watcher says which event it saw last and gets every later one exactly once: from the
newest ones in memory, or from the run's event log if it was slow or away. Redis has no part in it.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, NamedTuple

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from app.engine.keeper import KeptTask, TaskKeeper
from app.train.body import eta_of, progress_of, task_of
from core.errors import GanymedeError
from core.runs import Run
from core.runs.events import Event, EventTail, events_after
from core.runs.states import RunState
from ganymede.schemas.runs import ProgressMessage

EVENT_STREAM = "text/event-stream"
# The last is for proxies like nginx: do not hold the events back to fill a buffer.
STREAM_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
POLL_EVERY_S = 0.25
PING_AFTER_S = 15.0
NEWEST_KEPT = 256  # messages
END_LOST_AFTER_S = 2.0  # a run that ended so long ago without an `end` in its log: its process died in between


class EventMessage(NamedTuple):
    """One event as it is sent."""

    id: int
    text: bytes


class RunTail:
    """Reads what is new in the files of one run."""

    def __init__(self, run: Run) -> None:
        self.run, self.events = run, EventTail(run.events_file)
        self.state: RunState | None = None
        self._state_seen: tuple[int, int] | None = None
        self._sent: ProgressMessage | None = None

    def read(self) -> tuple[list[Event], ProgressMessage | None]:
        """Return the events since the last time, and the progress if it changed."""
        events = self.events.read()
        facts = self.run.state_file.stat()
        seen = (facts.st_ino, facts.st_mtime_ns)
        if seen == self._state_seen:
            return events, None
        self._state_seen, self.state = seen, self.run.state()
        body = progress_body(self.state)
        if body == self._sent:  # a sign of life
            return events, None
        self._sent = body
        return events, body


class News:
    """Wakes everyone who waits for something new."""

    def __init__(self) -> None:
        self.next = asyncio.Event()  # set once, and replaced, whenever there is something new

    def wake(self) -> None:
        self.next.set()
        self.next = asyncio.Event()


class Feed(News):
    """The new events of one run, and those who wait for them."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.watchers = 0
        self.progress: bytes | None = None
        self.is_over = False
        self.lost_end: bytes | None = None
        self._tail = RunTail(run)
        self._newest: deque[EventMessage] = deque(maxlen=NEWEST_KEPT)
        self._looking = asyncio.Lock()  # two looks at once would read the same lines twice

    @property
    def newest_id(self) -> int:
        return self._tail.events.newest_id

    async def follow(self) -> None:
        """Look at the files until cancelled: the last watcher does that."""
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Read what was written since the last look, and wake the watchers."""
        async with self._looking:
            try:
                events, progress = await asyncio.to_thread(self._tail.read)
                self.is_over = self._has_ended()
            except (OSError, GanymedeError):  # deleted, or cannot be read
                events, progress, self.is_over = [], None, True
            self._newest.extend(_event_message(event) for event in events)
            if progress:
                self.progress = encode("progress", progress.model_dump(mode="json"))
        if events or progress or self.is_over:
            self.wake()

    async def since(self, event_id: int) -> list[EventMessage]:
        if event_id >= self.newest_id:
            return []
        if self._newest and self._newest[0].id <= event_id + 1:
            return [message for message in self._newest if message.id > event_id]
        with contextlib.suppress(OSError):
            events = await asyncio.to_thread(events_after, self.run.events_file, event_id)
            return [_event_message(event) for event in events]
        return []

    def _has_ended(self) -> bool:
        if self._tail.events.has_ended:
            return True
        state = self._tail.state
        if state is None or not state.status.is_terminal or state.finished_at is None:
            return False
        if time.time() - datetime.fromisoformat(state.finished_at).timestamp() < END_LOST_AFTER_S:
            return False
        self.lost_end = encode("end", {"data": {"status": state.status}})
        return True


class Streams:
    """The feeds of all watched runs."""

    def __init__(self, keeper: TaskKeeper | None = None) -> None:
        self._keeper = keeper or TaskKeeper()
        self._feeds: dict[str, tuple[Feed, KeptTask]] = {}
        self.is_closing = False

    def close(self) -> None:
        """End every stream: the service stops, and clients reconnect to the next one."""
        self.is_closing = True
        self.wake()

    def wake(self) -> None:
        """Have every stream ask whether it may go on."""
        for feed, _ in self._feeds.values():
            feed.wake()

    async def watch(self, run: Run, after: int, may_stay: Callable[[], bool] = lambda: True) -> AsyncIterator[bytes]:
        """Yield server-sent events of one run, from the event after `after` to its end, and its progress."""
        async with self._feed(run) as feed:
            progress: bytes | None = None
            while not self.is_closing and may_stay():
                news, is_over = feed.next, feed.is_over
                for message in await feed.since(after):
                    yield message.text
                    after = message.id
                if feed.progress is not progress and feed.progress is not None and not is_over:
                    progress = feed.progress
                    yield progress
                if is_over:
                    if feed.lost_end is not None:
                        yield feed.lost_end
                    return
                async for ping in pings_until(news):
                    yield ping

    @contextlib.asynccontextmanager
    async def _feed(self, run: Run) -> AsyncIterator[Feed]:
        """Share the feed of a run among its watchers."""
        if run.id not in self._feeds:
            feed = Feed(run)
            self._feeds[run.id] = (feed, self._keeper.start(f"events of {run.id}", feed.follow, kind="events of a run"))
        feed, task = self._feeds[run.id]
        feed.watchers += 1
        try:
            await feed.look()
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                task.end()
                del self._feeds[run.id]


async def pings_until(news: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield pings, which keep a quiet connection alive, until there is something to send."""
    while True:
        try:
            async with asyncio.timeout(PING_AFTER_S):
                await news.wait()
                return
        except TimeoutError:
            yield KEEPALIVE_COMMENT


def encode(kind: str, data: Any, event_id: int | None = None) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(data_str=text, event=kind, id=None if event_id is None else str(event_id))


def _event_message(event: Event) -> EventMessage:
    return EventMessage(event.id, encode(event.type, event.model_dump(), event.id))


def progress_body(state: RunState) -> ProgressMessage:
    return ProgressMessage(
        **progress_of(state).model_dump(),
        status=state.status,
        phase=state.phase,
        attempt=state.attempt,
        eta_at=eta_of(state),
        task=task_of(state),
        metrics=state.metrics,
    )
