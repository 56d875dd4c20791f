"""Folders of an object store on this disk: by digest, whole and checked, up to a budget of bytes. Knows no bucket."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from core.errors import StoreDamaged
from core.store import files
from core.store.record import Listed
from core.store.store import check_files

YOUNG_S = 300.0  # who was given a folder reads it within that time

Mark = tuple[tuple[int, int, int], ...]


class FolderCache:
    """Any number of threads and processes may use one; `scratch`: gives a folder beside it to fill."""

    def __init__(self, root: Path, budget: int, scratch: Callable[[], AbstractContextManager[Path]]) -> None:
        self.root, self.budget, self._scratch = root, budget, scratch
        self._checked: dict[str, Mark] = {}
        root.mkdir(parents=True, exist_ok=True)

    def get(self, digest: str, listed: Listed) -> Path | None:
        """Return a folder; None if it is not here, or no longer what it was (then it is removed)."""
        folder = self.root / digest
        try:
            mark = _mark(folder, listed)
            if self._checked.get(digest) != mark:
                _check(folder, listed)
                self._checked[digest] = mark
            os.utime(folder)
        except (OSError, StoreDamaged):
            self._remove(folder)
            return None
        return folder

    def add(self, digest: str, listed: Listed, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write a folder aside, check it, and keep it; StoreDamaged if it is not what `listed` says."""
        with self._scratch() as aside:
            fill(aside)
            _check(aside, listed)
            with contextlib.suppress(OSError):  # another was faster
                aside.rename(self.root / digest)
        self._checked[digest] = _mark(self.root / digest, listed)
        self._evict()
        return self.root / digest

    def forget(self, digest: str) -> None:
        self._remove(self.root / digest)

    def _evict(self) -> None:
        """Remove what was not asked for the longest, until the rest fits; who asked just now keeps it."""
        kept = sorted(self._entries(), key=lambda entry: entry[0])
        size = sum(nbytes for _, nbytes, _ in kept)
        for used_at, nbytes, folder in kept:
            if size <= self.budget or time.time() - used_at < YOUNG_S:
                return
            self._remove(folder)
            size -= nbytes

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each was used, its bytes, and its folder."""
        for folder in self.root.iterdir():
            with contextlib.suppress(OSError):
                yield folder.stat().st_mtime, files.folder_size(folder), folder

    def _remove(self, folder: Path) -> None:
        self._checked.pop(folder.name, None)
        with contextlib.suppress(OSError), self._scratch() as aside:
            folder.rename(aside / folder.name)


def _check(folder: Path, listed: Listed) -> None:
    """Compare the files of a folder, and of those in it; StoreDamaged names the first bad one."""
    for name, facts in listed.items():
        path = folder / name
        check_files(path.parent, {path.name: facts})


def _mark(folder: Path, listed: Listed) -> Mark:
    return tuple(files.stamp(folder / name) for name in sorted(listed))
