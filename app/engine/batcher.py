"""Many requests, one forward pass: the queues, and the slots that take batches from them. Knows engines, no HTTP.

A slot takes what waits as soon as it is free: batches form by themselves while it is busy, nothing waits for company.
One batch holds one model version; versions take turns; a large request is split, and a small one that comes later does
not wait for all of it. Everything happens on the event loop; forward passes run elsewhere (app/engine/batch.py).

A slot has a forward pass of its own; a CPU has one slot more than cores (docs/decisions/0006).

Shape suffixes: N images of a request.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.engine.batch import BatchResult, Rows
from app.engine.encoders import Encoders
from app.engine.engine import Engine
from app.engine.keeper import KeptTask, TaskKeeper
from app.engine.pace import MARGIN, Pace
from app.engine.queues import Queues, RequestSlice, images_of
from app.engine.request import EngineRequest, Patience, RequestOutput, grouped
from app.engine.telemetry import EngineTelemetry
from core.errors import NotReady, Overloaded
from core.media.images import Images

COPY_BYTES = 1 << 19  # of pixels that the event loop copies itself, in some 50 us
ENCODE_BYTES = 1 << 17  # of pixels that one task of the encoders takes on, or one request
T = TypeVar("T")
Outcome = tuple[EngineRequest[Any], RequestOutput[Any] | BaseException]

log = logging.getLogger(__name__)


class Batcher:
    """Collects requests into batches and hands them to slots."""

    def __init__(
        self,
        max_wait_s: float,
        encoders: Encoders,
        telemetry: EngineTelemetry | None = None,
        slots: int = 1,
        timeout_s: float = 60.0,
        keeper: TaskKeeper | None = None,
    ) -> None:
        self.max_wait_s, self.encoders, self.telemetry = max_wait_s, encoders, telemetry or EngineTelemetry()
        self._overloaded = self.telemetry.rejected.labels(Overloaded.code)
        self.slots = slots  # forward passes at a time
        self._patience = Patience(timeout_s)
        self._queues, self._pace = Queues(), Pace()
        self._keeper = keeper or TaskKeeper()
        self._tasks: list[KeptTask] = []  # one a slot
        self._idle: list[asyncio.Future[None]] = []  # of slots that wait
        self._is_closing = False
        self.is_full = False  # whether the last who came was refused
        self._admitted = 0  # requests, ever
        self._seen: int | None = None  # of them, when last looked; None: nobody looks
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the slots on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._keeper.start(f"slot {i}", self._work, kind="slot") for i in range(self.slots)]

    async def close(self, patience_s: float = 30.0) -> None:
        """Draw what waits, and refuse new requests."""
        self._is_closing = True
        while self._idle:
            self._wake()
        if tasks := [kept.task for kept in self._tasks if kept.task is not None]:
            await asyncio.wait(tasks, timeout=patience_s)
        for kept in self._tasks:  # those that are late, or dead
            await kept.close()

    @property
    def is_alive(self) -> bool:
        """Whether a slot draws, or waits to; one that died is started again, and told of in /readyz."""
        return any(kept.is_alive for kept in self._tasks)

    @property
    def waiting(self) -> int:
        """Number of waiting images."""
        return self._queues.images

    def submit(
        self,
        engine: Engine,
        rows: Rows,
        encode: Callable[[Images], T],
        *,
        is_plain_png: bool = False,
        is_copy: bool = False,
        work_s: float = 0.0,
    ) -> EngineRequest[T]:
        """Queue a request for the pictures (N, H, W, C) of N rows, which `encode` turns into a file. Then call `wait`.

        is_plain_png: `encode` does to one image what write_png does, so the engine process may do it.
        is_copy: `encode` only copies pixels, which costs less than a task of the encoders.
        work_s: seconds of one thread that `encode` takes.

        Raises:
            Overloaded: the drawing or the encoding would wait too long.
            NotReady: the service is shutting down.
        """
        self.check_room()
        request = EngineRequest(engine, rows, encode, len(rows), is_plain_png, is_copy)
        if not (is_copy or (is_plain_png and engine.writes_files)):
            self.encoders.check_room()
            request.owed_s = work_s
            self.encoders.owe(work_s)
        self._queues.add(request)
        self._admitted += 1
        if self._seen is None:
            self._look()
        return request

    async def wait(
        self, request: EngineRequest[T], gone: Callable[[], Awaitable[object]] | None = None
    ) -> RequestOutput[T]:
        """Wait for a request, and drop it when the last waiter gives up. GenerationTimeout or ClientGone."""
        try:
            return await self._patience.wait(request, gone)
        finally:
            if not request.waiters and not request.is_over:
                self._queues.drop(request)
                self._forgive(request)
                self.telemetry.cancelled.labels(request.stage).inc()

    async def draw(
        self, engine: Engine, rows: Rows, encode: Callable[[Images], T], work_s: float = 0.0
    ) -> RequestOutput[T]:
        return await self.wait(self.submit(engine, rows, encode, work_s=work_s))

    def check_room(self) -> None:
        """Raise Overloaded or NotReady if `submit` would refuse every request."""
        if self._is_closing or not self.is_alive:
            self.telemetry.rejected.labels(NotReady.code).inc()
            raise NotReady("the service is shutting down" if self._is_closing else "the engine is being started again")
        wait_s = self._queues.seconds / self._pace.speed
        self.is_full = wait_s * MARGIN > self.max_wait_s
        if self.is_full:
            self._overloaded.inc()
            raise Overloaded(f"{self._queues.images} images wait, about {wait_s:.1f} s of work", wait_s)

    def _look(self) -> None:
        """Wake a slot once the loop brings no new requests, so that those that arrive together are drawn together."""
        if self._queues.has_full_batch or self._seen == self._admitted:
            self._seen = None
            self._wake()
            return
        self._seen = self._admitted
        assert self._loop is not None
        self._loop.call_soon(self._look)

    def _wake(self) -> None:
        """Wake one idle slot."""
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.done():  # else it died while it waited
                waiting.set_result(None)
                return

    async def _work(self) -> None:
        while True:
            await self.encoders.room()
            engine = self._queues.due
            if engine is None:
                if self._is_closing:
                    return  # what waits yet is for the slot that draws the same version
                self._idle.append(asyncio.get_running_loop().create_future())
                await self._idle[-1]
                continue
            parts = self._queues.begin(engine)
            if self._queues.due is not None:
                self._wake()
            try:
                if parts:
                    await self._draw_batch(engine, parts)
            except BaseException:  # the slot dies: nobody else will draw what it took
                lost = [request for request, _ in parts if not request.is_over]
                for request in lost:
                    self._queues.drop(request)
                self._settle([(request, NotReady("what draws it was ended; send it again")) for request in lost])
                raise
            finally:
                self._queues.end(engine)

    async def _draw_batch(self, engine: Engine, parts: list[RequestSlice]) -> None:
        as_files = engine.writes_files and all(request.is_plain_png for request, _ in parts)
        try:
            rows = Rows.joined([request.rows.take(part) for request, part in parts], engine.latent_dim)
            result = await engine.draw(rows, as_files=as_files)
        except Exception as error:  # the slot must outlive whatever a model does
            if len(parts) > 1:
                for single in parts:  # so that only the culprits fail
                    await self._draw_batch(engine, [single])
                return
            request = parts[0][0]
            request.context.run(log.error, "drawing with %s@%s failed", engine.name, engine.version, exc_info=error)
            self._queues.drop(request)
            self._settle([(request, error)])
            return
        count = images_of(parts)
        self._pace.did(engine.work_of(count), time.perf_counter(), more_waits=self._queues.due is not None)
        self.telemetry.infer_seconds.observe(result.infer_s)
        self.telemetry.batch_size.observe(count)
        self.telemetry.dispatched.labels("full" if count >= engine.best_batch else "idle").inc()
        if as_files:
            self._settle([(request, _drawn(request, result, i)) for i, (request, _) in enumerate(parts)])
        else:
            self._hand_over(parts, result)

    def _hand_over(self, parts: list[RequestSlice], result: BatchResult) -> None:
        """Give each request its images, and hand complete requests to the encoders."""
        complete, start = list[EngineRequest[Any]](), 0
        for request, part in parts:
            end = start + part.stop - part.start
            if request.add(part.start, result.images[start:end], result.infer_s) and not request.is_over:
                complete.append(request)
            start = end
        for group in grouped(complete, ENCODE_BYTES):
            if all(request.is_copy and request.nbytes <= COPY_BYTES for request in group):
                self._settle(self._outcomes(group))
                continue
            try:
                nbytes = sum(request.nbytes for request in group)
                self.encoders.submit(nbytes, self._encode, group, nbytes)
            except RuntimeError as error:  # they are shut down
                self._settle([(request, error) for request in group])

    def _encode(self, requests: list[EngineRequest[Any]], nbytes: int) -> None:
        """Encode on a thread; report to the loop once, because waking it costs more than setting a future."""
        outcomes = self._outcomes(requests)
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._encoded, outcomes, nbytes)

    def _encoded(self, outcomes: list[Outcome], nbytes: int) -> None:
        self.encoders.did(sum(request.owed_s for request, _ in outcomes), nbytes)
        self._settle(outcomes)

    def _forgive(self, request: EngineRequest[Any]) -> None:
        """Release the encoding time promised to a request."""
        self.encoders.forgive(request.owed_s)
        request.owed_s = 0.0

    def _outcomes(self, requests: list[EngineRequest[Any]]) -> list[Outcome]:
        """Encode each request, or keep its error."""
        outcomes: list[Outcome] = []
        for request in requests:
            if request.is_over:
                continue
            try:
                outcomes.append((request, request.encoded()))
            except Exception as error:
                request.context.run(log.exception, "the images of a request could not be encoded")
                outcomes.append((request, error))
        return outcomes

    def _settle(self, outcomes: list[Outcome]) -> None:
        for request, outcome in outcomes:
            request.settle(outcome)
            self._forgive(request)
            if isinstance(outcome, RequestOutput):
                self.telemetry.queue_seconds.observe(outcome.queue_s)
                self.telemetry.encode_seconds.observe(outcome.encode_s)


def _drawn(request: EngineRequest[Any], result: BatchResult, place: int) -> RequestOutput[Any]:
    request.drawn_at = time.perf_counter()
    return RequestOutput(result.files[place], request.began_at - request.asked_at, result.infer_s, result.encode_s)
