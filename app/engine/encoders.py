"""Threads that make files of pixels and look at files that are sent, and what they owe. Knows no queue and no HTTP.

Work is counted in seconds of one thread, from when it is promised: of a drawing, while it waits to be drawn yet. All
state is changed on the event loop.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from app.engine.pace import MARGIN, Pace
from app.engine.telemetry import EngineTelemetry
from core.errors import Overloaded
from core.machine.cores import available_cores

LEAST_THREADS = 2  # a large file must not keep all small ones waiting, even on one core
MOST_BYTES = 1 << 28  # of pixels that were drawn and wait: while there are more, nothing is drawn
T = TypeVar("T")


class Encoders:
    """A pool of `threads` (default: one a core); promised work may take `max_wait_s`."""

    def __init__(
        self, max_wait_s: float = math.inf, telemetry: EngineTelemetry | None = None, threads: int | None = None
    ) -> None:
        self.threads = threads or max(LEAST_THREADS, available_cores())
        self.max_wait_s = max_wait_s
        self._overloaded = (telemetry or EngineTelemetry()).rejected.labels(Overloaded.code)
        self._pool = ThreadPoolExecutor(self.threads, "encode")
        self._pace = Pace()
        self._owed_s = 0.0
        self._tasks, self._nbytes = 0, 0  # that were handed over and are not done, and their pixels
        self._roomy = asyncio.Event()
        self._roomy.set()

    @property
    def wait_s(self) -> float:
        """Seconds that all promised work will take."""
        return max(0.0, self._owed_s) / self._pace.speed  # sums of fractions may end below zero

    def check_room(self) -> None:
        """Raise Overloaded if the promised work takes longer than `max_wait_s`."""
        wait_s = self.wait_s
        if wait_s * MARGIN > self.max_wait_s:
            self._overloaded.inc()
            raise Overloaded(f"files wait to be encoded or read, about {wait_s:.1f} s of work", wait_s)

    def owe(self, work_s: float) -> None:
        """Promise work; each promise ends with `forgive`, whether the work was done or dropped."""
        self._owed_s += work_s

    def forgive(self, work_s: float) -> None:
        self._owed_s -= work_s

    async def room(self) -> None:
        """Wait until the pool accepts more pixels."""
        await self._roomy.wait()

    def submit(self, nbytes: int, work: Callable[..., object], *args: Any) -> None:
        """Hand over work on so many bytes of pixels, then call `did`; RuntimeError after shutdown."""
        self._pool.submit(work, *args)
        self._began(nbytes)

    def did(self, work_s: float, nbytes: int) -> None:
        """Note that a thread finished its work."""
        self._tasks -= 1
        self._nbytes -= nbytes
        if self._nbytes <= MOST_BYTES:
            self._roomy.set()
        self._pace.did(work_s, time.perf_counter(), more_waits=self._tasks >= self.threads)

    async def run(self, work_s: float, work: Callable[..., T], *args: Any) -> T:
        """Run `work` in its turn; Overloaded if the promised work already takes longer than `max_wait_s`."""
        self.check_room()
        future = asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        self._began(0)
        self.owe(work_s)
        try:
            return await future
        finally:
            self.forgive(work_s)
            self.did(work_s, 0)

    def _began(self, nbytes: int) -> None:
        self._tasks += 1
        self._nbytes += nbytes
        if self._nbytes > MOST_BYTES:
            self._roomy.clear()

    def shutdown(self) -> None:
        """Wait for the work at hand, and accept no more."""
        self._pool.shutdown()
