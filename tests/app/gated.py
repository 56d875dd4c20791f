"""Engines that wait until a test lets them draw, or fail, and requests that are under way. No test in here."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from app.engine.batch import BatchResult, Rows
from app.engine.batcher import Batcher
from app.engine.engine import Engine
from core.media.images import Images
from models.noise import Latents, default_labels

CULPRIT = 2  # the label that a Failing engine cannot draw


class Gated(Engine):
    """Draws only while its gate is open, and keeps who drew how many in `log`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gate, self.entered, self.log = asyncio.Event(), asyncio.Event(), list[tuple[object, int]]()

    def _rate(self) -> None:
        super()._rate()
        self.best_batch = 64

    def batch_for(self, waiting: int) -> int:
        return min(waiting, 64)

    async def draw(self, rows: Rows, *, as_files: bool = False) -> BatchResult:
        self.entered.set()
        await asyncio.wait_for(self.gate.wait(), 300)
        self.log.append((self.version, len(rows)))
        return await super().draw(rows, as_files=as_files)


class Failing(Gated):
    """Fails every batch that has an image of class CULPRIT in it."""

    async def draw(self, rows: Rows, *, as_files: bool = False) -> BatchResult:
        result = await super().draw(rows, as_files=as_files)
        if CULPRIT in rows.tensors["label"]:
            raise RuntimeError("this label cannot be drawn")
        return result


async def drawn(engine: Engine, seeds: Sequence[int], labels: list[int] | None = None) -> Images:
    """Pictures of an engine, past any queue; of default labels where it knows labels."""
    if labels is None and engine.labels:
        labels = default_labels(seeds, len(engine.labels))
    parts = [slice(i, i + engine.buckets[-1]) for i in range(0, len(seeds), engine.buckets[-1])]
    results = [await engine.draw(Rows.of(Latents(seeds[part]), labels and labels[part])) for part in parts]
    return np.concatenate([one.images for one in results])


def ask(
    batcher: Batcher, engine: Engine, seeds: range, label: int = 0, encode: Callable[[Images], Images] = np.copy
) -> "asyncio.Task[Images]":
    """Begin to draw; the task is in the queue when the loop has gone round once."""

    async def draw() -> Images:
        return (await batcher.draw(engine, Rows.of(Latents(seeds), [label] * len(seeds)), encode)).content

    return asyncio.create_task(draw())


async def occupy(batcher: Batcher, engine: Gated) -> "asyncio.Task[Images]":
    """One request that is being drawn and stays so until the gate opens."""
    task = ask(batcher, engine, range(1))
    assert await asyncio.wait_for(engine.entered.wait(), 300)
    return task
