"""What a bucket promises beyond that: cheap reads, a checked cache, and that it is refused if it ignores conditions."""

from functools import partial
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from core.errors import StoreDamaged, StoreUnavailable
from core.store import Store
from core.store.objects.bucket import BucketClient
from core.store.objects.folder_cache import FolderCache
from core.store.objects.object_store import ObjectStore
from core.store.objects.probe import probe
from tests.buckets import KEYS, S3Server, rclone
from tests.core.store.conftest import KEY, Counted, Facts, Open, fill, with_objects


@with_objects
def test_files_without_their_folder_json_are_no_folder(open_one: Open) -> None:
    store = open_one()
    assert isinstance(store, ObjectStore)
    store.bucket.create(f"data/{KEY}/0123456789abcdef/weights", b"half")

    assert (store.has(KEY), store.names("models/digits")) == (False, [])
    assert store.put(KEY, fill)
    assert (open_one().folder(KEY) / "deep" / "weights").read_bytes() == b"weights" * 1000


@with_objects
def test_files_that_changed_in_the_bucket_are_refused(open_one: Open) -> None:
    store, reader = open_one(), open_one()
    assert isinstance(store, ObjectStore)
    store.put(KEY, fill)
    (path,) = store.bucket.paths(f"data/{KEY}")
    store.bucket.delete([path])
    store.bucket.create(path, b"Weights" * 1000)

    with pytest.raises(StoreDamaged, match="does not match its digest"):
        reader.folder(KEY)

    store.bucket.delete([path])
    with pytest.raises(StoreDamaged, match="is missing"):
        reader.folder(KEY)


@with_objects
def test_a_folder_that_is_known_is_read_again_without_a_request(open_one: Open) -> None:
    open_one().put(KEY, fill)
    reader = open_one()
    assert isinstance(reader, ObjectStore)
    first = reader.folder(KEY)
    sent = reader.bucket.requests.copy()

    again = [reader.folder(KEY) for _ in range(5)]
    facts = reader.read_record(f"{KEY}/facts.json", Facts)

    assert (again, facts.text) == ([first] * 5, "ä")
    assert reader.bucket.requests == sent


@with_objects
def test_a_copy_that_was_damaged_on_this_disk_is_fetched_again(open_one: Open) -> None:
    open_one().put(KEY, fill)
    reader = open_one()
    path = reader.folder(KEY) / "deep" / "weights"
    path.write_bytes(b"Weights" * 1000)

    again = reader.folder(KEY) / "deep" / "weights"

    assert again.read_bytes() == b"weights" * 1000


@with_objects
def test_many_stamps_cost_one_request_a_second(open_one: Open) -> None:
    store = open_one()
    assert isinstance(store, ObjectStore)
    for number in range(5):
        store.change(f"models/m{number}/aliases.json", Counted, lambda _: True)
    store.refresh()
    sent = store.bucket.requests.total()

    stamps = [store.stamp(f"models/m{number}/aliases.json") for number in range(5)]

    assert stamps == [((0, 0, 1),)] * 5
    assert store.bucket.requests.total() - sent == 1


def test_the_cache_forgets_what_was_not_asked_for_the_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.objects.folder_cache.YOUNG_S", 0)
    local, bucket = Store(tmp_path), BucketClient(MemoryStore(), "memory")
    store = ObjectStore(bucket, FolderCache(tmp_path / "cache", 25_000, local.scratch), local.scratch)
    for number in range(5):
        store.put(f"models/m/{number}", partial(fill, content=bytes([number]) * 10_000))

    kept = sum(1 for _ in (tmp_path / "cache").iterdir())

    assert kept == 2
    assert (store.folder("models/m/0") / "deep" / "weights").read_bytes() == bytes(10_000)


def test_a_server_that_ignores_conditions_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in KEYS.items():
        monkeypatch.setenv(variable, value)

    with rclone(tmp_path) as server, pytest.raises(StoreUnavailable) as refused:
        probe(server.open("here"))

    assert str(refused.value).startswith("s3://pictures/here ignores If-None-Match: * of a PUT")


def test_a_server_that_is_not_there_is_told_without_address_or_keys(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for variable, value in KEYS.items():
        monkeypatch.setenv(variable, value)
    bucket = S3Server("http://127.0.0.1:9", None).open("here")  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailable) as refused:
        bucket.get("x")

    told = str(refused.value) + caplog.text
    assert str(refused.value) == "s3://pictures/here does not answer; send this again later"
    assert [secret for secret in KEYS.values() if secret in told and secret != KEYS["AWS_REGION"]] == []
