"""What engines take of a GPU is counted, graphs included, and given back when they go. Unrun so far: no machine of the
project's tests has a GPU."""

import gc
from collections.abc import Callable, Iterator

import pytest
import torch

from app.engine.batch import Rows
from app.engine.engine import Engine, load_engine
from app.engine.model_cache import ModelCache
from app.engine.telemetry import EngineTelemetry
from app.engine.thread_backend import ThreadBackend
from core.registry import Registry
from models.noise import Latents
from models.sizes import DCGANConfig
from tests.fixtures import PublishTiny

Open = Callable[[int], Engine]

pytestmark = pytest.mark.gpu

WIDE = DCGANConfig(image_size=64, channels=3, latent_dim=64, width=256, num_classes=3)
STEP = 2 << 20  # bytes: what PyTorch takes of a GPU at least at a time


@pytest.fixture
def backend() -> Iterator[ThreadBackend]:
    threads = ThreadBackend("cuda", 1)
    yield threads
    threads.give_back()


@pytest.fixture
def open_wide(publish_tiny: PublishTiny, registry: Registry, backend: ThreadBackend) -> Open:
    """Opens version N on the GPU, past any queue; the first call pays for what PyTorch itself keeps there."""

    def load(version: int) -> Engine:
        while len(registry.versions("wide")) < version:
            publish_tiny("wide", seed=len(registry.versions("wide")), config=WIDE)
        folder, manifest = registry.folder("wide", version), registry.manifest("wide", version)
        return load_engine("wide", version, folder, manifest, backend)

    load(1)
    gc.collect()
    backend.give_back()
    return load


def reserved() -> int:
    return int(torch.cuda.memory_reserved())


def test_an_engine_counts_what_it_takes_of_the_gpu(open_wide: Open) -> None:
    before = reserved()

    engine = open_wide(1)

    taken = reserved() - before
    assert taken > 0
    assert 0.7 * taken - 4 * STEP <= engine.facts.nbytes <= 1.3 * taken + 4 * STEP


async def test_engines_that_leave_give_all_of_it_back(open_wide: Open, backend: ThreadBackend) -> None:
    before = reserved()
    cache = ModelCache(1, EngineTelemetry(), lambda engine: None)  # room for one: the newest
    for version in (1, 2, 3):
        cache.add(open_wide(version))
        await cache.all()[-1].draw(Rows.of(Latents(range(4)), [0, 1, 2, 0]))
        gc.collect()
        backend.give_back()
    beside_one = reserved() - before
    cache.remove(("wide", 3))
    gc.collect()
    backend.give_back()

    assert beside_one < 2 * open_wide(3).facts.nbytes
    gc.collect()
    backend.give_back()
    assert reserved() - before <= STEP


def test_a_budget_is_kept_by_what_engines_take_of_the_gpu(open_wide: Open) -> None:
    one = open_wide(1)
    weights = sum(weight.nbytes for weight in one.runner._run.args[0].network.state_dict().values())  # type: ignore[attr-defined]
    cache = ModelCache(one.facts.nbytes + weights, EngineTelemetry(), lambda engine: None)  # two by their weights alone

    cache.add(one)
    cache.add(open_wide(2))

    assert [engine.version for engine in cache.all()] == [2]
