"""Reads folders on a thread of its own, for who waits for what is there; the queue can have an end. Knows no model."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from app.engine.telemetry import EngineTelemetry
from core.errors import Overloaded

SMOOTHING = 0.2  # weight of the newest look-up in the measured time of one
T = TypeVar("T")


class Lookups:
    """One thread; a look-up may wait `max_wait_s`. Used on the event loop alone."""

    def __init__(self, name: str, telemetry: EngineTelemetry, max_wait_s: float = math.inf) -> None:
        self.max_wait_s = max_wait_s
        self._overloaded = telemetry.rejected.labels(Overloaded.code)
        self._thread = ThreadPoolExecutor(1, name)
        self._waiting = 0
        self._each_s = 0.001  # of one look-up, smoothed

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work` in its turn; Overloaded if waiting look-ups would take longer than `max_wait_s`."""
        wait_s = self._waiting * self._each_s
        if wait_s > self.max_wait_s:
            self._overloaded.inc()
            raise Overloaded(f"{self._waiting} look-ups wait, about {wait_s:.1f} s of work", wait_s)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, work, *args)
        finally:
            self._waiting -= 1

    def shutdown(self) -> None:
        """Finish the look-up under way, and accept no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[..., T], *args: Any) -> T:
        began = time.perf_counter()
        try:
            return work(*args)
        finally:
            self._each_s += SMOOTHING * (time.perf_counter() - began - self._each_s)
