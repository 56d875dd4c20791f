"""Files that an answer is written to: which are replaced in one step, and which are written into. Knows no answer.

A missing file, or a regular one with one name, is replaced; links are followed, and mode, owner and attributes stay.
All else is written into: a device, a FIFO, a file with several names or in a folder that cannot be written, an open
descriptor such as /dev/stdout. Nothing happens to any of them before the whole content is there.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

EMPTY_NAME = "an empty name is no file"
TERMINAL = "this is no text for a terminal: name a file, or pipe it on"
SCRATCH = ".ganymede"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write(path: str | os.PathLike[str], content: bytes) -> None:
    with writing(path) as file:
        file.write(content)


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a file whose content goes to `path` when the block ends; if the block fails, `path` stays as it was.

    Raises:
        OSError: `path` is a folder, an empty name or a terminal, or cannot be written; the error names it.
    """
    name = os.fspath(path)
    with _errors_naming(name), contextlib.ExitStack() as stack:
        own = _own_descriptor(name)
        target = _opened(name) if own is None else os.dup(own)
        if target is not None:
            stack.callback(os.close, target)
            if os.isatty(target):
                raise OSError(errno.EINVAL, TERMINAL)
        real = Path(os.path.realpath(name))
        scratch = _beside(real, target) if own is None else None
        if scratch is not None:
            stack.callback(Path(scratch.name).unlink, missing_ok=True)
        file = stack.enter_context(scratch or tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        yield file
        file.flush()
        if scratch is None or not _replaced(real, scratch, target):
            assert target is not None
            file.seek(0)
            _pour(file, target, goes_on=own is not None)


@contextlib.contextmanager
def _errors_naming(name: str) -> Iterator[None]:
    """Have errors name the requested file, not a temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(SCRATCH):
            error.filename = name
        raise


def _own_descriptor(name: str) -> int | None:
    """Return which open descriptor of this process a path leads to, as /dev/stdout and /dev/fd/3 do.

    What is behind it cannot be replaced: whoever opened it goes on writing to the old file.
    """
    if not os.path.exists(name):  # nothing, or links in a circle
        return None
    ours, path = os.path.realpath("/dev/fd"), name
    while os.path.realpath(os.path.dirname(path)) != ours:
        if not os.path.islink(path):
            return None
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    number = int(os.path.basename(path))
    if not os.get_inheritable(number):  # this process has opened it itself since
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return number


def _opened(name: str) -> int | None:
    """Open an existing file unchanged; None if nothing is there."""
    if not name:
        raise FileNotFoundError(errno.ENOENT, EMPTY_NAME)
    try:
        return os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        if name.endswith(os.sep):
            raise
        return None


def _beside(real: Path, target: int | None) -> BinaryIO | None:
    """Create an empty file that can replace `real`; None: `target` must be written into."""
    there = None if target is None else os.fstat(target)
    if there is not None and (not stat.S_ISREG(there.st_mode) or there.st_nlink > 1):
        return None
    try:
        return _scratch(real, there)
    except OSError:  # a folder that cannot be written, an owner that cannot be kept
        if there is None:
            raise
        return None


def _scratch(real: Path, there: os.stat_result | None) -> BinaryIO:
    """Create a file in the same folder, with owner, mode and attributes of the old one."""
    path = real.with_name(f".{secrets.token_hex(8)}{SCRATCH}")  # `real` may be as long as a name can be
    mode = 0o666 if there is None else 0o600
    file = open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115 - the caller does
    try:
        if there is not None:
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (there.st_uid, there.st_gid):
                os.chown(path, there.st_uid, there.st_gid)
            shutil.copystat(real, path)
    except OSError:
        file.close()
        path.unlink()
        raise
    return file


def _replaced(real: Path, scratch: BinaryIO, target: int | None) -> bool:
    """Return whether a finished file took its place; one mounted by itself must be written into."""
    try:
        os.replace(scratch.name, real)
    except OSError:
        if target is None:
            raise
        return False
    return True


def _pour(file: BinaryIO, target: int, *, goes_on: bool) -> None:
    """Copy a file into an open one: from its beginning, or from its current position."""
    is_whole = not goes_on and stat.S_ISREG(os.fstat(target).st_mode)
    if is_whole:
        _reserve(target, os.fstat(file.fileno()).st_size)
    with open(target, "wb", closefd=False) as into:
        shutil.copyfileobj(file, into)
        into.flush()
        if is_whole:
            into.truncate()


def _reserve(target: int, size: int) -> None:
    """Reserve the disk space before anything is overwritten."""
    before = os.fstat(target).st_size
    if size <= before or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(target, 0, size)
    except OSError as error:
        os.ftruncate(target, before)
        if error.errno in FULL:
            raise
