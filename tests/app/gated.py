"""Engines that wait until a test lets them draw, or fail, and requests that are under way. No test in here."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from app.generate.batcher import Batcher
from app.generate.engine import Engine
from core.images import Images
from models.noise import Latents

CULPRIT = 2  # the label that a Failing engine cannot draw


class Gated(Engine):
    """Draws only while its gate is open, and keeps who drew how many in `log`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gate, self.entered, self.log = threading.Event(), threading.Event(), list[tuple[object, int]]()

    def _rate(self) -> None:
        super()._rate()
        self.best_batch = 64

    def batch_for(self, waiting: int) -> int:
        return min(waiting, 64)

    def draw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        self.entered.set()
        assert self.gate.wait(30)
        self.log.append((self.version, len(z_BZ)))
        return super().draw(z_BZ, label_B)


class Failing(Gated):
    """Fails every batch that has an image of class CULPRIT in it."""

    def draw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        drawn = super().draw(z_BZ, label_B)
        if label_B is not None and CULPRIT in label_B:
            raise RuntimeError("this label cannot be drawn")
        return drawn


def ask(
    batcher: Batcher, engine: Engine, seeds: range, label: int = 0, encode: Callable[[Images], Images] = np.copy
) -> "asyncio.Task[Images]":
    """Begin to draw; the task is in the queue when the loop has gone round once."""

    async def draw() -> Images:
        labels = np.full(len(seeds), label, np.int64)
        return (await batcher.draw(engine, Latents(seeds), labels, encode)).content

    return asyncio.create_task(draw())


async def occupy(batcher: Batcher, engine: Gated) -> "asyncio.Task[Images]":
    """One request that is being drawn and stays so until the gate opens."""
    task = ask(batcher, engine, range(1))
    assert await asyncio.to_thread(engine.entered.wait, 30)
    return task
