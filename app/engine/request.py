"""One request on its way through the queue, and those who wait for it. Knows no queue and no HTTP.

Shape suffixes: N images of the request.
"""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from app.engine.batch import Rows
from app.engine.engine import Engine
from core.errors import ClientGone, GenerationTimeout
from core.media.images import Images

WATCH_AFTER_S = 0.1  # to watch a connection costs more than most requests have to wait
ROUND_S = 0.1  # between two looks at those who wait
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestOutput(Generic[T]):
    """The encoded images of a request, and the seconds of each stage."""

    content: T
    queue_s: float
    infer_s: float
    encode_s: float


@dataclass(eq=False, slots=True)
class Waiter(Generic[T]):
    """Somebody who waits for a request; `gone` returns when they have hung up."""

    future: "asyncio.Future[RequestOutput[T]]"
    request: "EngineRequest[T]"
    gone: Callable[[], Awaitable[object]] | None
    since: float = field(default_factory=time.perf_counter)
    watch: "asyncio.Task[None] | None" = None

    async def look(self) -> None:
        assert self.gone is not None
        await self.gone()
        if not self.future.done():
            self.future.set_exception(ClientGone("the client went away"))


@dataclass(eq=False, slots=True)
class EngineRequest(Generic[T]):
    """Requested images. Changed on the event loop alone."""

    engine: Engine
    rows: Rows
    encode: Callable[[Images], T]
    waiting: int  # images that no batch has taken
    is_plain_png: bool = False  # `encode` gives what write_png does of its one image
    is_copy: bool = False  # `encode` does no more than to copy pixels
    waiters: list[Waiter[T]] = field(default_factory=list)
    parts: dict[int, Images] = field(default_factory=dict)  # by the place of their first image
    asked_at: float = field(default_factory=time.perf_counter)
    began_at: float = 0.0
    drawn_at: float = 0.0
    infer_s: float = 0.0
    owed_s: float = 0.0  # what the encoders have promised for it, of one thread
    is_over: bool = False  # answered, or given up
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # of the request: its id in the log

    def take(self, count: int) -> slice:
        """Take the next `count` images, or as many as are left."""
        self.began_at = self.began_at or time.perf_counter()
        start = len(self.rows) - self.waiting
        taken = min(count, self.waiting)
        self.waiting -= taken
        return slice(start, start + taken)

    def add(self, start: int, images: Images, seconds: float) -> bool:
        """Keep the images of a batch; return whether the request is complete."""
        self.parts[start] = images
        self.infer_s += seconds
        if sum(map(len, self.parts.values())) < len(self.rows):
            return False
        self.drawn_at = time.perf_counter()
        return True

    def encoded(self) -> RequestOutput[T]:
        """Encode all images as one file; on a thread of the encoders."""
        parts = [self.parts[start] for start in sorted(self.parts)]
        content = self.encode(parts[0] if len(parts) == 1 else np.concatenate(parts))
        queue_s, encode_s = self.began_at - self.asked_at, time.perf_counter() - self.drawn_at
        return RequestOutput(content, queue_s, self.infer_s, encode_s)

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels drawn so far."""
        return sum(part.nbytes for part in self.parts.values())

    @property
    def stage(self) -> str:
        return "encode" if self.drawn_at else "infer" if self.began_at else "queue"

    def settle(self, outcome: RequestOutput[T] | BaseException) -> None:
        """Give every waiter the outcome."""
        self.is_over = True
        for waiter in self.waiters:
            if waiter.future.done():
                continue
            if isinstance(outcome, BaseException):
                waiter.future.set_exception(outcome)
            else:
                waiter.future.set_result(outcome)


class Patience:
    """Checks all waiters a few times a second, because two timers a waiter would cost more."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waiters: set[Waiter[Any]] = set()
        self._round: asyncio.TimerHandle | None = None

    async def wait(self, request: EngineRequest[T], gone: Callable[[], Awaitable[object]] | None) -> RequestOutput[T]:
        """Return the outcome of a request; GenerationTimeout after `timeout_s`, ClientGone if `gone` returns first."""
        loop = asyncio.get_running_loop()
        waiter = Waiter(loop.create_future(), request, gone)
        request.waiters.append(waiter)
        self._waiters.add(waiter)
        if self._round is None:
            self._round = loop.call_later(min(ROUND_S, self.timeout_s), self._look, loop)
        try:
            return await waiter.future
        finally:
            request.waiters.remove(waiter)
            self._waiters.remove(waiter)
            if waiter.watch:
                waiter.watch.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.perf_counter()
        for waiter in self._waiters:
            waited = now - waiter.since
            if waited >= self.timeout_s and not waiter.future.done():
                text = f"not drawn within {self.timeout_s:g} s; it got as far as: {waiter.request.stage}"
                waiter.future.set_exception(GenerationTimeout(text))
            elif waited >= WATCH_AFTER_S and waiter.gone and not waiter.watch:
                waiter.watch = loop.create_task(waiter.look())
        self._round = loop.call_later(min(ROUND_S, self.timeout_s), self._look, loop) if self._waiters else None


def grouped(requests: list[EngineRequest[Any]], nbytes: int) -> Iterator[list[EngineRequest[Any]]]:
    """Group requests into some `nbytes` of pixels each; a larger one forms a group alone."""
    group, size = list[EngineRequest[Any]](), 0
    for request in requests:
        group.append(request)
        size += request.nbytes
        if size >= nbytes:
            yield group
            group, size = [], 0
    if group:
        yield group
