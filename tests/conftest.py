"""What tests share: a real Valkey, a real store in a temporary folder, real small networks; no mocks of ours."""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import numpy as np
import pytest
import redis
import torch
from fastapi import FastAPI

from app.main import create_app
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.queue import TrainQueue
from core.registry import Registry
from core.settings import Settings
from core.store import Store
from ganymede.broker import Broker
from ganymede.schemas.sound import AudioFormat
from models.architectures import ARCHITECTURES
from models.publish import publish_folder
from models.sizes import DCGANConfig, UNetConfig
from models.writing import Lineage, write_generator
from tests.fixtures import CLASSES, TINY, PublishTiny, Serve
from tests.manifests import dataset_manifest

# What takes longest begins first: a file that a worker begins at the end keeps the others waiting.
LONGEST = (
    "e2e/test_walk",
    "worker/test_bytes_hold",
    "e2e/",
    "worker/processes/",
    "worker/test_every_recipe",
    "worker/test_rq_worker",
    "ganymede/test_up",
    "datasets/test_dataset_crash",
    "train/test_validate",
    "worker/diagnosis/",
    "ganymede/test_hostile",
    "worker/",
    "bench/",
    "test_wheel",
    "test_architecture",
    "test_imports",
    "ganymede/",
    "http/",
    "catalog/",
)

DATABASES = itertools.cycle(range(1, 16))
SOON_S = 20.0  # at once, however busy the machine; what waits for who never answers takes longer


# An example may take as long as it takes: how long says more of the machine than of what is tested.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a script's background jobs have it, and their children
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((i for i, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST)))
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # networks are tiny; two threads would only wait for each other


@pytest.fixture(scope="session", autouse=True)
def _no_power_cut() -> Iterator[None]:
    """Tests kill processes, not machines: what is written is there without fsync, too, and sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("broker")
    server = Broker(folder, folder / "s")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A server of this test's own, to be stopped, started and made to hang."""
    server = Broker(tmp_path / "broker", tmp_path / "s")
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
        server.stop()


@pytest.fixture
def broker_url(broker: Broker) -> str:
    """An empty database of Valkey, which no app of an earlier test fills. 0 is a shared service's."""
    url = f"unix://{broker.socket_path}?db={next(DATABASES)}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def device() -> str:
    """Where networks run; a test that is to run on a GPU too is parametrised with DEVICES."""
    return "cpu"


@pytest.fixture
def settings(tmp_path: Path, broker_url: str, device: str) -> Settings:
    """An app draws in its own process, so that a test can watch it, and keeps no answers: one that is sent from memory
    waits for nothing, so that a test which asks on and on would never let the loop go round."""
    return Settings(
        home=tmp_path / "home",
        redis_url=broker_url,
        default_model="tiny",
        device=device,
        engine_process=False,
        cache_bytes=0,
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.store_path)


@pytest.fixture
def store_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were read of any store, in order; a test clears it before what it looks at."""
    keys: list[str] = []
    read = Store.read

    def noted(self: Store, key: str) -> dict[str, Any]:
        keys.append(key)
        return read(self, key)

    monkeypatch.setattr(Store, "read", noted)
    return keys


@pytest.fixture
def registry(store: Store) -> Registry:
    return Registry(store)


@pytest.fixture
def shapes(store: Store) -> Dataset:
    """A stored dataset `shapes`: 96 images of 8x8, three classes told apart by where they are bright."""
    rng = np.random.default_rng(0)
    labels = np.arange(96) % 3
    images = rng.integers(0, 60, (96, 8, 8, 1), np.uint8)
    for i, label in enumerate(labels):
        images[i, :, 2 * label : 2 * label + 3] += 180
    return DatasetStore(store).add("shapes", ImageSet(images, labels.astype(np.int64), CLASSES), Origin("a test"))


@pytest.fixture
def publish_tiny(registry: Registry, tmp_path: Path) -> PublishTiny:
    """Publishes an untrained 8x8 generator; another `seed` gives another network. Returns the version.

    counts: how many pictures each class had. audio: it makes sounds.
    """

    def publish(
        name: str = "tiny",
        seed: int = 0,
        config: DCGANConfig = TINY,
        step: int | None = None,
        counts: tuple[int, ...] = (32, 32, 32),
        audio: AudioFormat | None = None,
    ) -> int:
        architecture = "unet" if isinstance(config, UNetConfig) else "dcgan"
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            generator = ARCHITECTURES[architecture].generator(config)
        for module in generator.modules():  # an untrained network draws nearly nothing: make it louder
            if isinstance(module, torch.nn.Conv2d):
                loud = 0.3 if architecture == "dcgan" else (2 / module.weight[0].numel()) ** 0.5
                torch.nn.init.normal_(module.weight, 0, loud, generator=torch.Generator().manual_seed(seed))
        lineage = Lineage(
            run="run_00000000000000000000",
            branch=0,
            step=seed + 1 if step is None else step,
            images_seen=0,
            recipe="cgan" if config.num_classes else "dcgan",
            architecture=architecture,
            network=config,
            dataset=dataset_manifest(class_counts=list(counts), medium="audio" if audio else "image", audio=audio),
            metrics={},
        )
        folder = tmp_path / f"{name}-{seed}-{lineage.step}"
        folder.mkdir()
        write_generator(folder, generator.eval(), lineage)
        version, _ = publish_folder(registry, name, folder)
        return version

    return publish


@pytest.fixture
def queue(broker_url: str) -> Iterator[TrainQueue]:
    with TrainQueue(broker_url) as ready:
        yield ready


@pytest.fixture
def serve() -> Serve:
    """`async with serve(app) as client`: the app's lifespan runs, requests go straight into it."""

    @asynccontextmanager
    async def enter(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            yield client

    return enter


@pytest.fixture
async def client(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that serves `tiny@1`: 8x8 grey images of three classes."""
    publish_tiny()
    async with serve(create_app(settings)) as ready:
        yield ready
