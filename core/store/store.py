"""The store: folders that appear whole, and small JSON pointers that are swapped. Knows no datasets, runs or models.

Keys are relative paths of validated names, never text from a client. What of this an object store does, too, is in
core/store/repository.py.
"""

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from core.errors import StoreDamaged
from core.store import files
from core.store.record import SCHEMA, FileDigest, Listed, Record, validated
from core.store.repository import P, Pointer, Stamp

T = TypeVar("T", bound=Record)
LEFTOVER_AGE_S = 3600  # nothing that takes so long is still being written
BALLAST = ".ballast"
BALLAST_BYTES = 1 << 20  # some hundred states of runs
BALLAST_SHARE = 16  # of the room that is left, at most one part of so many


class Store:
    """Files under one root. Safe for any number of processes on one machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("datasets", "runs", "models", "tmp"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        return self.root / key

    def has(self, key: str) -> bool:
        return self.path(key).exists()

    def put(self, key: str, fill: Callable[[Path], None], *, replace: bool = False) -> bool:
        """Let `fill` write a folder aside, then rename it to `key` in one step.

        Returns False, and leaves what is there, if `key` exists. With `replace` that is deleted first: for a moment
        neither is there.
        """
        target = self.path(key)
        if target.exists() and not replace:
            return False
        with self.scratch() as scratch:
            fill(scratch)
            for file in sorted(scratch.rglob("*")):
                files.fsync_path(file)
            files.fsync_path(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            if replace:
                self.delete(key)
            try:
                scratch.rename(target)
            except OSError as error:
                if error.errno in (errno.EEXIST, errno.ENOTEMPTY):  # another process was faster
                    return False
                raise
        files.fsync_path(target.parent)
        return True

    def folder(self, key: str, *, is_fresh: bool = False) -> Path:  # noqa: ARG002 - files are in no cache
        return self.path(key)

    def names(self, key: str) -> list[str]:
        """Return names of the folders under `key`, sorted."""
        try:
            with os.scandir(self.path(key)) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, key: str) -> dict[str, Any]:
        """Read a JSON file; FileNotFoundError if there is none, StoreDamaged if it cannot be used."""
        return files.read_json(self.path(key), SCHEMA)

    def read_record(self, key: str, kind: type[T]) -> T:
        return kind.read(self.path(key))

    def swap(self, key: str, body: dict[str, Any], *, durable: bool = True) -> None:
        files.write_json(self.path(key), {"schema": SCHEMA, **body}, durable=durable)

    def pointer(self, key: str, kind: type[P]) -> P:
        """Read a pointer; StoreDamaged if it cannot be used."""
        try:
            return validated(kind, self.read(key), key)
        except FileNotFoundError:
            return kind.none()

    def change(self, key: str, kind: type[P], edit: Callable[[P], bool]) -> P:
        """Let `edit` change a pointer under the lock of its folder, and write it if it says so; return it."""
        with self.locked(f"{os.path.dirname(key)}/.lock"):
            pointer = self.pointer(key, kind)
            if edit(pointer):
                pointer.revision += 1
                self.swap(key, pointer.model_dump(by_alias=True))
            return pointer

    def revision(self, key: str) -> int:
        """Return the revision of a pointer; 0 without one."""
        return self.pointer(key, Pointer).revision

    def stamp(self, key: str) -> Stamp:
        """Return a stamp of a pointer's folder and of the pointer, which may be written in place."""
        return tuple(_facts(path) for path in (self.path(key).parent, self.path(key)))

    def refresh(self) -> None:
        """Nothing: files are looked at whenever somebody asks."""

    @contextlib.contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock file `key`; its folder is created if missing."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_file(path):
            yield

    def keep_ballast(self) -> None:
        """Hold some room back, as long as there is much more, for what must be written on a full disk."""
        path = self.root / BALLAST
        if not path.exists() and shutil.disk_usage(self.root).free > BALLAST_SHARE * BALLAST_BYTES:
            files.write_atomic(path, os.urandom(BALLAST_BYTES), durable=False)  # a disk may store zeros in no room

    def last_word(self, write: Callable[[], None]) -> None:
        """Call `write`, which may be repeated; on a full disk once more, in the room of the ballast."""
        try:
            write()
        except OSError as error:
            if error.errno not in files.DISK_FULL or not self._drop_ballast():
                raise
            write()

    def _drop_ballast(self) -> bool:
        try:
            (self.root / BALLAST).unlink()
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove a folder in one step, then free its bytes."""
        grave = self.root / "tmp" / f"deleted-{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            self.path(key).rename(grave)
            shutil.rmtree(grave, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what dead processes left half-written; return how many leftovers there were."""
        removed = 0
        for folder in self.names("tmp"):
            path = self.root / "tmp" / folder
            lock = path.with_suffix(".lock")
            with files.try_lock_file(lock) as is_mine:
                if is_mine:
                    shutil.rmtree(path, ignore_errors=True)
                    removed += 1
                    lock.unlink(missing_ok=True)
        return removed + self._sweep_files()

    def _sweep_files(self) -> int:
        """Remove old short-lived files: replacements of a file, and locks without a folder."""
        found = [path for pattern in ("*/.*.tmp", "*/*/.*.tmp", "*/*/*/.*.tmp") for path in self.root.glob(pattern)]
        found += [lock for lock in self.root.glob("tmp/*.lock") if not lock.with_suffix("").exists()]
        removed = 0
        for path in found:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFTOVER_AGE_S:
                    path.unlink()
                    removed += 1
        return removed

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a folder that ends with the block; sweep() removes what a killed process leaves of it."""
        scratch = self.root / "tmp" / secrets.token_hex(8)
        lock = scratch.with_suffix(".lock")
        with files.lock_file(lock):  # held while we live: sweep() can tell a leftover from work in progress
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
                lock.unlink(missing_ok=True)


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        return files.stamp(path)
    except OSError:
        return None


def check_files(folder: Path, expected: Listed, tick: Callable[[int], None] | None = None) -> None:
    """Compare files with sizes and SHA-256; StoreDamaged names the first bad one. `tick`: see files.sha256_file."""
    for name, facts in expected.items():
        path = folder / name
        if path.parent != folder or name == "..":
            raise StoreDamaged(f"the list of files of {files.shown(folder)} names {name!r}, which is not in it")
        if not path.is_file():
            raise StoreDamaged(f"{files.shown(path)} is missing")
        if path.stat().st_size != facts.bytes:
            raise StoreDamaged(f"{files.shown(path)} has {path.stat().st_size} bytes, not {facts.bytes}")
        if files.sha256_file(path, tick) != facts.sha256:
            raise StoreDamaged(f"{files.shown(path)} does not match its digest")


def list_files(folder: Path, *names: str) -> Listed:
    """Return sizes and SHA-256 of files, for a manifest."""
    return {
        name: FileDigest(bytes=(folder / name).stat().st_size, sha256=files.sha256_file(folder / name))
        for name in names
    }
