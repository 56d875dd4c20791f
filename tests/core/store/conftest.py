"""A repository on whatever it may lie: files, obstore's memory, SeaweedFS, moto where it is installed."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from pydantic import Field

from core.store import Pointer, Record, Repository, Store
from core.store.objects.bucket import BucketClient
from core.store.objects.folder_cache import FolderCache
from core.store.objects.object_store import ObjectStore
from core.store.objects.probe import probe
from tests.buckets import KEYS, S3Server, moto, program, seaweed

RACERS = 20
KEY = "models/digits/1"
Open = Callable[[], Repository]
SERVERS = {"moto": moto, "seaweed": seaweed}
PLACES = ("files", "memory", "moto", pytest.param("seaweed", marks=pytest.mark.slow))
OBJECTS = PLACES[1:]


class Counted(Pointer):
    """A pointer that counts."""

    value: int = 0
    by: list[int] = Field(default_factory=list)


class Facts(Record):
    """A JSON file of a folder."""

    text: str


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server | None]:
    name = request.param
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for variable, value in KEYS.items():
            patch.setenv(variable, value)
        if name == "moto" and program("moto_server") is None:
            pytest.skip("moto_server is not installed")
        yield stack.enter_context(SERVERS[name](tmp_path_factory.mktemp(name))) if name in SERVERS else None


NUMBERS = count()


@pytest.fixture
def open_one(server: S3Server | None, request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one more repository of the same store, as another machine would: with a cache of its own."""
    place, number, caches = request.node.callspec.params["server"], next(NUMBERS), count()
    memory = MemoryStore()

    def open_it() -> Repository:
        local = Store(tmp_path / ("store" if place == "files" else f"local{next(caches)}"))
        if place == "files":
            return local
        bucket = server.open(f"t{number}/deep") if server else BucketClient(memory, "memory")
        probe(bucket)
        return ObjectStore(bucket, FolderCache(local.root / "cache", 1 << 20, local.scratch), local.scratch)

    return open_it


everywhere = pytest.mark.parametrize("server", PLACES, indirect=True)
with_objects = pytest.mark.parametrize("server", OBJECTS, indirect=True)


def fill(folder: Path, content: bytes = b"weights" * 1000) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "weights").write_bytes(content)
    Facts(text="ä").write(folder / "facts.json")


def at_once(act: Callable[[int], object]) -> list[object]:
    """Let RACERS threads act at the same moment."""
    barrier = threading.Barrier(RACERS)

    def run(number: int) -> object:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(run, range(RACERS)))
