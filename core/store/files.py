"""Files that are whole or not there: atomic replace, fsync, locks, digests. Knows nothing of what is in them."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from core.errors import StoreDamaged

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_DIGEST_CHUNK = 1 << 20


def fsync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(path: str | Path) -> tuple[int, int, int]:
    """Return what changes with a file that is replaced or written: inode, time and size; OSError if there is none."""
    facts = os.stat(path)
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def write_atomic(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o666) -> None:
    """Replace `path` by `data` in one step. With durable=False a power cut may undo it. `mode`: less the umask."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # the file that was asked for, not the one on the way to it
        raise
    if durable:
        fsync_path(path.parent)


def write_json(path: Path, body: dict[str, Any], *, durable: bool = True) -> None:
    """Replace `path` by `body` as JSON. NaN is refused: readers disagree on it."""
    write_atomic(path, json_bytes(body), durable=durable)


def json_bytes(body: object) -> bytes:
    """Return JSON as files of the store hold it."""
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def read_json(path: Path, schema: int) -> dict[str, Any]:
    """Read a JSON object that carries `schema`; FileNotFoundError without a file, StoreDamaged for others."""
    try:
        content = path.read_bytes()
    except NotADirectoryError:
        raise FileNotFoundError(f"there is no {shown(path)}") from None
    except FileNotFoundError:
        raise
    except OSError as error:  # a folder in its place, no permission, a bad disk
        raise StoreDamaged(f"{shown(path)} cannot be read: {error.strerror}") from None
    return dict(parse_json(content, schema, shown(path)))


def parse_json(content: bytes, schema: int, name: str) -> Any:
    """Parse a JSON object that carries `schema`; StoreDamaged, which names it, for others."""
    try:
        text = content.decode()
        body = json.loads(text)
        if "\\ud" in text.lower():  # perhaps one half of a character, which could not be sent on
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise StoreDamaged(f"{name} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise StoreDamaged(f"{name} is not a JSON object")
    if body.get("schema") != schema:
        raise StoreDamaged(f"{name} has schema {body.get('schema')!r:.40}, this build reads {schema}")
    return body


def shown(path: Path) -> str:
    """Return a path for messages: enough to find the file, without the store's place."""
    return "/".join(path.parts[-3:])


def sha256_file(path: Path, tick: Callable[[int], None] | None = None) -> str:
    """Hexadecimal SHA-256 of a file's bytes. `tick` is told between two parts how large the one before was, and may end
    it by raising."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_DIGEST_CHUNK):
            digest.update(chunk)
            if tick is not None and len(chunk) == _DIGEST_CHUNK:
                tick(len(chunk))
    return digest.hexdigest()


def folder_size(folder: Path) -> int:
    """Sum the bytes of all files in a folder; unreadable and vanished files count nothing."""
    size, folders = 0, [str(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
    return size


def append_json_line(path: Path, body: dict[str, Any]) -> None:
    """Append one JSON line, whole or not at all. End a line that a crash cut short first, so that the new one is
    readable."""
    line = json.dumps(body, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        try:
            append_whole(file.fileno(), line)
        except OSError:
            file.truncate(size)
            raise


def append_whole(descriptor: int, data: bytes) -> None:
    """Append to a file that is open for that; a full disk, which may take a part, is an OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`. The kernel frees it however the process ends."""
    with open_lock(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def lock_beside(path: Path) -> AbstractContextManager[None]:
    """Lock as lock_file does, on a hidden file beside `path`, which may be replaced meanwhile."""
    return lock_file(path.with_name(f".{path.name}.lock"))


@contextlib.contextmanager
def try_lock_file(path: Path) -> Iterator[bool]:
    """Lock as lock_file does, but yield False at once if another holds it."""
    with open_lock(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """Open `path`, created if missing; programs started meanwhile do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
