"""Keeps the long-lived tasks of an event loop going: one that dies is started again, and is told of meanwhile.

Knows nothing of what they do. A task that returns is done; one that raises, or that somebody cancels, has died.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # before it is started again; twice as long after each death in a row
STEADY_AFTER_S = 10.0  # of life, after which a death is forgotten

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class KeptTask:
    """One of them. Used on the event loop alone."""

    def __init__(
        self, name: str, work: Work, is_over: Callable[["KeptTask"], None], died: Callable[[], None] = lambda: None
    ) -> None:
        self.name, self._work, self._is_over, self._died = name, work, is_over, died
        self.task: asyncio.Task[None] | None = None
        self._is_ended = False
        self._pause_s, self._began = FIRST_PAUSE_S, 0.0
        self._why: str | None = None
        self._again: asyncio.TimerHandle | None = None
        self._begin()

    @property
    def is_alive(self) -> bool:
        return self.task is not None and not self.task.done()

    @property
    def is_done(self) -> bool:
        """Whether it returned, or was ended: it does not start again. True as soon as it has returned."""
        if self._is_ended or self.task is None or not self.task.done():
            return self._is_ended
        return not self.task.cancelled() and self.task.exception() is None

    @property
    def trouble(self) -> str | None:
        """Why it died lately; None once it has lived on for a while."""
        if self._why is None or (self.is_alive and time.monotonic() - self._began > STEADY_AFTER_S):
            return None
        return f"task:{self.name}: it died ({self._why}), and is started again; the log says where"

    def end(self) -> None:
        """Cancel it for good."""
        self._is_ended = True
        if self._again is not None:
            self._again.cancel()
        if self.task is not None:
            self.task.cancel()
        self._is_over(self)

    async def close(self) -> None:
        """End it, and wait until it has."""
        self.end()
        if self.task is not None:
            await asyncio.gather(self.task, return_exceptions=True)

    def _begin(self) -> None:
        self._began = time.monotonic()
        self.task = asyncio.get_running_loop().create_task(self._work(), name=self.name)
        self.task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if self._is_ended:
            return
        if error is None and not task.cancelled():
            self._is_ended = True
            self._is_over(self)
            return
        if time.monotonic() - self._began > STEADY_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._why = type(error).__name__ if error else "cancelled"
        self._died()
        log.error("%s died (%s); it is started again in %g s", self.name, self._why, pause_s, exc_info=error)
        self._again = task.get_loop().call_later(pause_s, self._begin)


class TaskKeeper:
    """All of them."""

    def __init__(self) -> None:
        self.tasks: list[KeptTask] = []
        self.deaths: Counter[str] = Counter()  # of each kind that was ever started

    def start(self, name: str, work: Work, *, kind: str | None = None) -> KeptTask:
        """Start a task on the running event loop, and again whenever it dies. `kind`: of those that are counted as
        one; by default it is the only one of its name."""
        kind = kind or name
        self.deaths.setdefault(kind, 0)
        kept = KeptTask(name, work, self._forget, lambda: self.deaths.update([kind]))
        self.tasks.append(kept)
        return kept

    def start_thread(self, name: str, work: Callable[[Callable[[], bool]], None]) -> KeptTask:
        """The same for a thread: `work` gets a function that says whether it is over."""
        return self.start(name, lambda: _in_thread(name, work))

    @property
    def troubles(self) -> list[str]:
        return [kept.trouble for kept in self.tasks if kept.trouble is not None]

    async def close(self) -> None:
        """End all that are left."""
        await asyncio.gather(*(kept.close() for kept in list(self.tasks)))

    def _forget(self, kept: KeptTask) -> None:
        with contextlib.suppress(ValueError):
            self.tasks.remove(kept)


async def _in_thread(name: str, work: Callable[[Callable[[], bool]], None]) -> None:
    loop, over = asyncio.get_running_loop(), threading.Event()
    ended: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not ended.done():
            ended.set_result(None) if error is None else ended.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work(over.is_set)
        except Exception as raised:
            error = raised
        except BaseException as raised:  # SystemExit, say: of the thread alone, and not to end the loop
            error = RuntimeError(f"the thread ended with {type(raised).__name__}")
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are shutting down
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        await ended
    finally:
        over.set()
