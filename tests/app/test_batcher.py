"""The engine thread and its queues: batches, turns, failures, overload, the end. Real engines that wait or fail."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from fastapi import FastAPI

from app.generate.batcher import Batcher
from app.generate.engine import Engine
from app.main import create_app
from core.errors import NotReady, Overloaded
from core.images import Images
from core.refs import ModelRef
from core.settings import Settings
from models.noise import Latents, draw_noise

PublishTiny = Callable[..., int]
OpenEngine = Callable[..., Engine]
Serve = Callable[[FastAPI], Any]

CULPRIT = 2  # the label that a Failing engine cannot draw


class Gated(Engine):
    """Draws only while its gate is open, and keeps who drew how many in `log`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gate, self.entered, self.log = threading.Event(), threading.Event(), list[tuple[object, int]]()

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


@pytest.fixture
async def batcher() -> AsyncIterator[Batcher]:
    running = Batcher(60, ThreadPoolExecutor(1))
    running.start()
    yield running
    await asyncio.to_thread(running.close)


@pytest.fixture
def gated(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Gated:
    publish_tiny()
    engine = open_engine(kind=Gated)
    assert isinstance(engine, Gated)
    return engine


def ask(batcher: Batcher, engine: Engine, seeds: range, label: int = 0) -> "asyncio.Task[Images]":
    """Begin to draw; the task is in the queue when the loop has gone round once."""

    async def draw() -> Images:
        labels = np.full(len(seeds), label, np.int64)
        return (await batcher.draw(engine, Latents(seeds), labels, np.copy)).content

    return asyncio.create_task(draw())


async def occupy(batcher: Batcher, engine: Gated) -> "asyncio.Task[Images]":
    """One request that is being drawn and stays so until the gate opens."""
    task = ask(batcher, engine, range(1))
    assert await asyncio.to_thread(engine.entered.wait, 30)
    return task


async def test_what_waits_together_is_drawn_together(batcher: Batcher, gated: Gated) -> None:
    tasks = [await occupy(batcher, gated), *(ask(batcher, gated, range(i, i + 1)) for i in range(10))]
    await asyncio.sleep(0)

    gated.gate.set()
    await asyncio.gather(*tasks)

    assert gated.log == [(1, 1), (1, 10)]


async def test_each_request_gets_its_own_images_in_order(batcher: Batcher, gated: Gated) -> None:
    first = await occupy(batcher, gated)
    ranges = [range(0, 40), range(7, 8), range(100, 230), range(3, 20)]
    tasks = [ask(batcher, gated, seeds) for seeds in ranges]
    await asyncio.sleep(0)

    gated.gate.set()
    drawn = await asyncio.gather(*tasks)
    await first

    for seeds, images in zip(ranges, drawn, strict=True):
        alone = [(await ask(batcher, gated, range(seed, seed + 1)))[0] for seed in seeds]
        assert np.array_equal(images, np.stack(alone))


async def test_a_small_request_does_not_wait_for_all_of_a_large_one(batcher: Batcher, gated: Gated) -> None:
    done: list[str] = []
    first = await occupy(batcher, gated)
    large = ask(batcher, gated, range(300))
    await asyncio.sleep(0)
    small = ask(batcher, gated, range(2))
    await asyncio.sleep(0)
    large.add_done_callback(lambda _: done.append("large"))
    small.add_done_callback(lambda _: done.append("small"))

    gated.gate.set()
    await asyncio.gather(first, large, small)

    assert done == ["small", "large"]
    assert sum(count for _, count in gated.log) == 303


async def test_versions_take_turns(
    batcher: Batcher, gated: Gated, publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny(seed=1)
    other = open_engine(version=2, kind=Gated)
    assert isinstance(other, Gated)
    other.log = gated.log
    other.gate.set()
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(256))]
    await asyncio.sleep(0)
    tasks += [ask(batcher, other, range(128))]
    await asyncio.sleep(0)

    gated.gate.set()
    await asyncio.gather(*tasks)

    assert [version for version, _ in gated.log] == [1, 1, 2, 1, 2, 1, 1]


