"""Which files of an archive are pictures or sounds, and of which class: by their folders. Opens none of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.datasets import names
from core.datasets.members import FileRefused, Member
from core.datasets.picture import SUFFIXES
from core.datasets.report import Report
from core.datasets.splits import Level

IGNORED_FOLDERS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "#recycle", "@recycle"}
)
IGNORED_FOLDERS |= {"@__thumb", "#snapshot", "recycler"}
IGNORED_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
ARCHIVES = frozenset({"zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "npz"})
NO_PICTURE = "does not have the name of a picture"
SOUND_SUFFIXES = frozenset({"wav", "wave", "flac", "ogg", "oga"})
TABLES = frozenset({"parquet", "arrow", "feather", "xls", "xlsx", "ods", "numbers"})
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, and the folders that it lies in, its own name last; both composed (NFC). `refusal`: why it is no picture
    by its name, if it is none."""

    member: Member
    name: str
    parts: tuple[str, ...]
    refusal: str | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it is one by its name, and nothing else is wrong with it."""
        return self.refusal == NO_PICTURE and _suffix(self.parts[-1]) in SOUND_SUFFIXES


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that may be a picture, or a sound, and the name of its class, if any."""

    member: Member
    name: str
    class_name: str | None = None


def list_entries(members: Iterable[Member], report: Report) -> list[Entry]:
    """Sort the files of an archive by name; `report` gets what is left out."""
    found: dict[tuple[str, ...], Entry] = {}
    for member in members:
        if names.slashed(member.name).endswith("/"):
            continue
        try:
            parts = names.parts_of(member.name)
            if _is_ignored(parts):
                report.ignored += 1
                continue
            if member.refusal:
                raise FileRefused(member.refusal)
            if parts in found:
                raise FileRefused("is there twice; the first one counts")
        except FileRefused as error:
            report.refuse(member.name, str(error))
        else:
            composed = tuple(names.alike(part) for part in parts)
            found[parts] = Entry(member, names.alike(member.name), composed, _suffix_refusal(parts[-1]))
    if any(names.is_undecoded(entry.name) for entry in found.values()):
        report.note("names that are not in UTF-8 are shown escaped; `encoding` (cp932, gbk, cp1252 ...) decodes them")
    return sorted(found.values(), key=lambda entry: (entry.name, entry.member.name))


def by_folders(entries: Sequence[Entry], report: Report) -> list[Picture]:
    """Find the class of each picture: its folder, below wrapping folders and splits, which are joined."""
    level = Level([(i, entry.parts) for i, entry in enumerate(entries)])
    while level.descend():
        pass
    has_classes = any(len(path) > 1 for _, path in level.paths)
    for note in level.notes:
        report.note(note)
    for i, reason in level.outside:
        report.refuse(entries[i].name, reason)
    pictures = []
    for i, path in level.paths:
        if has_classes and len(path) == 1:
            report.refuse(entries[i].name, "lies in no class folder, and others do")
            continue
        label = names.class_name(path[0]) if has_classes else None
        pictures.append(Picture(entries[i].member, entries[i].name, label))
    _note_collisions({str(picture.class_name) for picture in pictures}, report)
    return pictures


def class_order(found: set[str]) -> tuple[str, ...]:
    """Sort names of classes by label: numbers first, by value."""
    return tuple(sorted(found, key=lambda n: (0, int(n), n) if _NUMBER.fullmatch(n) else (1, 0, n)))


def _note_collisions(found: set[str], report: Report) -> None:
    seen: dict[str, str] = {}
    for name in sorted(found):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            report.note(f"classes {other!r} and {name!r} differ in upper and lower case alone; they stay two")


def _is_ignored(parts: tuple[str, ...]) -> bool:
    """Return whether file managers, disks or NAS left this file."""
    lowered = [part.lower() for part in parts]
    return any(part.startswith(".") or part in IGNORED_FOLDERS for part in lowered) or lowered[-1] in IGNORED_FILES


def _suffix_refusal(name: str) -> str | None:
    """Say why a name is no picture's; a name without an ending may be."""
    suffix = _suffix(name)
    if suffix in ARCHIVES:
        return "is an archive; those within an archive are not opened"
    if suffix in TABLES:
        return "is a table of a kind that is not read; save it as CSV"
    if suffix and suffix not in SUFFIXES and not suffix.isdecimal():
        return NO_PICTURE
    return None


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name.strip(".") else ""
