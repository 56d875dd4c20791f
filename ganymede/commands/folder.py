"""A folder as a tar that can be sent: links are followed, and what cannot be sent is named. Knows no service."""

import errno
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganymede.commands.session import Refused
from ganymede.names import readable

MAX_FILES = 1_000_000  # as many as an archive may have; links upon links make more of a few
KINDS = {
    stat.S_IFIFO: "is a named pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a folder; `reason`: why it cannot be sent, if so."""

    name: str
    path: str
    reason: str | None = None


def pack(folder: Path, target: Path) -> list[Found]:
    """Write a folder's files into a tar; return what was left out. Refused if there is nothing, or too much."""
    left_out: list[Found] = []
    count = 0
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:
        for found in _walk(folder):
            if (reason := found.reason or _add(archive, found)) is not None:
                left_out.append(Found(found.name, found.path, reason))
                continue
            count += 1
            if count > MAX_FILES:
                raise Refused(
                    f"{readable(str(folder))} has more than {MAX_FILES} files; perhaps links lead from one to another"
                )
    if not count:
        example = f": {left_out[0].name} {left_out[0].reason}" if left_out else ""
        raise Refused(f"there is no file in {readable(str(folder))} that can be sent{readable(example)}")
    return left_out


def _walk(folder: Path) -> Iterator[Found]:
    """Yield everything in a folder, links followed; a folder is not entered from within itself."""
    waiting: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(str(folder), "", frozenset())]
    while waiting:
        path, prefix, above = waiting.pop()
        try:
            facts = os.stat(path)
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(prefix.rstrip("/") or ".", path, f"cannot be read: {error.strerror}")
            continue
        within = above | {(facts.st_dev, facts.st_ino)}
        for entry in entries:
            found, identity = _look(entry, prefix + entry.name)
            if identity is None:
                yield found
            elif identity in within:
                yield Found(found.name, found.path, "is a link to a folder that it lies in")
            else:
                waiting.append((entry.path, f"{found.name}/", within))


def _look(entry: "os.DirEntry[str]", name: str) -> tuple[Found, tuple[int, int] | None]:
    """Look at an entry; of a folder also return its identity."""
    try:
        facts = entry.stat()
    except OSError as error:
        is_broken = entry.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        reason = "is a broken link" if is_broken else f"cannot be read: {error.strerror}"
        return Found(name, entry.path, reason), None
    if stat.S_ISDIR(facts.st_mode):
        return Found(name, entry.path), (facts.st_dev, facts.st_ino)
    kind = None if stat.S_ISREG(facts.st_mode) else KINDS.get(stat.S_IFMT(facts.st_mode), "is no file")
    return Found(name, entry.path, kind), None


def _add(archive: tarfile.TarFile, found: Found) -> str | None:
    """Put a file into the tar; return why not, if it cannot be read."""
    try:
        file = open(found.path, "rb")  # noqa: SIM115 - what is raised here is told, what is raised below is not
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    with file:
        info = tarfile.TarInfo(found.name)
        info.size = os.fstat(file.fileno()).st_size
        try:
            archive.addfile(info, file)
        except OSError as error:
            if error.errno is None:  # tarfile's: fewer bytes than there were
                raise Refused(f"{readable(found.path)} became shorter while it was read") from None
            raise
    return None
