"""All that happens in the service as one stream, for a page that shows it. Knows no route.

It has no memory: who comes, or comes back, gets a `snapshot` of what is so now, then what changes. The files are read
once, however many watch, and not at all while nobody does.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from app.catalog.summary import summary
from app.engine.hot_reload import ServedModels
from app.engine.keeper import KeptTask, TaskKeeper
from app.events.streams import News, RunTail, encode, pings_until
from app.train.body import run_body
from core.errors import GanymedeError
from core.runs import Run, RunStore
from core.runs.index import IndexedRun
from ganymede.schemas.models import ModelSummary

POLL_EVERY_S = 0.5
NEWEST_KEPT = 512  # messages; a watcher that is further behind begins anew


class Activity(News):
    """Sends every change of runs and models to its watchers."""

    def __init__(self, runs: RunStore, models: ServedModels, keeper: TaskKeeper | None = None) -> None:
        super().__init__()
        self._keeper = keeper or TaskKeeper()
        self.runs, self.models = runs, models
        self.watchers = 0
        self.is_closing = False
        self._num_sent = 0  # messages so far
        self._newest: deque[bytes] = deque(maxlen=NEWEST_KEPT)
        self._followed: dict[str, RunTail] | None = None  # None: nobody watches
        self._read_at: dict[str, IndexedRun] = {}  # how a run stood when its events were read last
        self._models_sent: dict[str, ModelSummary] = {}
        self._task: KeptTask | None = None
        self._looking = asyncio.Lock()

    def close(self) -> None:
        self.is_closing = True
        self.wake()

    async def watch(self, may_stay: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield a snapshot, then every change, until the service stops, or who watches may not stay."""
        async with self._following():
            seen = -1
            while not self.is_closing and may_stay():
                news = self.next
                if seen < 0 or self._num_sent - seen > len(self._newest):
                    seen = self._num_sent
                    async with self._looking:
                        snapshot = await asyncio.to_thread(self._snapshot)
                    yield snapshot
                missed = list(self._newest)[len(self._newest) - (self._num_sent - seen) :]
                seen = self._num_sent
                for message in missed:
                    yield message
                async for ping in pings_until(news):
                    yield ping

    @contextlib.asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        self.watchers += 1
        if self._task is None:
            self._task = self._keeper.start("events of the service", self._follow)
        try:
            async with self._looking:  # what was before the first watcher came is in its snapshot
                if self._followed is None:
                    await asyncio.to_thread(self._look)
            yield
        finally:
            self.watchers -= 1
            if not self.watchers and self._task is not None:
                self._task.end()
                self._task = None
                self._followed = None

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            async with self._looking:
                messages = await asyncio.to_thread(self._look)
            if messages:
                self._newest.extend(messages)
                self._num_sent += len(messages)
                self.wake()

    def _look(self) -> list[bytes]:
        """Return what changed since the last look; the first look only notes the state."""
        is_first = self._followed is None
        following = {} if self._followed is None else self._followed
        entries = self.runs.index.entries()
        messages, there = [], entries.keys()
        for run_id in [run_id for run_id in following if run_id not in there]:
            del following[run_id]
            self._read_at.pop(run_id, None)
            messages.append(encode("deleted", {"run": run_id}))
        for run_id in sorted(there):
            followed = following.get(run_id)
            with contextlib.suppress(OSError, GanymedeError):  # deleted, or damaged: told elsewhere
                if followed is None:
                    followed = following[run_id] = RunTail(Run(self.runs.store, run_id))
                    if is_first:
                        followed.events.skip()
                elif followed.events.has_ended and self._read_at.get(run_id) is entries[run_id]:
                    continue  # nothing happened since
                self._read_at[run_id] = entries[run_id]
                messages += _changes(followed)
        self._followed = following
        return messages + self._model_changes()

    def _model_changes(self) -> list[bytes]:
        found = self._models()
        changed = [body.model_dump(mode="json") for name, body in found.items() if self._models_sent.get(name) != body]
        gone = self._models_sent.keys() - found.keys()
        self._models_sent = found
        return [encode("model", body) for body in changed] + [encode("deleted", {"model": name}) for name in gone]

    def _models(self) -> dict[str, ModelSummary]:
        found = {}
        for name in self.models.registry.names():
            if body := summary(self.models, name):
                found[name] = body
        return found

    def _snapshot(self) -> bytes:
        """Describe the runs that are not over, newest first, and every model."""
        runs = []
        for _, followed in sorted((self._followed or {}).items(), reverse=True):
            if not followed.events.has_ended:
                with contextlib.suppress(GanymedeError):
                    runs.append(run_body(followed.run, None).model_dump(mode="json"))
        models = [body.model_dump(mode="json") for body in self._models().values()]
        return encode("snapshot", {"runs": runs, "models": models})


def _changes(followed: RunTail) -> list[bytes]:
    run_id = followed.run.id
    events, progress = followed.read()
    messages = [encode(event.type, {"run": run_id, **event.model_dump()}) for event in events]
    if progress and not followed.events.has_ended:
        messages.append(encode("progress", {"run": run_id, **progress.model_dump(mode="json")}))
    return messages
