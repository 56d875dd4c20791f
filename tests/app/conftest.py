"""What the tests of the API share beside tests/conftest.py: broken versions, engines that wait, a real server."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import torch
from torch import nn

from app.engine.batch import BatchResult
from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from app.engine.engine import Engine, load_engine
from app.engine.thread_backend import ThreadBackend
from app.main import create_app
from core.datasets import DatasetStore
from core.registry import PublishKey, Registry
from core.registry.manifest import MANIFEST_FILE
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store, files
from ganymede.broker import Broker
from ganymede.schemas.references import ModelRef
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from ganymede.supervisor import free_port
from models.architectures import ARCHITECTURES
from models.version import WEIGHTS_FILE
from models.writing import Lineage, write_generator
from tests.app.gated import Gated
from tests.fixtures import (
    TINY,
    Eventually,
    OpenEngine,
    PublishBroken,
    PublishTiny,
    Serve,
    Server,
    StartServer,
    http_get,
)
from tests.manifests import dataset_manifest, rewrite_manifest
from tests.records import numbers


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the bundled dataset, imported once for all tests."""
    root = tmp_path_factory.mktemp("bundled")
    DatasetStore(Store(root)).add_bundled()
    return root / "datasets"


@pytest.fixture
def settings(settings: Settings, bundled: Path) -> Settings:
    """As for all tests; the app finds its bundled dataset in place, which makes a start four times as fast."""
    shutil.copytree(bundled, settings.store_path / "datasets", copy_function=os.link)
    return settings


@pytest.fixture
def eventually() -> Eventually:
    """`await eventually(look)`: until `await look()` is true; fails after `within_s`, enough for a busy machine."""

    async def wait(look: Callable[[], Awaitable[bool]], within_s: float = 300.0) -> None:
        deadline = time.monotonic() + within_s
        while not await look():
            assert time.monotonic() < deadline, "it did not happen"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def open_engine(registry: Registry) -> OpenEngine:
    """Loads a published version, as an Engine or a subclass of it."""
    backend = ThreadBackend("cpu", 1)

    def load(name: str = "tiny", version: int = 1, kind: type[Engine] = Engine) -> Engine:
        manifest = registry.manifest(name, version)
        plain = load_engine(name, version, registry.folder(name, version), manifest, backend)
        if kind is Engine:
            return plain
        return kind(name, version, manifest, plain.runner, plain.facts)

    return load


@pytest.fixture
async def batcher() -> AsyncIterator[Batcher]:
    running = Batcher(60, Encoders(threads=1))
    running.start()
    yield running
    await running.close()