async def test_only_the_culprits_of_a_failed_batch_fail(
    batcher: Batcher, publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny()
    engine = open_engine(kind=Failing)
    assert isinstance(engine, Failing)
    expected = open_engine().draw(draw_noise([5], 4), np.zeros(1, np.int64))
    first = await occupy(batcher, engine)
    good = [ask(batcher, engine, range(5, 6)) for _ in range(4)]
    bad = [ask(batcher, engine, range(5, 6), CULPRIT) for _ in range(2)]
    await asyncio.sleep(0)

    engine.gate.set()
    await first
    failed = await asyncio.gather(*bad, return_exceptions=True)

    assert all(np.array_equal(images, expected) for images in await asyncio.gather(*good))
    assert [str(error) for error in failed] == ["this label cannot be drawn"] * 2
    assert batcher.is_alive
    assert np.array_equal(await ask(batcher, engine, range(5, 6)), expected)


async def test_the_rest_of_a_large_request_that_failed_is_not_drawn(
    batcher: Batcher, publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny()
    engine = open_engine(kind=Failing)
    assert isinstance(engine, Failing)
    engine.gate.set()

    with pytest.raises(RuntimeError, match="cannot be drawn"):
        await ask(batcher, engine, range(640), CULPRIT)

    await ask(batcher, engine, range(1))
    assert sum(count for _, count in engine.log) <= 3 * 64


async def test_a_canceled_request_is_not_drawn(batcher: Batcher, gated: Gated) -> None:
    first = await occupy(batcher, gated)
    kept, gone = ask(batcher, gated, range(3)), ask(batcher, gated, range(50))
    await asyncio.sleep(0)

    gone.cancel()
    await asyncio.sleep(0)
    gated.gate.set()
    await asyncio.gather(first, kept)

    assert gated.log == [(1, 1), (1, 3)]


async def test_what_is_canceled_is_counted_by_how_far_it_was(batcher: Batcher, gated: Gated) -> None:
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(5))]
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    gated.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    value = batcher.telemetry.registry.get_sample_value
    assert [value("ganymede_cancelled_total", {"stage": stage}) for stage in ("infer", "queue")] == [1, 1]


async def test_a_canceled_request_frees_its_place_at_once(gated: Gated) -> None:
    batcher = Batcher(1e-9, ThreadPoolExecutor(1))
    batcher.start()
    gated.gate.set()
    await ask(batcher, gated, range(1))  # from here on its speed is known
    gated.gate.clear()
    gated.entered.clear()
    first = await occupy(batcher, gated)
    waits = ask(batcher, gated, range(50))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await ask(batcher, gated, range(1))

    waits.cancel()
    await asyncio.sleep(0)
    admitted = ask(batcher, gated, range(1))
    gated.gate.set()

    assert len(await admitted) == 1
    await first
    await asyncio.to_thread(batcher.close)


async def test_too_long_a_queue_is_refused_with_the_time_it_takes(
    settings: Settings, gated: Gated, serve: Serve
) -> None:
    gated.gate.set()
    app = create_app(settings.model_copy(update={"max_wait": 1e-9}))
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        await client.get("/generate", params={"seed": 1})
        gated.gate.clear()
        gated.entered.clear()
        running = asyncio.create_task(client.get("/generate", params={"seed": 2}))
        await asyncio.to_thread(gated.entered.wait, 30)
        waiting = ask(app.state.services.batcher, gated, range(3))
        await asyncio.sleep(0)

        refused = await client.get("/generate", params={"seed": 4})
        known = await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": "*"})
        gated.gate.set()

        assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        assert known.status_code == 304
        assert ((await running).status_code, len(await waiting)) == (200, 3)


async def test_closing_draws_what_waits_and_refuses_what_comes(batcher: Batcher, gated: Gated) -> None:
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(200)), ask(batcher, gated, range(3))]
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(batcher.close))
    while not batcher._is_closing:
        await asyncio.sleep(0.01)

    with pytest.raises(NotReady):
        await ask(batcher, gated, range(1))
    gated.gate.set()
    await closing

    assert [len(images) for images in await asyncio.gather(*tasks)] == [1, 200, 3]
    assert not batcher.is_alive
