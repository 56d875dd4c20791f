"""One drawing on its way through the queue, and those who wait for it. Knows no engine thread and no HTTP.

Shape suffixes: N images of the drawing.
"""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from app.generate.engine import Engine
from core.errors import ClientGone, GenerationTimeout
from core.images import Images
from models.noise import Latents

WATCH_AFTER_S = 0.1  # to watch a connection costs more than most drawings have to wait
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drawn(Generic[T]):
    """What became of a drawing: the encoded images, and the seconds each stage took."""

    content: T
    queue_s: float
    infer_s: float
    encode_s: float


@dataclass(eq=False, slots=True)
class Drawing(Generic[T]):
    """Images that somebody asked for. What threads share of it is changed under the batcher's lock alone."""

    engine: Engine
    latents: Latents
    label_N: npt.NDArray[np.int64] | None
    encode: Callable[[Images], T]
    waiting: int  # images that no batch has taken
    is_plain_png: bool = False  # `encode` gives what write_png does of its one image
    waiters: list["asyncio.Future[Drawn[T]]"] = field(default_factory=list)  # changed on the event loop
    parts: dict[int, Images] = field(default_factory=dict)  # by the place of their first image
    asked_at: float = field(default_factory=time.perf_counter)
    began_at: float = 0.0
    drawn_at: float = 0.0
    infer_s: float = 0.0
    is_over: bool = False  # answered, or given up
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # of the request: its id in the log

    def take(self, count: int) -> slice:
        """The next `count` images, or as many as are left."""
        self.began_at = self.began_at or time.perf_counter()
        start = len(self.latents) - self.waiting
        taken = min(count, self.waiting)
        self.waiting -= taken
        return slice(start, start + taken)

    def add(self, start: int, images: Images, seconds: float) -> bool:
        """Keep what a batch drew; whether it was the last."""
        self.parts[start] = images
        self.infer_s += seconds
        if sum(map(len, self.parts.values())) < len(self.latents):
            return False
        self.drawn_at = time.perf_counter()
        return True

    def encoded(self) -> Drawn[T]:
        """All images as a file; on a thread of the encoders."""
        parts = [self.parts[start] for start in sorted(self.parts)]
        content = self.encode(parts[0] if len(parts) == 1 else np.concatenate(parts))
        queue_s, encode_s = self.began_at - self.asked_at, time.perf_counter() - self.drawn_at
        return Drawn(content, queue_s, self.infer_s, encode_s)

    @property
    def stage(self) -> str:
        return "encode" if self.drawn_at else "infer" if self.began_at else "queue"

    def settle(self, outcome: Drawn[T] | BaseException) -> None:
        """Tell all who wait; on the event loop."""
        self.is_over = True
        for waiter in self.waiters:
            if waiter.done():
                continue
            if isinstance(outcome, BaseException):
                waiter.set_exception(outcome)
            else:
                waiter.set_result(outcome)

    async def wait(self, timeout_s: float, gone: Callable[[], Awaitable[object]] | None) -> Drawn[T]:
        """The outcome, once it is there. `gone` comes to its end when the client has gone away.

        Raises:
            GenerationTimeout: it was not there within `timeout_s`.
            ClientGone: nobody waits for the answer any more.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Drawn[T]] = loop.create_future()
        self.waiters.append(waiter)
        alarm = loop.call_later(timeout_s, self._expire, waiter, timeout_s)
        watch = Watch(gone, waiter) if gone else None
        try:
            return await waiter
        finally:
            self.waiters.remove(waiter)
            alarm.cancel()
            if watch:
                watch.end()

    def _expire(self, waiter: "asyncio.Future[Drawn[T]]", timeout_s: float) -> None:
        if not waiter.done():
            text = f"not drawn within {timeout_s:g} s; it got as far as: {self.stage}"
            waiter.set_exception(GenerationTimeout(text))


def grouped(drawings: list[Drawing[Any]], nbytes: int) -> Iterator[list[Drawing[Any]]]:
    """Drawings in groups that have `nbytes` of pixels or hardly more, but for one that alone has more."""
    group, size = list[Drawing[Any]](), 0
    for drawing in drawings:
        group.append(drawing)
        size += sum(part.nbytes for part in drawing.parts.values())
        if size >= nbytes:
            yield group
            group, size = [], 0
    if group:
        yield group


class Watch:
    """Looks whether a client is still there, once its drawing has taken a while."""

    def __init__(self, gone: Callable[[], Awaitable[object]], waiter: "asyncio.Future[Any]") -> None:
        self._gone, self._waiter = gone, waiter
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        await self._gone()
        if not self._waiter.done():
            self._waiter.set_exception(ClientGone("the client went away"))