@pytest.fixture
def gated(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Gated:
    publish_tiny()
    engine = open_engine(kind=Gated)
    assert isinstance(engine, Gated)
    return engine


class Broken(Engine):
    """Cannot draw."""

    async def draw(self, *_: object, **__: object) -> BatchResult:
        raise RuntimeError("the secret of the engine")


@pytest.fixture
async def failing(
    settings: Settings, publish_tiny: PublishTiny, open_engine: OpenEngine, serve: Serve
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose engine cannot draw."""
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as ready:
        app.state.services.models.served[ModelRef("tiny")] = open_engine(kind=Broken)
        yield ready


@pytest.fixture
def publish_broken(registry: Registry, tmp_path: Path) -> PublishBroken:
    """Publishes a version that must not be served; `kind` is one of those below. Returns the version."""

    def publish(kind: str, name: str = "tiny") -> int:
        step = 1000 + len(registry.versions(name))
        folder = tmp_path / f"broken-{name}-{step}"
        folder.mkdir()
        _write(folder, step, NETWORKS.get(kind, _keep))
        FILES.get(kind, _leave)(folder)

        def fill(target: Path) -> None:
            for file in folder.iterdir():
                shutil.copyfile(file, target / file.name)

        return registry.publish(name, PublishKey("run_00000000000000000000", 0, step), fill)[0]

    return publish


def _write(folder: Path, step: int, spoil: Callable[[nn.Module], None]) -> None:
    generator = ARCHITECTURES["dcgan"].generator(TINY).eval()
    spoil(generator)
    lineage = Lineage(
        run="run_00000000000000000000",
        branch=0,
        step=step,
        images_seen=0,
        recipe="cgan",
        architecture="dcgan",
        network=TINY,
        dataset=dataset_manifest(),
        metrics={},
    )
    write_generator(folder, generator, lineage)


def _keep(_generator: nn.Module) -> None:
    return


def _fill_last(generator: nn.Module, value: float) -> None:
    last = [module for module in generator.modules() if isinstance(module, nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.fill_(value)


def _leave(_folder: Path) -> None:
    return


def _flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS_FILE).read_bytes())
    data[-5] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(data)


def _cut(folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])


NETWORKS: dict[str, Callable[[nn.Module], None]] = {
    "constant": lambda generator: _fill_last(generator, 0.0),
    "not finite": lambda generator: _fill_last(generator, float("nan")),
}
FILES: dict[str, Callable[[Path], object]] = {
    "flipped byte": _flip_a_bit,
    "truncated": _cut,
    "missing file": lambda folder: (folder / WEIGHTS_FILE).unlink(),
    "foreign weights": lambda folder: (folder / WEIGHTS_FILE).write_text("not ours"),
    "foreign manifest": lambda folder: (folder / MANIFEST_FILE).write_text('{"schema": 1, "hello": "there"}'),
    "unknown task": lambda folder: rewrite_manifest(folder, task="inpainting"),
    "unknown medium": lambda folder: rewrite_manifest(folder, medium="film"),
    "unknown revision": lambda folder: rewrite_manifest(folder, revision=2),
    "no JSON": lambda folder: (folder / MANIFEST_FILE).write_text("hello"),
}


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts the API in a process of its own on a free port, with an empty store or that of `home`; `settings` are
    environment variables. Ended with the session at latest. Each has a Valkey of its own: its reconciler puts the runs
    of its store back into the queue, also when another test has emptied that."""
    started: list[Server] = []
    brokers: list[Broker] = []

    def start(home: Path | None = None, **settings: str) -> Server:
        home, port = home or tmp_path_factory.mktemp("server"), free_port()
        folder = tmp_path_factory.mktemp("own")
        brokers.append(Broker(folder, folder / "s"))
        brokers[-1].start()
        broker_url = f"unix://{folder}/s"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GANYMEDE_")},
            "GANYMEDE_HOME": str(home),
            "GANYMEDE_PORT": str(port),
            "GANYMEDE_REDIS_URL": broker_url,
            "GANYMEDE_DEFAULT_MODEL": "none",
            **settings,
        }
        with (home / "log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "app"], env=environment, stdout=log, stderr=log)
        started.append(Server("127.0.0.1", port, process, home / "store", broker_url))
        _wait_until_it_answers(port, home / "log", process)
        return started[-1]

    yield start
    for server in started:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(300)
    for broker in brokers:
        broker.stop()


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> Server:
    """One that the tests share: what only a real socket shows."""
    return start_server()


def _wait_until_it_answers(port: int, log: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 300
    while True:
        try:
            http_get(f"http://127.0.0.1:{port}/livez")
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.fixture
async def api(settings: Settings, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app without a model."""
    async with serve(create_app(settings)) as client:
        yield client


@pytest.fixture
def idle_run(store: Store) -> Run:
    """A run that no worker will ever take: its files are the test's."""
    made = RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())
    made.move(Status.PAUSED)
    return made


def report(run: Run, steps: range, attempt: int = 1, branch: int = 0, **metrics: float | None) -> None:
    for step in steps:
        at = f"2026-01-01T00:{attempt:02d}:{step // 1000 % 60:02d}.{step % 1000:03d}Z"
        point = {"branch": branch, "step": step, "attempt": attempt, "images_seen": 64 * step, "at": at}
        files.append_json_line(run.metrics_file, {**point, **metrics})


def draw(run: Run, *names: str) -> None:
    for number, name in enumerate(names):
        path = run.samples / f"{name}.webp"
        path.write_bytes(f"picture {name}".encode())
        os.utime(path, (1767225600 + number, 1767225600 + number))
