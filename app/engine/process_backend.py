"""The API's side of the engine process: starts it, has it draw, and starts it again when it is gone. Knows no queue.

Everything happens on the event loop, which no GIL has to be asked for; only `open` is called by other threads.

Shape suffixes: N images of a request, Z latent, H height, W width, A channels, and whether a pixel is known.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
import subprocess
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from app.engine.batch import Batch, BatchResult, Facts, PrecisionChoice
from app.engine.commands import (
    Command,
    DrawCommand,
    Drawn,
    DropCommand,
    LoadCommand,
    OpenCommand,
    RefineCommand,
    Refined,
)
from app.engine.ipc import Connection, Frame, pack, pack_descent, pack_rows, unpack_descent
from core.errors import ModelCollapsed, StoreDamaged
from core.machine.memory import give_back
from core.machine.processes import python_module
from core.media.images import Images
from core.registry import VersionManifest
from models.context import Descent

DRAWS_WITHIN_S = 20.0  # a batch; else the process is ended, and another draws it before its requests are given up
ANSWERS_WITHIN_S = 60.0  # any other command: files are read
LEAVES_WITHIN_S = 5.0
FACTS = TypeAdapter(Facts)
REPORTED: dict[str, type[StoreDamaged]] = {kind.code: kind for kind in (StoreDamaged, ModelCollapsed)}  # of a version
TRIES = 3  # of a batch; it may be the batch that the engine process dies of

log = logging.getLogger(__name__)


class EngineProcessLost(Exception):
    """The process ended, or hung, while it carried out a command."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to one life of the engine process, and the thread behind it."""

    life: int
    connection: Connection


