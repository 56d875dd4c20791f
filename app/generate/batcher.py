"""Many requests, one forward pass: the engine threads and the queues before them. Knows engines, no HTTP.

A thread takes what waits as soon as it is free: batches form by themselves while it is busy, nothing waits for
company. One batch holds one model version; versions take turns; a large request is split, so that a small one that
comes later does not wait for all of it.

A CPU has one thread for each core, each with a forward pass of its own: two passes on two cores draw a third more
than one pass on both (docs/decisions/0006). A GPU has one. While one thread draws a version, another takes from it
nothing less than a full batch: small batches cost more for each image.

Shape suffixes: N images of a request, B images of a batch.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from app.generate.drawing import Drawing, Drawn, grouped
from app.generate.engine import Engine
from app.telemetry import Telemetry
from core.errors import NotReady, Overloaded
from core.images import Images
from models.noise import Latents

SHARE = 16  # images that one request may put into a batch while others wait
ENCODE_BYTES = 1 << 17  # of pixels that one task of the encoders takes on, or one drawing
T = TypeVar("T")

log = logging.getLogger(__name__)


Part = tuple[Drawing[Any], slice]
Outcome = tuple[Drawing[Any], Drawn[Any] | BaseException]


class Batcher:
    """The threads that run every forward pass of one device."""

    def __init__(
        self,
        max_wait_s: float,
        encoders: Executor,
        telemetry: Telemetry | None = None,
        threads: int = 1,
        timeout_s: float = 60.0,
    ) -> None:
        self.max_wait_s, self.timeout_s = max_wait_s, timeout_s
        self.encoders, self.telemetry = encoders, telemetry or Telemetry()
        self._queues: dict[Engine, deque[Drawing[Any]]] = {}  # in the order of their turns
        self._waiting: dict[Engine, int] = {}  # images in each queue
        self._drawing: Counter[Engine] = Counter()  # threads that draw each
        self._idle = 0  # threads
        self._ready = threading.Condition()
        self._is_closing = False
        self._admitted = 0  # requests, ever
        self._seen: int | None = None  # of them, when last looked; None: nobody looks
        self._threads = [threading.Thread(target=self._run, name=f"engine-{i}", daemon=True) for i in range(threads)]
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to draw; called on the event loop of those who ask."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()

    def close(self, patience_s: float = 30.0) -> None:
        """Draw what waits, then end the threads."""
        with self._ready:
            self._is_closing = True
            self._ready.notify_all()
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def is_alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def submit(
        self,
        engine: Engine,
        latents: Latents,
        label_N: npt.NDArray[np.int64] | None,
        encode: Callable[[Images], T],
    ) -> Drawing[T]:
        """Put a drawing into the queue: pictures (N, H, W, C) of N latents, which `encode` makes a file. Then `wait`.

        Raises:
            Overloaded: what waits already would take longer than `max_wait_s`.
            NotReady: the service is shutting down.
        """
        drawing = Drawing(engine, latents, label_N, encode, waiting=len(latents))
        self._admit(drawing)
        return drawing

    async def wait(self, drawing: Drawing[T], gone: Callable[[], Awaitable[object]] | None = None) -> Drawn[T]:
        """What becomes of a drawing. When the last who waits gives up, so does the engine.

        Raises:
            GenerationTimeout: it took longer than `timeout_s`.
            ClientGone: `gone` came to its end before.
        """
        try:
            return await drawing.wait(self.timeout_s, gone)
        finally:
            if not drawing.waiters and not drawing.is_over:
                self._give_up(drawing)

    async def draw(
        self,
        engine: Engine,
        latents: Latents,
        label_N: npt.NDArray[np.int64] | None,
        encode: Callable[[Images], T],
    ) -> Drawn[T]:
        """Submit, and wait."""
        return await self.wait(self.submit(engine, latents, label_N, encode))

    def _admit(self, drawing: Drawing[Any]) -> None:
        with self._ready:
            if self._is_closing or not self.is_alive:
                self.telemetry.rejected.labels(NotReady.code).inc()
                raise NotReady("the service is shutting down")
            work_s = self._work_s
            if work_s > self.max_wait_s:
                self.telemetry.rejected.labels(Overloaded.code).inc()
                images = sum(self._waiting.values())
                raise Overloaded(f"{images} images wait, about {work_s:.1f} s of work", work_s)
            self._queues.setdefault(drawing.engine, deque()).append(drawing)
            self._waiting[drawing.engine] = self._waiting.get(drawing.engine, 0) + drawing.waiting
        self._admitted += 1
        if self._seen is None:
            self._look()

    def _look(self) -> None:
        """Once around the loop for as long as it brings new requests, then wake a thread: what comes together is
        drawn together, and a full batch begins at once."""
        with self._ready:
            is_full = any(count >= engine.best_batch for engine, count in self._waiting.items())
            if is_full or self._seen == self._admitted:
                self._seen = None
                self._ready.notify()
                return
        self._seen = self._admitted
        assert self._loop is not None
        self._loop.call_soon(self._look)

    @property
    def waiting(self) -> int:
        """Images that wait."""
        with self._ready:
            return sum(self._waiting.values())

    @property
    def _work_s(self) -> float:
        """Seconds it will take to draw what waits. Read under the lock."""
        return sum(count / engine.images_per_second for engine, count in self._waiting.items()) / len(self._threads)

    def _give_up(self, drawing: Drawing[Any]) -> None:
        with self._ready:
            self._drop(drawing)
        self.telemetry.cancelled.labels(drawing.stage).inc()

    def _drop(self, drawing: Drawing[Any]) -> None:
        """Under the lock; the queue skips it when its turn comes."""
        drawing.is_over = True
        self._count(drawing.engine, -drawing.waiting)
        drawing.waiting = 0

    def _count(self, engine: Engine, images: int) -> None:
        left = self._waiting.get(engine, 0) + images
        if left:
            self._waiting[engine] = left
        else:
            self._waiting.pop(engine, None)

    def _run(self) -> None:
        while True:
            with self._ready:
                while (engine := self._due()) is None and not self._is_closing:
                    self._idle += 1
                    self._ready.wait()
                    self._idle -= 1
                if engine is None:
                    return  # what waits yet is for the thread that draws the same version
                parts = self._next_batch(engine)
                self._drawing[engine] += 1
                if self._idle and self._due() is not None:
                    self._ready.notify()
            if parts:
                self._draw_batch(engine, parts)
            with self._ready:
                self._drawing[engine] -= 1
                if not self._drawing[engine]:
                    del self._drawing[engine]

    def _due(self) -> Engine | None:
        """The version whose turn it is to be drawn by one more thread. Called under the lock."""
        for engine in self._queues:
            if engine not in self._drawing or self._waiting.get(engine, 0) >= engine.best_batch:
                return engine
        return None

    def _next_batch(self, engine: Engine) -> list[Part]:
        """Images of one version, from as many requests as fit. Called under the lock."""
        queue, parts = self._queues.pop(engine), list[Part]()
        waiting = self._waiting.get(engine, 0)
        room = engine.batch_for(waiting) if waiting else 0
        while queue and room:
            drawing = queue.popleft()
            if drawing.is_over:
                continue
            part = drawing.take(min(room, SHARE) if queue else room)
            parts.append((drawing, part))
            room -= part.stop - part.start
            if drawing.waiting:
                queue.append(drawing)
        taken = sum(part.stop - part.start for _, part in parts)
        self._count(engine, -taken)
        if queue and engine in self._waiting:
            self._queues[engine] = queue  # to the back: others first
        if parts:
            self.telemetry.dispatched.labels("full" if taken >= engine.best_batch else "idle").inc()
        return parts

    def _draw_batch(self, engine: Engine, parts: list[Part]) -> None:
        began = time.perf_counter()
        try:
            drawn = _draw(engine, parts)
            self._hand_over(parts, drawn, time.perf_counter() - began)
        except Exception as error:  # the thread must outlive whatever a model does
            if len(parts) > 1:
                for single in parts:  # so that only the culprits fail
                    self._draw_batch(engine, [single])
                return
            drawing = parts[0][0]
            drawing.context.run(log.exception, "drawing with %s@%s failed", engine.name, engine.version)
            with self._ready:
                self._drop(drawing)
            self._settle([(drawing, error)])

    def _hand_over(self, parts: list[Part], drawn: Images, took: float) -> None:
        """Give each drawing its images, and the encoders those that have all of theirs."""
        self.telemetry.infer_seconds.observe(took)
        self.telemetry.batch_size.observe(len(drawn))
        complete, start = list[Drawing[Any]](), 0
        with self._ready:
            for drawing, part in parts:
                end = start + part.stop - part.start
                if drawing.add(part.start, drawn[start:end], took) and not drawing.is_over:
                    complete.append(drawing)
                start = end
        for group in grouped(complete, ENCODE_BYTES):
            self.encoders.submit(self._encode, group)

    def _encode(self, drawings: list[Drawing[Any]]) -> None:
        outcomes: list[Outcome] = []
        for drawing in drawings:
            if drawing.is_over:
                continue
            try:
                outcomes.append((drawing, drawing.encoded()))
            except Exception as error:
                drawing.context.run(log.exception, "a drawing could not be encoded")
                outcomes.append((drawing, error))
        self._settle(outcomes)

    def _settle(self, outcomes: list[Outcome]) -> None:
        """Tell those who wait, in one go: to wake the loop costs more than to set a future."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._tell, outcomes)

    def _tell(self, outcomes: list[Outcome]) -> None:
        for drawing, outcome in outcomes:
            drawing.settle(outcome)
            if isinstance(outcome, Drawn):
                self.telemetry.queue_seconds.observe(outcome.queue_s)
                self.telemetry.encode_seconds.observe(outcome.encode_s)


def _draw(engine: Engine, parts: list[Part]) -> Images:
    z_BZ = np.concatenate([drawing.latents.draw(part, engine.latent_dim) for drawing, part in parts])
    label_B = np.concatenate([d.label_N[part] for d, part in parts if d.label_N is not None]) if engine.labels else None
    drawn = engine.draw(z_BZ, label_B)
    assert len(drawn) == len(z_BZ)
    return drawn
