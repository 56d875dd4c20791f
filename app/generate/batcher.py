"""Many requests, one forward pass: the engine threads and the queues before them. Knows engines, no HTTP.

A thread takes what waits as soon as it is free: batches form by themselves while it is busy, nothing waits for
company. One batch holds one model version; versions take turns; a large request is split, so that a small one that
comes later does not wait for all of it.

A CPU has one thread for each core, each with a forward pass of its own: two passes on two cores draw a third more
than one pass on both (docs/decisions/0006). A GPU has one.

Shape suffixes: N images of a request, B images of a batch.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from app.generate.drawing import Drawing, Drawn, grouped
from app.generate.engine import Engine
from app.generate.queues import Part, Queues
from app.telemetry import Telemetry
from core.errors import NotReady, Overloaded
from core.images import Images
from models.noise import Latents

ENCODE_BYTES = 1 << 17  # of pixels that one task of the encoders takes on, or one drawing
T = TypeVar("T")

log = logging.getLogger(__name__)


Bell = SimpleQueue[None]
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
        self._queues = Queues()
        self._idle: list[Bell] = []  # of threads that wait, the latest last: its caches are the warmest
        self._lock = threading.Lock()
        self._running = 0  # threads; to ask each whether it is alive costs more than all the rest of an admission
        self._is_closing = False
        self._admitted = 0  # requests, ever
        self._seen: int | None = None  # of them, when last looked; None: nobody looks
        self._threads = [threading.Thread(target=self._run, name=f"engine-{i}", daemon=True) for i in range(threads)]
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to draw; called on the event loop of those who ask."""
        self._loop = asyncio.get_running_loop()
        self._running = len(self._threads)
        for thread in self._threads:
            thread.start()

    def close(self, patience_s: float = 30.0) -> None:
        """Draw what waits, then end the threads."""
        with self._lock:
            self._is_closing = True
            while self._idle:
                self._wake()
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def is_alive(self) -> bool:
        """Whether every thread runs."""
        return self._running == len(self._threads)

    def submit(
        self,
        engine: Engine,
        latents: Latents,
        label_N: npt.NDArray[np.int64] | None,
        encode: Callable[[Images], T],
        *,
        is_plain_png: bool = False,
    ) -> Drawing[T]:
        """Put a drawing into the queue: pictures (N, H, W, C) of N latents, which `encode` makes a file. Then `wait`.

        is_plain_png: it is of one image, and `encode` gives what write_png does; so whoever draws it may write it.

        Raises:
            Overloaded: what waits already would take longer than `max_wait_s`.
            NotReady: the service is shutting down.
        """
        drawing = Drawing(engine, latents, label_N, encode, waiting=len(latents), is_plain_png=is_plain_png)
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
        with self._lock:
            if self._is_closing or not self.is_alive:
                self.telemetry.rejected.labels(NotReady.code).inc()
                raise NotReady("the service is shutting down")
            work_s = self._queues.seconds / len(self._threads)
            if work_s > self.max_wait_s:
                self.telemetry.rejected.labels(Overloaded.code).inc()
                raise Overloaded(f"{self._queues.images} images wait, about {work_s:.1f} s of work", work_s)
            self._queues.add(drawing)
        self._admitted += 1
        if self._seen is None:
            self._look()

    def _look(self) -> None:
        """Once around the loop for as long as it brings new requests, then wake a thread: what comes together is
        drawn together, and a full batch begins at once."""
        with self._lock:
            if self._queues.has_full_batch or self._seen == self._admitted:
                self._seen = None
                self._wake()
                return
        self._seen = self._admitted
        assert self._loop is not None
        self._loop.call_soon(self._look)

    @property
    def waiting(self) -> int:
        """Images that wait."""
        with self._lock:
            return self._queues.images

    def _give_up(self, drawing: Drawing[Any]) -> None:
        with self._lock:
            self._queues.drop(drawing)
        self.telemetry.cancelled.labels(drawing.stage).inc()

    def _wake(self) -> None:
        """One more thread looks for work, if there is one. Called under the lock."""
        if self._idle:
            self._idle.pop().put(None)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            with self._lock:
                self._running -= 1

    def _work(self) -> None:
        bell = Bell()
        while True:
            with self._lock:
                engine = self._queues.due
                if engine is not None:
                    parts = self._queues.begin(engine)
                    if self._queues.due is not None:
                        self._wake()
                elif self._is_closing:
                    return  # what waits yet is for the thread that draws the same version
                else:
                    self._idle.append(bell)
            if engine is None:
                bell.get()
                continue
            if parts:
                self._draw_batch(engine, parts)
            with self._lock:
                self._queues.end(engine)

    def _draw_batch(self, engine: Engine, parts: list[Part]) -> None:
        began = time.perf_counter()
        try:
            if engine.draws_files and all(drawing.is_plain_png for drawing, _ in parts):
                self._draw_files(engine, parts)
            else:
                drawn = engine.draw(*_inputs(engine, parts))
                self._hand_over(parts, drawn, time.perf_counter() - began)
        except Exception as error:  # the thread must outlive whatever a model does
            if len(parts) > 1:
                for single in parts:  # so that only the culprits fail
                    self._draw_batch(engine, [single])
                return
            drawing = parts[0][0]
            drawing.context.run(log.exception, "drawing with %s@%s failed", engine.name, engine.version)
            with self._lock:
                self._queues.drop(drawing)
            self._settle([(drawing, error)])

    def _draw_files(self, engine: Engine, parts: list[Part]) -> None:
        """A batch of single pictures, from their noise to their files."""
        began = time.perf_counter()
        files, encode_s = engine.draw_png(*_inputs(engine, parts))
        infer_s = time.perf_counter() - began - encode_s
        self._observe(engine, len(files), infer_s)
        outcomes: list[Outcome] = []
        for (drawing, _), content in zip(parts, files, strict=True):
            drawing.drawn_at = time.perf_counter()
            outcomes.append((drawing, Drawn(content, drawing.began_at - drawing.asked_at, infer_s, encode_s)))
        self._settle(outcomes)

    def _observe(self, engine: Engine, images: int, infer_s: float) -> None:
        self.telemetry.infer_seconds.observe(infer_s)
        self.telemetry.batch_size.observe(images)
        self.telemetry.dispatched.labels("full" if images >= engine.best_batch else "idle").inc()

    def _hand_over(self, parts: list[Part], drawn: Images, took: float) -> None:
        """Give each drawing its images, and the encoders those that have all of theirs."""
        self._observe(parts[0][0].engine, len(drawn), took)
        complete, start = list[Drawing[Any]](), 0
        with self._lock:
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


def _inputs(engine: Engine, parts: list[Part]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
    """Noise (B, Z) and labels (B,) of a batch."""
    z_BZ = np.concatenate([drawing.latents.draw(part, engine.latent_dim) for drawing, part in parts])
    if not engine.labels:
        return z_BZ, None
    return z_BZ, np.concatenate([drawing.label_N[part] for drawing, part in parts if drawing.label_N is not None])