class ProcessBackend:
    """One engine process with `threads` threads, and two more: one opens versions, one searches."""

    device = "cpu"

    def __init__(self, threads: int) -> None:
        self.count = threads
        self._loaded: dict[int, LoadCommand] = {}  # the commands by which a new one gets what the last one had
        self._keys = itertools.count()
        self._changing = asyncio.Lock()  # of process and life
        self._process: subprocess.Popen[bytes] | None = None
        self._life = 0  # rises with each process
        self._links: asyncio.LifoQueue[Link] = asyncio.LifoQueue()  # free; the last one's thread has the warmest caches
        self._held: set[asyncio.Task[Any]] = set()  # a task that nobody holds may be collected
        self._is_closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Start the process; the first command waits for it."""
        self._loop = asyncio.get_running_loop()
        async with self._changing:
            for link in await self._begin():
                self._links.put_nowait(link)

    async def close(self) -> None:
        async with self._changing:
            self._is_closing = True
            await self._end()

    def open(self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice) -> tuple["ProcessRunner", Facts]:
        """Backend.open; raises EngineProcessLost or RuntimeError too, where the engine process fails."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._open(folder, manifest, choice), self._loop).result()

    async def _open(
        self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice
    ) -> tuple["ProcessRunner", Facts]:
        key = next(self._keys)
        command = OpenCommand(
            do="open", key=key, folder=str(folder), manifest=manifest.model_dump_json(), precision=choice
        )
        facts = FACTS.validate_python((await self.ask(command))[0])
        self._loaded[key] = LoadCommand(do="load", key=key, folder=str(folder), precision=facts.precision)
        runner = ProcessRunner(self, key)
        weakref.finalize(runner, self._dropped, key)
        return runner, facts

    def give_back(self) -> None:
        """Backend.give_back, for this process; the engine process does so itself."""
        give_back()

    async def ask(self, command: Command, *blocks: Any) -> Frame:
        """Return the engine process's answer; a process that ended is asked again after its restart.

        Raises:
            EngineProcessLost: it ended each time.
            StoreDamaged, ModelCollapsed: it reported that.
            RuntimeError: it cannot do this.
        """
        message, draws = pack(command, *blocks), command["do"] == "draw"
        for _ in range(TRIES - 1):
            try:
                return await self._ask(message, draws=draws)
            except EngineProcessLost as error:
                if self._is_closing:
                    raise
                log.warning("%s; it is asked again", error)
        return await self._ask(message, draws=draws)

    async def _ask(self, message: bytes, *, draws: bool) -> Frame:
        if self._is_closing:
            raise EngineProcessLost("the engine process is being closed")
        if self._process is None:
            await self._revive(self._life)
        link = await self._links.get()
        try:
            answer, block = await _exchange(link, message, DRAWS_WITHIN_S if draws else ANSWERS_WITHIN_S)
        except EngineProcessLost:
            await self._revive(link.life)
            raise
        except BaseException:  # who asked gave up: an answer is on its way that nobody will read
            link.connection.close()
            raise
        if link.life == self._life:
            self._links.put_nowait(link)
        if "error" in answer:
            if answer["code"] in REPORTED:
                raise REPORTED[answer["code"]](answer["error"])
            raise RuntimeError(f"the engine process: {answer['error']}")
        return answer, block

    async def refine(self, key: int, now: Descent, picture_HWA: Images, steps: int) -> Descent:
        """Take a slice of a search. Who asked may leave: the answer that is on its way is read all the same."""
        tensors, blocks = pack_descent(now, picture_HWA)
        command = RefineCommand(
            do="refine",
            key=key,
            folder=self._loaded[key]["folder"],
            label=now.label,
            step=now.step,
            steps=steps,
            distance=now.distance,
            tensors=tensors,
        )
        asking = asyncio.create_task(self.ask(command, *blocks))
        self._hold(asking)
        answer: Refined
        answer, block = await asyncio.shield(asking)
        return unpack_descent(answer, now.label, block)[0]

    def _dropped(self, key: int) -> None:
        """Drop a collected runner; called on any thread, so it must not wait for the engine process."""
        self._loaded.pop(key, None)
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the engine process
            self._loop.call_soon_threadsafe(self._begin_drop, key)

    def _begin_drop(self, key: int) -> None:
        self._hold(asyncio.create_task(self._drop(key)))

    def _hold(self, task: "asyncio.Task[Any]") -> None:
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _drop(self, key: int) -> None:
        with contextlib.suppress(EngineProcessLost, RuntimeError):
            await self.ask(DropCommand(do="drop", key=key))

    async def _revive(self, life: int) -> None:
        """Start another process, unless somebody did since `life`, and have it read the same versions."""
        async with self._changing:
            if life != self._life or self._is_closing:
                return
            await self._end()
            links = await self._begin()
            assert self._process is not None
            try:
                for command in list(self._loaded.values()):
                    answer, _ = await _exchange(links[0], pack(command), ANSWERS_WITHIN_S)
                    if "error" in answer:
                        log.error("the engine process could not read %s again: %s", command["folder"], answer["error"])
            except EngineProcessLost:
                self._process.kill()  # the next who asks finds that out, and tries again
            for link in links:
                self._links.put_nowait(link)

    async def _begin(self) -> list[Link]:
        self._process = None
        ours, theirs = zip(*(socket.socketpair() for _ in range(self.count + 2)), strict=True)
        descriptors = [end.fileno() for end in theirs]
        command = python_module("app.engine.process", *descriptors)
        try:
            self._process = subprocess.Popen(command, pass_fds=descriptors)
        except OSError as error:
            for end in ours:
                end.close()
            raise EngineProcessLost(f"the engine process cannot be started: {error}") from error
        finally:
            for end in theirs:
                end.close()
        self._life += 1
        loop = asyncio.get_running_loop()
        return [Link(self._life, (await loop.create_unix_connection(Connection, sock=end))[1]) for end in ours]

    async def _end(self) -> None:
        while not self._links.empty():
            self._links.get_nowait().connection.close()
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, LEAVES_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                await asyncio.to_thread(self._process.wait)


class ProcessRunner:
    writes_files = True

    def __init__(self, backend: ProcessBackend, key: int) -> None:
        self._backend, self._key = backend, key

    async def run(self, batch: Batch) -> BatchResult:
        tensors, blocks = pack_rows(batch.rows)
        command = DrawCommand(do="draw", key=self._key, bucket=batch.bucket, as_files=batch.as_files, tensors=tensors)
        answer: Drawn
        answer, block = await self._backend.ask(command, *blocks)
        given = np.frombuffer(b"" if batch.as_files else block, answer["dtype"]).reshape(answer["shape"])
        ends = list(itertools.accumulate(answer.get("sizes", ())))
        files = [bytes(block[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
        return BatchResult(given, answer["infer_s"], files, answer["encode_s"])

    async def refine(self, now: Descent, picture_HWA: Images, steps: int) -> Descent:
        return await self._backend.refine(self._key, now, picture_HWA, steps)


async def _exchange(link: Link, message: bytes, within_s: float) -> Frame:
    try:
        async with asyncio.timeout(within_s):
            return await link.connection.exchange(message)
    except TimeoutError:
        link.connection.close()
        raise EngineProcessLost(f"the engine process did not answer within {within_s:g} s") from None
    except OSError as error:
        link.connection.close()
        raise EngineProcessLost(f"the engine process went away ({type(error).__name__})") from None
