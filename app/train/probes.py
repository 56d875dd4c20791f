"""Measurements of what a run would take, each in a process of its own (worker/probe), one at a time. Knows no route.

Who asks for what is being measured waits for the same process; it is ended when nobody waits for it any more.
"""

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass

from core.datasets.manifest import DatasetManifest
from core.machine.clock import timestamp
from core.machine.processes import python_module
from core.resolved import ResolvedConfig
from core.runs.measured import Measured

PROCESS = "worker.probe"  # named as text: the API never imports the worker
WITHIN_S = 25.0  # a measurement takes, and who asks waits; what was said until then counts
PATIENCE_S = 12.0  # of that for steps; before them a process starts, after them it writes a checkpoint
KEPT, KEPT_FOR_S = 128, 3600.0
SHAPES_WAITING = 8

Shape = tuple[Hashable, ...]

log = logging.getLogger(__name__)


@dataclass
class Measurement:
    """What worker/probe has reported of one shape; None: nothing yet."""

    known: Measured | None = None
    at: str = ""
    waiting: int = 0
    until: float = float("inf")  # when it is to be measured again, by time.monotonic()
    task: "asyncio.Task[None] | None" = None

    @property
    def is_whole(self) -> bool:
        is_done = self.task is not None and self.task.done()
        return is_done and self.known is not None and self.known.checkpoint_s is not None


class Probes:
    """All measurements of one app; `device` as in the settings."""

    def __init__(self, device: str) -> None:
        self.device, self.host = device, socket.gethostname()
        self._known: OrderedDict[Shape, Measurement] = OrderedDict()
        self._turn = asyncio.Semaphore(1)

    async def get(self, resolved: ResolvedConfig, dataset: DatasetManifest) -> Measurement:
        """Return what is known of such a run after WITHIN_S at most; cancelling it releases the measurement."""
        async with self._shared(resolved, dataset) as probe:
            if probe.task is not None:
                await asyncio.wait({probe.task}, timeout=WITHIN_S)
            return probe

    async def close(self) -> None:
        tasks = [probe.task for probe in self._known.values() if probe.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _shared(self, resolved: ResolvedConfig, dataset: DatasetManifest) -> AsyncIterator[Measurement]:
        key = _shape(resolved, dataset)
        probe = self._known.get(key)
        if probe is None or time.monotonic() > probe.until:
            probe = self._known[key] = Measurement()
            under_way = sum(each.task is not None and not each.task.done() for each in self._known.values())
            if under_way < SHAPES_WAITING:
                probe.task = asyncio.create_task(self._measure(probe, resolved, dataset))
        probe.waiting += 1
        try:
            yield probe
        finally:
            probe.waiting -= 1
            if not probe.waiting and not probe.is_whole and self._known.get(key) is probe:
                del self._known[key]  # the next who asks has it tried again
            if not probe.waiting and probe.task is not None and not probe.task.done():
                probe.task.cancel()
                await asyncio.gather(probe.task, return_exceptions=True)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)

    async def _measure(self, probe: Measurement, resolved: ResolvedConfig, dataset: DatasetManifest) -> None:
        """Add the lines that the process reports to `probe`, until it ends."""
        sizes = dataset.model_dump(include={"count", "height", "width", "channels"})
        order = {"resolved": resolved.to_json(), "dataset": sizes, "device": self.device, "patience_s": PATIENCE_S}
        async with self._turn:
            pipe = asyncio.subprocess.PIPE
            command = python_module(PROCESS, json.dumps(order))
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
            try:
                async with asyncio.timeout(WITHIN_S):
                    assert process.stdout is not None
                    async for line in process.stdout:
                        probe.known, probe.at = Measured.model_validate_json(line), timestamp()
                    if await process.wait():
                        log.warning("the process of a measurement ended with status %d", process.returncode)
            except TimeoutError:
                log.info("a measurement took longer than %d s, and was ended", WITHIN_S)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        probe.until = time.monotonic() + KEPT_FOR_S


def _shape(resolved: ResolvedConfig, dataset: DatasetManifest) -> Shape:
    """Return what a step's time and memory depend on."""
    networks = (resolved.architecture, resolved.network, resolved.objective, resolved.likelihood, resolved.conditioning)
    step = (resolved.batch_size, resolved.n_critic, resolved.regulariser, resolved.augment, resolved.augment_policy)
    return *networks, *step, resolved.precision, dataset.count < 4 * resolved.batch_size
