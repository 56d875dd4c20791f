"""What a repository promises, whatever it lies on."""

from functools import partial
from pathlib import Path

import pytest

from core.errors import StoreDamaged
from core.store import Store
from core.store.objects.object_store import ObjectStore
from tests.core.store.conftest import KEY, RACERS, Counted, Facts, Open, at_once, everywhere, fill


@everywhere
def test_a_folder_is_there_whole_for_every_reader_and_put_once(open_one: Open) -> None:
    writer, reader = open_one(), open_one()

    was_put = [writer.put(KEY, fill), writer.put(KEY, partial(fill, content=b"other"))]

    folder = reader.folder(KEY)
    assert was_put == [True, False]
    assert (folder / "deep" / "weights").read_bytes() == b"weights" * 1000
    assert reader.read_record(f"{KEY}/facts.json", Facts).text == "ä"
    assert Facts.read(folder / "facts.json").text == "ä"
    assert (reader.has(KEY), reader.has("models/digits/2")) == (True, False)


@everywhere
def test_of_many_who_put_one_folder_one_succeeds_and_its_files_are_read(open_one: Open) -> None:
    repositories = [open_one() for _ in range(RACERS)]

    won = at_once(lambda number: repositories[number].put(KEY, partial(fill, content=bytes([number]))))

    assert won.count(True) == 1
    assert (open_one().folder(KEY) / "deep" / "weights").read_bytes() == bytes([won.index(True)])


@everywhere
def test_no_change_of_a_pointer_is_lost_however_many_swap_it(open_one: Open) -> None:
    repositories = [open_one() for _ in range(RACERS)]

    def add(pointer: Counted, number: int) -> bool:
        pointer.value += 1
        pointer.by.append(number)
        return True

    at_once(lambda number: repositories[number].change("models/m/aliases.json", Counted, partial(add, number=number)))

    found = open_one().pointer("models/m/aliases.json", Counted)
    assert (found.value, found.revision, sorted(found.by)) == (RACERS, RACERS, list(range(RACERS)))


@everywhere
def test_what_stood_there_before_has_another_revision_and_another_stamp(open_one: Open) -> None:
    store, other = open_one(), open_one()

    def to(pointer: Counted, value: int) -> bool:
        pointer.value = value
        return True

    stamps, revisions = [], []
    for value in (1, 2, 1):
        revisions.append(store.change("models/m/aliases.json", Counted, partial(to, value=value)).revision)
        other.refresh()
        stamps.append(other.stamp("models/m/aliases.json"))

    assert revisions == [1, 2, 3]
    assert len(set(stamps)) == 3


@everywhere
def test_a_refused_change_writes_nothing(open_one: Open) -> None:
    store = open_one()

    def refuse(_: Counted) -> bool:
        raise StoreDamaged("no")

    with pytest.raises(StoreDamaged):
        store.change("models/m/aliases.json", Counted, refuse)
    store.change("models/m/aliases.json", Counted, lambda _: False)

    assert store.pointer("models/m/aliases.json", Counted) == Counted()


@everywhere
def test_what_is_put_is_listed_and_what_is_deleted_is_not(open_one: Open) -> None:
    store, other = open_one(), open_one()
    for number in (1, 2, 10):
        store.put(f"models/digits/{number}", fill)
    store.put("models/letters/1", fill)

    store.delete("models/digits/2")
    store.delete("models/digits/2")

    assert other.names("models/digits") == ["1", "10"]
    assert other.names("models/nobody") == []
    assert not other.has("models/digits/2")
    with pytest.raises(FileNotFoundError):
        other.read_record("models/digits/2/facts.json", Facts)


@everywhere
def test_a_folder_whose_writer_failed_is_not_there(open_one: Open) -> None:
    store = open_one()

    def fail(folder: Path) -> None:
        fill(folder)
        raise StoreDamaged("in the middle")

    with pytest.raises(StoreDamaged):
        store.put(KEY, fail)

    assert (store.has(KEY), store.names("models/digits")) == (False, [])
    assert store.put(KEY, fill)


@everywhere
def test_a_pointer_that_cannot_be_read_is_named_and_not_written_over(open_one: Open) -> None:
    store = open_one()
    store.change("models/m/aliases.json", Counted, lambda _: True)
    key = "models/m/aliases.json"
    if isinstance(store, Store):
        store.path(key).write_text("{")
    else:
        assert isinstance(store, ObjectStore)
        found = store.bucket.get(key)
        assert found is not None
        store.bucket.replace(key, b"{", found.etag)

    with pytest.raises(StoreDamaged, match=r"m/aliases\.json is not JSON"):
        store.change(key, Counted, lambda _: True)
