"""The store: folders that appear whole or not at all, whoever is killed; digests; sweeping up."""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from core.errors import StoreDamaged
from core.store import Listed, Record, Store, check_files, files, list_files
from tests.core.conftest import Start

FILES_IN_A_FOLDER = 12
PUT_FOR_EVER = """
    import itertools, pathlib, secrets, sys
    from core.store import Store

    def fill(folder):
        (folder / "deep").mkdir()
        for i in range(12):
            (folder / "deep" / str(i)).write_bytes(bytes([i]) * 20_000)

    store = Store(pathlib.Path(sys.argv[1]))
    store.put(f"models/m/{secrets.token_hex(4)}", fill)
    print("ready", flush=True)
    while True:
        store.put(f"models/m/{secrets.token_hex(4)}", fill)
"""
PUT_ONE = """
    import pathlib, sys
    from core.store import Store
    store = Store(pathlib.Path(sys.argv[1]))
    print(sum(store.put(f"models/m/{n}", lambda f: (f / "a").write_text(sys.argv[2])) for n in range(100)))
"""
HOLD_SCRATCH = """
    import pathlib, sys, time
    from core.store import Store

    def fill(folder):
        (folder / "half").write_text("written")
        print(folder, flush=True)
        time.sleep(60)

    Store(pathlib.Path(sys.argv[1])).put("models/m/1", fill)
"""


def fill(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"some bytes")


def grow_old(store: Store) -> None:
    """Make all leftovers look as if they had been there since yesterday."""
    for path in (store.root / "tmp").iterdir():
        os.utime(path, (time.time() - 86_400,) * 2)


def test_a_put_folder_is_there_with_all_its_files(store: Store) -> None:
    was_put = store.put("models/m/1", fill)

    assert was_put
    assert store.path("models/m/1/a.bin").read_bytes() == b"some bytes"
    assert list((store.root / "tmp").iterdir()) == []


def test_a_second_put_changes_nothing(store: Store) -> None:
    store.put("models/m/1", fill)

    was_put = store.put("models/m/1", lambda folder: (folder / "b.bin").touch())

    assert not was_put
    assert os.listdir(store.path("models/m/1")) == ["a.bin"]


def test_a_put_that_fails_leaves_nothing(store: Store) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.put("models/m/1", fail)

    assert not store.has("models/m/1")
    assert list((store.root / "tmp").iterdir()) == []


def test_whoever_is_killed_in_the_middle_of_put_leaves_no_half_folder(store: Store, start: Start) -> None:
    for _ in range(12):
        child = start(PUT_FOR_EVER, store.root)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0, 0.03))
        child.kill()
        child.wait()

    folders = [store.path(f"models/m/{name}/deep") for name in store.names("models/m")]
    sizes = [[file.stat().st_size for file in folder.iterdir()] for folder in folders]
    assert len(folders) >= 12
    assert all(found == [20_000] * FILES_IN_A_FOLDER for found in sizes)
    grow_old(store)
    assert store.sweep() > 0
    assert list((store.root / "tmp").iterdir()) == []


def test_of_two_processes_that_put_one_folder_exactly_one_succeeds(store: Store, start: Start) -> None:
    children = [start(PUT_ONE, store.root, name) for name in ("first", "second")]

    put = [int(child.communicate()[0]) for child in children]

    assert sum(put) == 100
    assert len(store.names("models/m")) == 100


def test_sweep_leaves_work_in_progress_alone_and_takes_it_once_its_process_is_dead(store: Store, start: Start) -> None:
    child = start(HOLD_SCRATCH, store.root)
    assert child.stdout is not None
    scratch = Path(child.stdout.readline().strip())
    grow_old(store)

    while_alive = store.sweep(), scratch.exists()
    child.kill()
    child.wait()

    assert while_alive == (0, True)
    assert store.sweep() == 1
    assert list((store.root / "tmp").iterdir()) == []


def test_sweep_removes_what_a_killed_replacement_of_a_file_left(store: Store) -> None:
    store.put("models/m/1", fill)
    leftover = store.path("models/m/.aliases.json.0123456789ab.tmp")
    fresh = store.path("models/m/.aliases.json.ba9876543210.tmp")
    leftover.write_text("half")
    fresh.write_text("being written")
    os.utime(leftover, (time.time() - 86_400,) * 2)

    removed = store.sweep()

    assert removed == 1
    assert sorted(os.listdir(store.path("models/m"))) == [".aliases.json.ba9876543210.tmp", "1"]


def test_delete_makes_a_folder_disappear_and_is_no_error_the_second_time(store: Store) -> None:
    store.put("models/m/1", fill)

    store.delete("models/m/1")
    store.delete("models/m/1")

    assert not store.has("models/m/1")
    assert list((store.root / "tmp").iterdir()) == []


def test_what_a_delete_could_not_finish_is_swept(store: Store) -> None:
    store.put("models/m/1", fill)
    shutil.move(store.path("models/m/1"), store.root / "tmp" / "deleted-0123456789abcdef")

    assert store.sweep() == 1
    assert list((store.root / "tmp").iterdir()) == []


def test_only_folders_have_names_and_hidden_ones_have_none(store: Store) -> None:
    for name in ("b", "a", ".hidden"):
        store.put(f"models/{name}", fill)
    store.path("models/README").write_text("put here by a person")

    assert store.names("models") == ["a", "b"]
    assert store.names("models/missing") == []
    assert store.names("models/README") == []


def test_a_file_in_the_place_of_a_folder_reads_as_missing(store: Store) -> None:
    store.path("models/README").write_text("put here by a person")

    with pytest.raises(FileNotFoundError):
        store.read("models/README/aliases.json")


def test_a_swapped_pointer_carries_the_schema(store: Store) -> None:
    store.put("models/m", fill)

    store.swap("models/m/a.json", {"version": 2})

    assert store.read("models/m/a.json") == {"schema": 1, "version": 2}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"some bytEs", "does not match its digest"),
        (b"some byte", "has 9 bytes, not 10"),
        (b"some bytes!", "has 11 bytes, not 10"),
        (b"", "has 0 bytes, not 10"),
        (None, "is missing"),
    ],
)
def test_a_changed_file_is_found_and_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    fill(tmp_path)
    facts = list_files(tmp_path, "a.bin")
    check_files(tmp_path, facts)
    (tmp_path / "a.bin").unlink()
    if content is not None:
        (tmp_path / "a.bin").write_bytes(content)

    with pytest.raises(StoreDamaged, match=rf"a\.bin.* {complaint}"):
        check_files(tmp_path, facts)


class FilesRecord(Record):
    files: Listed


@pytest.mark.parametrize(
    "facts",
    [
        *([], None, "text", {"a.bin": None}, {"a.bin": {}}, {"a.bin": {"bytes": 10}}),
        *({name: {"bytes": 10, "sha256": ""}} for name in ("../a.bin", "/etc/passwd", "..", "deep/a.bin")),
    ],
)
def test_a_list_of_files_that_makes_no_sense_is_damage(tmp_path: Path, facts: object) -> None:
    fill(tmp_path)
    files.write_json(tmp_path / "list.json", {"schema": 1, "files": facts})

    with pytest.raises(StoreDamaged, match=r"list of files|list\.json cannot be used: files"):
        check_files(tmp_path, FilesRecord.read(tmp_path / "list.json").files)
