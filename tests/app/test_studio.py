"""The painter: another process that draws the same bytes, and is started again when it dies. A real process each."""

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from app.generate.engine import load_engine
from app.generate.studio import RemoteForward, Studio
from core.png import write_png
from core.registry import Registry
from models.noise import default_labels, draw_noise

PublishTiny = Callable[..., int]

SEEDS = range(16)


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    running = Studio(2)
    running.start()
    yield running
    running.close()


@pytest.fixture
def forward(studio: Studio, registry: Registry, publish_tiny: PublishTiny) -> RemoteForward:
    return studio.load(registry.folder("tiny", publish_tiny()), "float32")


def draw(forward: RemoteForward) -> bytes:
    labels = np.array(default_labels(SEEDS, 3), np.int64)
    return forward(draw_noise(SEEDS, 4), labels).tobytes()


def pid_of(studio: Studio) -> int:
    assert studio._process is not None
    return studio._process.pid


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_draws_the_bytes_that_this_process_draws(
    studio: Studio, registry: Registry, publish_tiny: PublishTiny, precision: str
) -> None:
    folder, manifest = registry.folder("tiny", publish_tiny()), registry.manifest("tiny", 1)
    z_BZ, labels = draw_noise(range(64), 4), np.array(default_labels(range(64), 3), np.int64)

    here, there = (load_engine("tiny", 1, folder, manifest, "cpu", precision, where) for where in (None, studio))  # type: ignore[arg-type]

    assert isinstance(there.calibration.forward, RemoteForward)
    assert np.array_equal(there.draw(z_BZ, labels), here.draw(z_BZ, labels))
    assert (there.buckets, there.identity) == (here.buckets, here.identity)


def test_it_writes_the_files_that_this_process_writes(forward: RemoteForward) -> None:
    z_BZ, labels = draw_noise(SEEDS, 4), np.array(default_labels(SEEDS, 3), np.int64)

    files, seconds = forward.png(z_BZ, labels, 5)

    assert files == [write_png(image) for image in forward(z_BZ, labels)[:5]]
    assert seconds > 0


def test_a_painter_that_was_killed_is_back_for_the_next_batch(studio: Studio, forward: RemoteForward) -> None:
    expected, before = draw(forward), pid_of(studio)

    os.kill(before, signal.SIGKILL)

    assert draw(forward) == expected
    assert pid_of(studio) != before


def test_a_painter_that_is_killed_while_many_threads_draw_costs_none_a_picture(
    studio: Studio, forward: RemoteForward
) -> None:
    expected = draw(forward)
    with ThreadPoolExecutor(2) as threads:
        drawn = [threads.submit(draw, forward) for _ in range(200)]
        time.sleep(0.05)
        os.kill(pid_of(studio), signal.SIGKILL)

        assert {one.result() for one in drawn} == {expected}


def test_what_it_cannot_read_is_told(studio: Studio, registry: Registry, publish_tiny: PublishTiny) -> None:
    folder = registry.folder("tiny", publish_tiny())
    (folder / "generator.safetensors").write_bytes(b"no weights")

    with pytest.raises(RuntimeError, match="StoreDamaged"):
        studio.load(folder, "float32")


def test_a_command_that_fails_leaves_the_next_one_possible(studio: Studio, forward: RemoteForward) -> None:
    with pytest.raises(RuntimeError, match="the painter: "):
        forward(np.zeros((4, 99), np.float32), np.zeros(4, np.int64))

    assert draw(forward)


def test_weights_go_when_nobody_draws_with_them_any_more(
    studio: Studio, registry: Registry, publish_tiny: PublishTiny
) -> None:
    forward = studio.load(registry.folder("tiny", publish_tiny()), "float32")
    key = forward._key

    del forward
    gc.collect()
    deadline = time.monotonic() + 20
    while key in studio._loaded:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    time.sleep(0.5)  # a thread tells the painter
    with pytest.raises(RuntimeError, match="KeyError"):
        studio.ask({"do": "draw", "key": key}, np.zeros((4, 4), np.float32), np.zeros(4, np.int64))


def test_the_process_ends_when_its_studio_closes() -> None:
    studio = Studio(1)
    studio.start()
    process = studio._process

    studio.close()

    assert process is not None
    assert process.poll() is not None
