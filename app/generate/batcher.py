"""Many requests, one forward pass: the engine thread and the queues before it. Knows engines, no HTTP.

The thread takes what waits as soon as it is free: batches form by themselves while it is busy, nothing waits for
company. One batch holds one model version; versions take turns; a large request is split, so that a small one that
comes later does not wait for all of it.

Shape suffixes: N images of a request, B images of a batch, Z latent.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from app.generate.engine import Engine
from app.telemetry import Telemetry
from core.errors import NotReady, Overloaded
from core.images import Images
from models.noise import Latents

SHARE = 16  # images that one request may put into a batch while others wait
SMOOTHING = 0.2  # weight of the newest batch in the measured speed

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drawn(Generic[T]):
    """What became of a request: the encoded images, and the seconds each stage took."""

    content: T
    queue_s: float
    infer_s: float
    encode_s: float


@dataclass(eq=False)
class Drawing:
    """One request's images, on their way through the queue."""

    engine: Engine
    latents: Latents
    label_N: npt.NDArray[np.int64] | None
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[list[Images]]"
    taken: int = 0
    parts: list[Images] = field(default_factory=list)
    asked_at: float = field(default_factory=time.perf_counter)
    began_at: float = 0.0
    infer_s: float = 0.0
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # of the request: its id in the log

    @property
    def waiting(self) -> int:
        return len(self.latents) - self.taken

    def take(self, count: int) -> slice:
        """The next `count` images, or as many as are left."""
        self.began_at = self.began_at or time.perf_counter()
        part = slice(self.taken, min(self.taken + count, len(self.latents)))
        self.taken = part.stop
        return part

    def finish(self, error: BaseException | None = None) -> None:
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits
            self.loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if self.future.done():  # the client went away
            return
        if error is None:
            self.future.set_result(self.parts)
        else:
            self.future.set_exception(error)


Part = tuple[Drawing, slice]


class Batcher:
    """One thread that runs every forward pass of one device."""

    def __init__(self, max_wait_s: float, encoders: Executor, telemetry: Telemetry | None = None) -> None:
        self.max_wait_s, self.encoders, self.telemetry = max_wait_s, encoders, telemetry or Telemetry()
        self._queues: dict[Engine, deque[Drawing]] = {}  # in the order of their turns
        self._ready = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, patience_s: float = 30.0) -> None:
        """Draw what waits, then end the thread."""
        with self._ready:
            self._is_closing = True
            self._ready.notify()
        self._thread.join(patience_s)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    async def draw(
        self,
        engine: Engine,
        latents: Latents,
        label_N: npt.NDArray[np.int64] | None,
        encode: Callable[[Images], T],
    ) -> Drawn[T]:
        """Pictures (N, H, W, C) of N latents, as `encode` makes them a file on a thread of its own.

        Raises:
            Overloaded: what waits already would take longer than `max_wait_s`.
            NotReady: the service is shutting down.
        """
        loop = asyncio.get_running_loop()
        drawing = Drawing(engine, latents, label_N, loop, loop.create_future())
        self._admit(drawing)
        try:
            parts = await drawing.future
        except asyncio.CancelledError:
            self.telemetry.cancelled.labels("infer" if drawing.began_at else "queue").inc()
            self._forget(drawing)
            raise
        began = time.perf_counter()
        images = parts[0] if len(parts) == 1 else np.concatenate(parts)
        content = await loop.run_in_executor(self.encoders, encode, images)
        queue_s, encode_s = drawing.began_at - drawing.asked_at, time.perf_counter() - began
        self.telemetry.queue_seconds.observe(queue_s)
        self.telemetry.encode_seconds.observe(encode_s)
        return Drawn(content, queue_s, drawing.infer_s, encode_s)

    def _admit(self, drawing: Drawing) -> None:
        with self._ready:
            if self._is_closing or not self.is_alive:
                self.telemetry.rejected.labels(NotReady.code).inc()
                raise NotReady("the service is shutting down")
            if self._work_s > self.max_wait_s:
                self.telemetry.rejected.labels(Overloaded.code).inc()
                raise Overloaded(f"{self._waiting} images wait, about {self._work_s:.1f} s of work", self._work_s)
            self._queues.setdefault(drawing.engine, deque()).append(drawing)
            self._ready.notify()

    @property
    def waiting(self) -> int:
        """Images that wait."""
        with self._ready:
            return self._waiting

    @property
    def _waiting(self) -> int:
        """Images that wait. Read under the lock, as the next."""
        return sum(drawing.waiting for queue in self._queues.values() for drawing in queue)

    @property
    def _work_s(self) -> float:
        """Seconds it will take to draw what waits."""
        return sum(
            sum(drawing.waiting for drawing in queue) / engine.images_per_second
            for engine, queue in self._queues.items()
        )

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._queues and not self._is_closing:
                    self._ready.wait()
                if not self._queues:
                    return
                engine, parts = self._next_batch()
            if parts:
                self._draw_batch(engine, parts)

    def _next_batch(self) -> tuple[Engine, list[Part]]:
        """The turn of one version: up to its largest bucket, from as many requests as fit. Called under the lock."""
        engine = next(iter(self._queues))
        queue, parts, room = self._queues.pop(engine), [], engine.largest_bucket
        while queue and room:
            drawing = queue.popleft()
            if drawing.future.cancelled():
                continue
            part = drawing.take(min(room, SHARE) if queue else room)
            parts.append((drawing, part))
            room -= part.stop - part.start
            if drawing.waiting:
                queue.append(drawing)
        if queue:
            self._queues[engine] = queue  # to the back: others first
        return engine, parts

    def _draw_batch(self, engine: Engine, parts: list[Part]) -> None:
        began = time.perf_counter()
        try:
            drawn = _draw(engine, parts)
        except Exception as error:  # the thread must outlive whatever a model does
            if len(parts) == 1:
                parts[0][0].context.run(log.exception, "drawing with %s@%s failed", engine.name, engine.version)
                self._forget(parts[0][0])
                parts[0][0].finish(error)
                return
            for single in parts:  # so that only the culprits fail
                self._draw_batch(engine, [single])
            return
        took = time.perf_counter() - began
        self.telemetry.infer_seconds.observe(took)
        self.telemetry.batch_size.observe(len(drawn))
        if len(drawn) == engine.largest_bucket:  # a small batch is slower for each image than a full one
            engine.images_per_second += SMOOTHING * (len(drawn) / took - engine.images_per_second)
        start = 0
        for drawing, part in parts:
            count = part.stop - part.start
            drawing.parts.append(drawn[start : start + count])
            drawing.infer_s += took
            start += count
            if sum(map(len, drawing.parts)) == len(drawing.latents):
                drawing.finish()

    def _forget(self, drawing: Drawing) -> None:
        """Free the place of a drawing in the queue, if it has one."""
        with self._ready:
            queue = self._queues.get(drawing.engine)
            if queue is not None and drawing in queue:
                queue.remove(drawing)
                if not queue:
                    del self._queues[drawing.engine]


def _draw(engine: Engine, parts: list[Part]) -> Images:
    z_BZ = np.concatenate([drawing.latents.draw(part, engine.latent_dim) for drawing, part in parts])
    label_B = np.concatenate([d.label_N[part] for d, part in parts if d.label_N is not None]) if engine.labels else None
    drawn = engine.draw(z_BZ, label_B)
    assert len(drawn) == len(z_BZ)
    return drawn
