"""Classifications by the engine: rows of pictures, the same alone and in a crowd, and by both back ends."""

import asyncio
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.engine.batch import Rows
from app.engine.engine import Engine, load_engine
from app.engine.opening import _is_constant
from app.engine.process_backend import ProcessBackend
from core.registry import Registry
from models.sampling import read
from models.sizes import Sizes
from models.weights import load_generator
from tests.classifiers import COLOUR, GREY, publish_classifier
from tests.fixtures import OpenEngine


def pictures(config: Sizes, count: int) -> npt.NDArray[np.uint8]:
    shape = (count, config.image_size, config.image_size, config.channels)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


async def named(engine: Engine, rows: Rows, count: int) -> npt.NDArray[np.float32]:
    parts = [rows.take(slice(start, start + count)) for start in range(0, len(rows), count)]
    return np.concatenate([(await engine.draw(part)).images for part in parts])


@pytest.mark.parametrize("config", [COLOUR, GREY])
async def test_a_picture_is_named_the_same_alone_and_in_a_crowd(
    registry: Registry, tmp_path: Path, open_engine: OpenEngine, config: Sizes
) -> None:
    publish_classifier(registry, tmp_path / "c", config=config)
    engine, picture_NHWC = open_engine("reader"), pictures(config, 200)
    rows = Rows.of_pictures(picture_NHWC)

    alone, crowd = await named(engine, rows, 1), await named(engine, rows, engine.buckets[-1])

    assert engine.buckets[-1] > 1
    assert alone.dtype == np.float32
    assert alone.shape == (200, 3)
    assert np.array_equal(alone, crowd)
    network, _ = load_generator(registry.folder("reader", 1) / "generator.safetensors")
    assert np.allclose(alone, read(network, picture_NHWC), atol=1e-4)


async def test_the_engine_process_names_what_a_thread_names(
    registry: Registry, tmp_path: Path, open_engine: OpenEngine
) -> None:
    publish_classifier(registry, tmp_path / "c")
    rows, backend = Rows.of_pictures(pictures(COLOUR, 20)), ProcessBackend(1)
    folder, manifest = registry.folder("reader", 1), registry.manifest("reader", 1)
    await backend.start()
    try:
        engine = await asyncio.to_thread(load_engine, "reader", 1, folder, manifest, backend)

        told = await named(engine, rows, 4)
    finally:
        await backend.close()

    assert np.array_equal(told, await named(open_engine("reader"), rows, 4))


@pytest.mark.parametrize(("spread", "is_constant"), [(0.0, True), (1.0, False)])
def test_a_network_that_reads_every_picture_as_the_same_is_damaged(spread: float, is_constant: bool) -> None:
    given = np.array([[1.0, 2.0]] * 8, np.float32)
    given[3, 0] += spread

    assert _is_constant(given, Rows.of_pictures(pictures(COLOUR, 8))) is is_constant
