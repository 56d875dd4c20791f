"""Slots and their queues: batches, turns, failures. Real engines that wait or fail."""

import asyncio

import numpy as np
import pytest

from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from tests.app.gated import CULPRIT, Failing, Gated, ask, drawn, occupy
from tests.fixtures import OpenEngine, PublishTiny


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


async def test_large_requests_are_done_one_after_the_other(batcher: Batcher, gated: Gated) -> None:
    drawn_by_then: list[int] = []
    first = await occupy(batcher, gated)
    tasks = [ask(batcher, gated, range(160)) for _ in range(4)]
    for task in tasks:
        task.add_done_callback(lambda _: drawn_by_then.append(sum(count for _, count in gated.log)))
    await asyncio.sleep(0)

    gated.gate.set()
    await asyncio.gather(first, *tasks)

    # Of 641: had they shared every batch, all would end at the end. Threads draw on while the loop is late.
    assert drawn_by_then[0] <= 1 + 3 * 160
    assert drawn_by_then == sorted(drawn_by_then)


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
    expected = await drawn(open_engine(), [5], [0])
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


async def test_a_second_hand_takes_full_batches_and_leaves_small_ones(gated: Gated) -> None:
    batcher = Batcher(60, Encoders(threads=1), slots=2)
    batcher.start()
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(10))]
    await asyncio.sleep(0.05)
    assert batcher.waiting == 10

    tasks.append(ask(batcher, gated, range(70)))
    while batcher.waiting != 16:
        await asyncio.sleep(0.01)
    gated.gate.set()

    assert [len(images) for images in await asyncio.gather(*tasks)] == [1, 10, 70]
    assert sorted(gated.log) == [(1, 1), (1, 16), (1, 64)]
    await batcher.close()


async def test_requests_that_come_together_are_drawn_together(batcher: Batcher, gated: Gated) -> None:
    gated.gate.set()

    await asyncio.gather(*(ask(batcher, gated, range(i, i + 1)) for i in range(20)))

    assert gated.log == [(1, 20)]
