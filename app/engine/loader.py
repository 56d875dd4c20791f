"""Reads engines: one at a time, each once for all who wait for it, in a queue that cannot grow without end.

Knows no reference. What the service itself needs (a published version, a promotion, its default model) goes before
what a request asked for, and is never refused.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.engine.engine import Engine
from app.engine.keeper import KeptTask, TaskKeeper
from app.engine.model_cache import Key
from app.engine.telemetry import EngineTelemetry
from core.errors import NotFound, NotReady, Overloaded, StoreDamaged, StoreUnavailable

TRY_AGAIN_AFTER_S = 30.0  # a version that could not be loaded
SMOOTHING = 0.2  # weight of the newest load in the measured time of one

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Why a version is not served, and since when (monotonic seconds)."""

    reason: str
    kind: type[StoreDamaged] = StoreDamaged
    at: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < TRY_AGAIN_AFTER_S


@dataclass(eq=False, slots=True)
class Load:
    """An engine for which somebody waits."""

    future: "asyncio.Future[Engine]"
    waiters: int = 0
    is_urgent: bool = False


class Loader:
    """One thread that reads engines. All state is changed on the event loop."""

    def __init__(
        self,
        read: Callable[[Key], Engine],
        loaded: Callable[[Engine], None],
        max_wait_s: float,
        telemetry: EngineTelemetry,
        keeper: TaskKeeper | None = None,
    ) -> None:
        self.max_wait_s, self.telemetry = max_wait_s, telemetry
        self.failures: dict[Key, LoadFailure] = {}
        self._read, self._loaded = read, loaded
        self._thread = ThreadPoolExecutor(1, "loader")
        self._waiting: dict[Key, Load] = {}  # in the order they came
        self._current: tuple[Key, Load] | None = None
        self._keeper = keeper or TaskKeeper()
        self._task: KeptTask | None = None
        self._load_s = 0.1  # of one load, smoothed

    async def load(self, key: Key, *, is_urgent: bool = False) -> Engine:
        """Read the engine of a version. A waiter who leaves frees the place in the queue.

        Raises:
            StoreDamaged, ModelCollapsed: it cannot be read, or could not within the last 30 s.
            NotFound: it is not there.
            Overloaded: the queue would take longer than `max_wait_s`.
            NotReady: the service is shutting down.
        """
        failure = self.failures.get(key)
        if failure is not None and failure.is_fresh:
            raise failure.kind(failure.reason)
        load = self._place(key, is_urgent)
        load.is_urgent = load.is_urgent or is_urgent
        load.waiters += 1
        try:
            return await asyncio.shield(load.future)
        finally:
            load.waiters -= 1
            if not load.waiters and self._waiting.get(key) is load:
                del self._waiting[key]

    async def close(self) -> None:
        if self._task is not None:
            await self._task.close()
        current = [self._current[1]] if self._current else []
        for load in (*current, *self._waiting.values()):
            if not load.future.done():
                load.future.set_exception(NotReady("the service is shutting down"))
        self._waiting.clear()
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _place(self, key: Key, is_urgent: bool) -> Load:
        if self._current is not None and self._current[0] == key:
            return self._current[1]
        if key in self._waiting:
            return self._waiting[key]
        wait_s = len(self._waiting) * self._load_s
        if wait_s > self.max_wait_s and not is_urgent:
            self.telemetry.rejected.labels(Overloaded.code).inc()
            raise Overloaded(f"{len(self._waiting)} versions wait to be loaded, about {wait_s:.1f} s of work", wait_s)
        load = self._waiting[key] = Load(asyncio.get_running_loop().create_future())
        load.future.add_done_callback(_look_at)
        if self._task is None or self._task.is_done:
            self._task = self._keeper.start("loader", self._work)
        return load

    async def _work(self) -> None:
        """Load until nothing waits, urgent loads first."""
        while self._waiting:
            key = next((key for key, load in self._waiting.items() if load.is_urgent), next(iter(self._waiting)))
            load = self._waiting.pop(key)
            self._current = (key, load)
            try:
                engine = await self._read_now(key)
            except Exception as error:
                load.future.set_exception(error)
            except BaseException:  # it dies, or is ended: who waits for this one has to ask again
                load.future.set_exception(NotReady("what loads it was ended; send it again"))
                raise
            else:
                load.future.set_result(engine)
            finally:
                self._current = None

    async def _read_now(self, key: Key) -> Engine:
        began = time.perf_counter()
        try:
            engine = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, key)
            self._loaded(engine)
        except (NotFound, StoreUnavailable):  # nothing is known against it
            raise
        except Exception as error:  # whatever a foreign file leads to
            reason, kind = str(error), type(error) if isinstance(error, StoreDamaged) else StoreDamaged
            if not isinstance(error, StoreDamaged):
                log.exception("%s@%s cannot be loaded", *key)
                reason = f"it cannot be loaded: {type(error).__name__}: {error}"
            log.error("model %s@%s is not served: %s", *key, reason)
            self.failures[key] = LoadFailure(reason, kind)
            self.telemetry.reloads.labels("failed").inc()
            raise kind(reason) from error
        took = time.perf_counter() - began
        self._load_s += SMOOTHING * (took - self._load_s)
        self.failures.pop(key, None)
        self.telemetry.load_seconds.observe(took)
        self.telemetry.reloads.labels("loaded").inc()
        return engine


def _look_at(future: "asyncio.Future[Engine]") -> None:
    """Retrieve an error for which nobody waits any more, else asyncio logs it."""
    with contextlib.suppress(asyncio.CancelledError):
        future.exception()
