"""Pictures by what a table calls them: a path, the end of one, a name with or without its ending. Knows no table."""

import re
from collections import defaultdict
from collections.abc import Sequence

from core.datasets import names
from core.datasets.picture import SUFFIXES

Parts = tuple[str, ...]
MOST_ALIKE = 100  # pictures of one name that are told apart by their folders; each row of a table compares them


class Lookup:
    def __init__(self, paths: Sequence[Parts]) -> None:
        self._paths = paths
        self._by_path = {path: i for i, path in enumerate(paths)}
        self._by_end: dict[Parts, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        for i, path in enumerate(paths):
            self._by_end[_end(path)].append(i)
            self._by_name[path[-1].casefold()].append(i)
            self._by_stem[_stem(path[-1]).casefold()].append(i)

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, reference: str, folder: Parts) -> int | None:
        """Find the picture that a table in `folder` means; None if there is none, or more than one."""
        parts = _parts(reference)
        if not parts:
            return None
        for base in (folder, ()):
            if (i := self._by_path.get(_resolved(base, parts))) is not None:
                return i
        last = parts[-1].casefold()
        candidates = self._by_end.get(_end(parts)) or self._by_name.get(last) or self._by_stem.get(last) or []
        if 1 < len(candidates) <= MOST_ALIKE:
            ends = [self._agreement(i, parts, folder) for i in candidates]
            candidates = [i for i, end in zip(candidates, ends, strict=True) if end == max(ends)]
        return candidates[0] if len(candidates) == 1 else None

    def is_plausible(self, found: set[int], references: Sequence[str]) -> bool:
        """Accept names so short that they may mean anything, as 0 for 0.png, only for half of a folder's pictures."""
        if any(
            reference.strip().rpartition(".")[2].lower() in SUFFIXES for reference in references if "." in reference
        ):
            return True
        folders = {self._paths[i][:-1] for i in found}
        return 2 * len(found) >= sum(path[:-1] in folders for path in self._paths)

    def _agreement(self, i: int, parts: Parts, folder: Parts) -> tuple[int, bool]:
        """Count the folders that agree, from the last on; also whether it lies in the table's folder."""
        path, agreeing = self._paths[i], 0
        for mine, theirs in zip(reversed(path[:-1]), reversed(parts[:-1]), strict=False):
            if mine.casefold() != theirs.casefold():
                break
            agreeing += 1
        return agreeing, path[: len(folder)] == folder


def _parts(reference: str) -> Parts:
    split = names.slashed(names.alike(reference.strip())).split("/")
    return tuple(part for part in split if part not in ("", ".") and not re.fullmatch("[A-Za-z]:", part))


def _resolved(base: Parts, parts: Parts) -> Parts:
    path = list(base)
    for part in parts:
        if part == "..":
            del path[-1:]
        else:
            path.append(part)
    return tuple(path)


def _end(path: Parts) -> Parts:
    """Return the last folder and the name."""
    return tuple(part.casefold() for part in path[-2:])


def _stem(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.lower() in SUFFIXES else name
