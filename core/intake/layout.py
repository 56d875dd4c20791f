"""Which files of an archive are pictures, and of which class: by their folders. Opens none of them."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from zipfile import ZipFile, ZipInfo

from core.intake.archive import FileRefused, check_path, name_of
from core.intake.picture import SUFFIXES
from core.intake.report import Report

IGNORED_FOLDERS = frozenset({"__macosx"})
IGNORED_FILES = frozenset({"thumbs.db", "desktop.ini"})
_NUMBER = re.compile(r"[0-9]{1,18}")
ARCHIVES = frozenset({"zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "npz"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that may be a picture, and the name of its class; None: it has none."""

    info: ZipInfo
    name: str
    class_name: str | None = None


def list_pictures(archive: ZipFile, report: Report) -> list[Entry]:
    """The pictures of an archive by name, whatever order it has them in; what is none is told to `report`.

    Folders within the folder that holds everything are classes. Where there are no such folders, nothing has a class.
    """
    found: dict[PurePosixPath, Entry] = {}
    for info in archive.infolist():
        name = unicodedata.normalize("NFC", name_of(info))
        if info.is_dir():
            continue
        try:
            path = check_path(name)
            if _is_ignored(path):
                report.ignored += 1
                continue
            _check_suffix(path)
            if path in found:
                raise FileRefused("is there twice; the first one counts")
        except FileRefused as error:
            report.refuse(name, str(error))
        else:
            found[path] = Entry(info, name)
    depth = _shared_depth(list(found))
    has_classes = any(len(path.parts) > depth + 1 for path in found)
    entries = []
    for path, entry in sorted(found.items(), key=lambda item: item[1].name):
        if has_classes and len(path.parts) == depth + 1:
            report.refuse(entry.name, "lies in no class folder, and others do")
            continue
        entries.append(Entry(entry.info, entry.name, path.parts[depth] if has_classes else None))
    return entries


def class_order(names: set[str]) -> tuple[str, ...]:
    """Names of classes in the order of their labels: numbers by value, and before all others."""
    return tuple(sorted(names, key=lambda n: (0, int(n), n) if _NUMBER.fullmatch(n) else (1, 0, n)))


def _is_ignored(path: PurePosixPath) -> bool:
    """What file managers leave in an archive."""
    parts = [part.lower() for part in path.parts]
    return any(part.startswith(".") or part in IGNORED_FOLDERS for part in parts) or parts[-1] in IGNORED_FILES


def _check_suffix(path: PurePosixPath) -> None:
    """FileRefused for a name that is no picture's; one without an ending may be any file's."""
    suffix = path.suffix.removeprefix(".").lower()
    if suffix in ARCHIVES:
        raise FileRefused("is an archive; those within an archive are not opened")
    if suffix and suffix not in SUFFIXES and not suffix.isdecimal():
        raise FileRefused("does not have the name of a picture")


def _shared_depth(paths: list[PurePosixPath]) -> int:
    """How many folders all of them lie in."""
    if not paths:
        return 0
    shared = paths[0].parts[:-1]
    for path in paths:
        folders = path.parts[:-1]
        depth = 0
        while depth < min(len(shared), len(folders)) and shared[depth] == folders[depth]:
            depth += 1
        shared = shared[:depth]
    return len(shared)
