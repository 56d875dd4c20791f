"""Forward passes on threads of this process: on a GPU, and on a CPU without an engine process. Knows no queue.

Shape suffixes: H height, W width, A channels of a picture, and whether a pixel is known.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch

from app.engine.batch import Batch, BatchResult, Facts, PrecisionChoice
from app.engine.forward import Forward, give_back_gpu, run_batch
from app.engine.opening import open_folder
from app.engine.refining import Refiner
from core.machine.memory import give_back
from core.media.images import Images
from core.registry import VersionManifest
from models.context import Descent


class ThreadBackend:
    """A backend of `count` threads; use one for a GPU."""

    def __init__(self, device: str, count: int) -> None:
        if device == "cpu":
            torch.set_num_threads(1)  # of each thread, or torch's threads wait for one another
        self.device, self.count = device, count
        self._pool = ThreadPoolExecutor(count, "engine")
        self._refiner, self._refining = Refiner(torch.device(device)), ThreadPoolExecutor(1, "search")

    def open(self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice) -> tuple["ThreadRunner", Facts]:
        forward, facts = open_folder(folder, manifest, torch.device(self.device), choice)

        def refine(now: Descent, picture_HWA: Images, steps: int) -> Future[Descent]:
            return self._refining.submit(self._refiner.advance, folder, now, picture_HWA, steps)

        on_cpu = facts.device == "cpu"  # a GPU would wait meanwhile
        return ThreadRunner(forward, manifest.latent_dim, self._pool, refine, writes_files=on_cpu), facts

    def give_back(self) -> None:
        give_back_gpu(torch.device(self.device))
        give_back()

    async def start(self) -> None:
        """Nothing to do: threads start when they are needed."""

    async def close(self) -> None:
        self._pool.shutdown(wait=False)
        self._refining.shutdown(wait=False)


class ThreadRunner:
    """A forward pass and the threads that may run it, and what begins a slice of a search."""

    def __init__(
        self,
        forward: Forward,
        latent_dim: int,
        pool: ThreadPoolExecutor,
        refine: Callable[[Descent, Images, int], Future[Descent]],
        *,
        writes_files: bool,
    ) -> None:
        self._run = functools.partial(run_batch, forward, latent_dim)
        self._pool, self._refine = pool, refine
        self.writes_files = writes_files

    async def run(self, batch: Batch) -> BatchResult:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, batch)

    async def refine(self, now: Descent, picture_HWA: Images, steps: int) -> Descent:
        return await asyncio.wrap_future(self._refine(now, picture_HWA, steps))
