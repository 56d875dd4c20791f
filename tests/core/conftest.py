"""What the tests of core share: a store without a broker, runs in it, an empty queue, and processes of their own."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.queue import TrainQueue
from core.runs import Run, RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from tests.fixtures import NewRun
from tests.manifests import dataset_manifest
from tests.records import numbers

ROOT = Path(__file__).resolve().parents[2]

ORIGIN = Origin("a test", licence="CC0-1.0", attribution="nobody")
Start = Callable[..., "subprocess.Popen[str]"]


def content(seed: int = 0, count: int = 12, side: int = 8) -> ImageSet:
    images = np.random.default_rng(seed).integers(0, 256, (count, side, side, 1), np.uint8)
    return ImageSet(images, np.arange(count) % 3, ("circle", "square", "cross"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES: dict[str, Callable[[Path], None]] = {"flip": flip, "cut": cut, "remove": Path.unlink}


@pytest.fixture
def datasets(store: Store) -> DatasetStore:
    return DatasetStore(store)


@pytest.fixture
def dataset(datasets: DatasetStore) -> Dataset:
    return datasets.add("mixed", content(), ORIGIN)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def new_run(store: Store) -> NewRun:
    """Puts another queued run on disk."""

    def create() -> Run:
        return RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())

    return create


@pytest.fixture
def run(new_run: NewRun) -> Run:
    return new_run()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python code in a process of its own: `start(code, *argv)`. What is left of them ends with the test."""
    children: list[subprocess.Popen[str]] = []

    def begin(code: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def runs(store: Store) -> RunStore:
    return RunStore(store)


def waiting(queue: TrainQueue) -> list[str]:
    names: list[Any] = queue.connection.lrange("rq:queue:train", 0, -1)
    return [name.decode() for name in names]
