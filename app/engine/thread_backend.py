"""Forward passes on threads of this process: on a GPU, and on a CPU without an engine process. Knows no queue."""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from app.engine.batch import Batch, BatchResult, Facts, PrecisionChoice
from app.engine.forward import Forward, give_back_gpu, run_batch
from app.engine.opening import open_folder
from core.machine.memory import give_back
from core.registry import VersionManifest


class ThreadBackend:
    """A backend of `count` threads; use one for a GPU."""

    def __init__(self, device: str, count: int) -> None:
        if device == "cpu":
            torch.set_num_threads(1)  # of each thread, or torch's threads wait for one another
        self.device, self.count = device, count
        self._pool = ThreadPoolExecutor(count, "engine")

    def open(self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice) -> tuple["ThreadRunner", Facts]:
        forward, facts = open_folder(folder, manifest, torch.device(self.device), choice)
        return ThreadRunner(
            forward, manifest.latent_dim, self._pool, writes_files=facts.device == "cpu"
        ), facts  # a GPU would wait meanwhile

    def give_back(self) -> None:
        give_back_gpu(torch.device(self.device))
        give_back()

    async def start(self) -> None:
        """Nothing to do: threads start when they are needed."""

    async def close(self) -> None:
        self._pool.shutdown(wait=False)


class ThreadRunner:
    """A forward pass, and the threads that may run it."""

    def __init__(self, forward: Forward, latent_dim: int, pool: ThreadPoolExecutor, *, writes_files: bool) -> None:
        self._run = functools.partial(run_batch, forward, latent_dim)
        self._pool = pool
        self.writes_files = writes_files

    async def run(self, batch: Batch) -> BatchResult:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, batch)
