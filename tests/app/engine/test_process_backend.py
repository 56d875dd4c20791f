"""The engine process draws the same bytes as a thread, and is started again when it dies. A real process each."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest

from app.engine.batch import Batch, PrecisionChoice, Rows, Runner
from app.engine.engine import Engine, load_engine
from app.engine.process_backend import DRAWS_WITHIN_S, ProcessBackend, ProcessRunner
from app.engine.thread_backend import ThreadBackend
from core.errors import StoreDamaged
from core.media.images import Images
from core.media.images.png import write_png
from core.registry import Registry
from core.settings import Settings
from models.context import Descent
from models.noise import Latents, default_labels, draw_noise
from tests.app.gated import drawn
from tests.fixtures import Eventually, PublishTiny
from tests.processes import freeze

Open = Callable[[PrecisionChoice], Awaitable[Runner]]

SEEDS = range(16)


@pytest.fixture(scope="module")
async def backend(anyio_backend: str) -> AsyncIterator[ProcessBackend]:
    running = ProcessBackend(2)
    await running.start()
    yield running
    await running.close()


@pytest.fixture
def open_tiny(backend: ProcessBackend, registry: Registry, publish_tiny: PublishTiny) -> Open:
    publish_tiny()

    async def open_it(precision: PrecisionChoice) -> Runner:
        folder, manifest = registry.folder("tiny", 1), registry.manifest("tiny", 1)
        return (await asyncio.to_thread(backend.open, folder, manifest, precision))[0]

    return open_it


def batch(count: int = 16, *, as_files: bool = False) -> Batch:
    seeds = SEEDS[:count]
    return Batch(Rows.of(Latents(seeds), default_labels(seeds, 3)), 16, as_files)


async def draw(runner: Runner) -> bytes:
    return (await runner.run(batch())).images.tobytes()


def pid_of(backend: ProcessBackend) -> int:
    assert backend._process is not None
    return backend._process.pid


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
async def test_it_draws_the_bytes_that_this_process_draws(
    backend: ProcessBackend, registry: Registry, publish_tiny: PublishTiny, precision: str
) -> None:
    folder, manifest = registry.folder("tiny", publish_tiny()), registry.manifest("tiny", 1)

    async def load(backend: ProcessBackend | ThreadBackend) -> Engine:
        return await asyncio.to_thread(load_engine, "tiny", 1, folder, manifest, backend, precision)  # type: ignore[arg-type]

    here, there = await load(ThreadBackend("cpu", 1)), await load(backend)

    assert isinstance(there.runner, ProcessRunner)
    assert np.array_equal(await drawn(there, range(64)), await drawn(here, range(64)))
    assert (there.buckets, there.identity) == (here.buckets, here.identity)


async def test_it_draws_noise_that_was_given(open_tiny: Open) -> None:
    runner, z_NZ = await open_tiny("float32"), draw_noise(SEEDS, 4)

    given = await runner.run(Batch(Rows.of(Latents((), 0.5, z_NZ), default_labels(SEEDS, 3)), 16))

    of_seeds = await runner.run(Batch(Rows.of(Latents(SEEDS, 0.5), default_labels(SEEDS, 3)), 16))
    assert np.array_equal(given.images, of_seeds.images)
    assert given.images.tobytes() != await draw(runner)


def subject() -> tuple[Descent, Images]:
    """A search that begins, and the picture with a hole (H, W, A) that it is for."""
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 2), np.uint8)
    picture[..., 1] = 255
    picture[2:6, 2:6] = 0
    return Descent.begin(draw_noise([1], 4), 2, 1.0), picture


async def searched(runner: Runner, steps: int = 30) -> Descent:
    now, picture = subject()
    while now.step < steps:
        now = await runner.refine(now, picture, steps)
    return now


async def test_it_searches_as_this_process_does_also_when_it_is_killed_meanwhile(
    backend: ProcessBackend, open_tiny: Open, registry: Registry
) -> None:
    runner = await open_tiny("float32")
    threads = ThreadBackend("cpu", 1)
    here, _ = threads.open(registry.folder("tiny", 1), registry.manifest("tiny", 1), "float32")

    there = await searched(runner)
    asking = asyncio.create_task(searched(runner))
    await asyncio.sleep(0)
    os.kill(pid_of(backend), signal.SIGKILL)

    expected = await searched(here)
    assert np.array_equal(there.noise, expected.noise)
    assert np.array_equal((await asking).noise, expected.noise)
    assert there.distance == expected.distance < 1


async def test_who_leaves_a_search_leaves_the_process_to_others(backend: ProcessBackend, open_tiny: Open) -> None:
    runner = await open_tiny("float32")
    expected = await draw(runner)

    for _ in range(2 * backend.count + 4):
        asking = asyncio.create_task(searched(runner, steps=1_000_000))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    assert await draw(runner) == expected


async def test_it_writes_the_files_that_this_process_writes(open_tiny: Open) -> None:
    runner = await open_tiny("float32")

    result = await runner.run(batch(5, as_files=True))

    assert result.files == [write_png(image) for image in (await runner.run(batch(5))).images]
    assert min(result.infer_s, result.encode_s) > 0


async def test_an_engine_process_that_was_killed_is_back_for_the_next_batch(
    backend: ProcessBackend, open_tiny: Open
) -> None:
    runner = await open_tiny("float32")
    expected, before = await draw(runner), pid_of(backend)

    os.kill(before, signal.SIGKILL)

    assert await draw(runner) == expected
    assert pid_of(backend) != before


async def test_an_engine_process_that_is_killed_while_many_batches_are_drawn_costs_none_a_picture(
    backend: ProcessBackend, open_tiny: Open
) -> None:
    runner = await open_tiny("float32")
    expected = await draw(runner)
    tasks = [asyncio.create_task(draw(runner)) for _ in range(200)]
    await asyncio.sleep(0.05)

    os.kill(pid_of(backend), signal.SIGKILL)

    assert set(await asyncio.gather(*tasks)) == {expected}


async def test_an_engine_process_that_hangs_is_replaced(
    backend: ProcessBackend, open_tiny: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = await open_tiny("float32")
    expected, before = await draw(runner), pid_of(backend)
    monkeypatch.setattr("app.engine.process_backend.DRAWS_WITHIN_S", 0.5)
    monkeypatch.setattr("app.engine.process_backend.LEAVES_WITHIN_S", 0.5)
    freeze(before)
    hangs = asyncio.create_task(draw(runner))
    await asyncio.sleep(0)
    monkeypatch.setattr("app.engine.process_backend.DRAWS_WITHIN_S", 60)  # its successor has to start first

    assert await hangs == expected
    assert await draw(runner) == expected
    assert pid_of(backend) != before


def test_a_request_waits_long_enough_for_the_successor_of_a_process_that_hangs() -> None:
    assert Settings().timeout > 2 * DRAWS_WITHIN_S


async def test_what_it_cannot_read_is_told(
    backend: ProcessBackend, registry: Registry, publish_tiny: PublishTiny
) -> None:
    folder, manifest = registry.folder("tiny", publish_tiny()), registry.manifest("tiny", 1)
    (folder / "generator.safetensors").write_bytes(b"no weights")

    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        await asyncio.to_thread(backend.open, folder, manifest, "float32")


async def test_a_command_that_fails_leaves_the_next_one_possible(open_tiny: Open) -> None:
    runner = await open_tiny("float32")

    with pytest.raises(RuntimeError, match="the engine process: "):
        await runner.run(Batch(Rows.of(Latents(SEEDS), [99] * 16), 16))

    assert await draw(runner)


async def test_weights_go_when_nobody_draws_with_them_any_more(
    backend: ProcessBackend, open_tiny: Open, eventually: Eventually
) -> None:
    runner = await open_tiny("float32")
    assert isinstance(runner, ProcessRunner)
    key = runner._key

    del runner
    gc.collect()

    async def is_gone() -> bool:
        try:
            await ProcessRunner.run(_again(backend, key), batch())
        except RuntimeError as error:
            return "KeyError" in str(error)
        return False

    await eventually(is_gone)
    assert key not in backend._loaded


def _again(backend: ProcessBackend, key: int) -> ProcessRunner:
    """Another runner of the same weights, which does not keep them."""
    return ProcessRunner(backend, key)


async def test_the_process_ends_when_its_backend_closes() -> None:
    backend = ProcessBackend(1)
    await backend.start()
    process = backend._process

    await backend.close()

    assert process is not None
    assert process.poll() is not None
