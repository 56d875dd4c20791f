"""Where in a tree of pictures the folders of the classes are: below wrapping folders and splits. Knows paths alone."""

import re
from collections import Counter

Path = tuple[str, ...]  # folders, and the file last

_KINDS = {
    "train": "train(ing)?",
    "validation": "val(id(ation)?)?|dev(elopment)?",
    "test": "test(ing)?|eval(uation)?|hold[-_ ]?out",
}
_REST = r"([-_ ]?(set|split|data|images?|imgs?))?[-_ ]?[0-9]*"
_SPLITS = {kind: re.compile(f"({words}){_REST}", re.IGNORECASE) for kind, words in _KINDS.items()}
_NO_CLASSES = frozenset({"readme", "licence", "license", "licences", "licenses"})
_STRAYS = _NO_CLASSES | {
    *("doc", "docs", "documentation", "figures", "assets", "scripts", "sample", "samples"),
    *("example", "examples", "preview", "previews", "thumbnail", "thumbnails", "thumbs"),
}
_BESIDE = "lies beside the folder that holds the classes"


def split_kind(name: str) -> str | None:
    """Return the split that a folder's name means, if any."""
    return next((kind for kind, pattern in _SPLITS.items() if pattern.fullmatch(name)), None)


class Level:
    """Pictures by number, with their paths from here on; what was left out, and notes."""

    def __init__(self, paths: list[tuple[int, Path]]) -> None:
        self.paths = paths
        self.outside: list[tuple[int, str]] = []
        self.notes: list[str] = []

    def descend(self) -> bool:
        """Go down one level unless its folders are those of the classes; return whether it did."""
        sizes = Counter(path[0] for _, path in self.paths if len(path) > 1)
        if splits := self._splits(sizes):
            listed = ", ".join(f"{name} ({sizes[name]})" for name in sorted(splits))
            self.notes.append(f"the splits {listed} were joined; they are no classes")
            self._enter(splits, "lies beside the folders of the splits")
        elif wrapper := self._wrapper(sizes):
            if len(sizes) > 1:
                others = ", ".join(sorted(set(sizes) - {wrapper})[:5])
                self.notes.append(f"the classes are the folders in {wrapper}; what lies beside is left out: {others}")
            self._enter({wrapper}, _BESIDE)
        elif strays := {name for name in sizes if name.lower() in _NO_CLASSES and len(sizes) > 1}:
            self.outside += [(i, _BESIDE) for i, path in self.paths if len(path) > 1 and path[0] in strays]
            self.paths = [(i, path) for i, path in self.paths if len(path) == 1 or path[0] not in strays]
        else:
            return False
        return True

    def _splits(self, sizes: Counter[str]) -> set[str]:
        """Return the folders that are splits: of two kinds at least, or all of them, with folders within."""
        kinds = {name: kind for name in sizes if (kind := split_kind(name))}
        if len(set(kinds.values())) > 1:
            return set(kinds)
        nests = {path[0] for _, path in self.paths if len(path) > 2}
        return set(kinds) if 1 < len(kinds) == len(sizes) and nests == set(kinds) else set()

    def _wrapper(self, sizes: Counter[str]) -> str | None:
        """Return the folder that holds everything but strays: fewer files than its smallest folder."""
        if len(sizes) == 1:
            (name,) = sizes
            is_all = len(self.paths) == sizes[name]
            return name if is_all or all(len(path) > 2 for _, path in self.paths if len(path) > 1) else None
        nests = {path[0] for _, path in self.paths if len(path) > 2}
        nests = {name for name in nests if name.lower() not in _STRAYS}
        if len(nests) != 1:
            return None
        (name,) = nests
        within = Counter(path[1] for _, path in self.paths if path[0] == name and len(path) > 2)
        own = sizes[name] - within.total()
        others = set(sizes) - {name}
        if len(within) < 2 or own > min(within.values()):
            return None
        is_small = own + sum(sizes[other] for other in others) <= min(within.values())
        return name if is_small or all(other.lower() in _STRAYS for other in others) else None

    def _enter(self, folders: set[str], reason: str) -> None:
        """Keep only what is in these folders."""
        within = [(i, path[1:]) for i, path in self.paths if len(path) > 1 and path[0] in folders]
        self.outside += [(i, reason) for i, path in self.paths if len(path) == 1 or path[0] not in folders]
        self.paths = within
