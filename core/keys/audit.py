"""The audit log: who did what to what, when, and how it ended; one JSON object a line. Knows no HTTP.

It never holds a body or a secret. It is rotated by size. An entry that cannot be written (a full disk) goes into the
log of the service instead, as an error with all that it says: what it tells of has happened.
"""

import contextlib
import errno
import json
import logging
import os
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from core.machine.clock import timestamp
from core.store import files
from ganymede.schemas.keys import KeyRef

MODE = 0o600
MAX_BYTES = 10 * 2**20  # of one file
FILES_KEPT = 10  # audit.jsonl, audit.jsonl.1 (the newest of the older ones) and so on

log = logging.getLogger(__name__)


class Deed(BaseModel):
    """Something that was done, or refused. `key`: who did it; None: no key was needed, or the command did."""

    by: str = "api"
    key: KeyRef | None = None
    what: str
    run: str | None = None
    model: str | None = None
    dataset: str | None = None
    about_key: str | None = None
    status: int | None = None
    request_id: str | None = None


class AuditLog:
    """`audit.jsonl` under HOME; any number of processes may write to it."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, files_kept: int = FILES_KEPT) -> None:
        self.path, self.max_bytes, self.files_kept = path, max_bytes, files_kept
        self.trouble: str | None = None

    def note(self, deed: Deed) -> None:
        """Write a deed down, or say in the log why that cannot be."""
        body = {"at": timestamp(), **deed.model_dump(mode="json", exclude_none=True)}
        line = json.dumps(body, ensure_ascii=True).encode() + b"\n"
        try:
            self._append(line)
            self.trouble = None
        except OSError as error:
            self.trouble = f"{files.shown(self.path)} cannot be written: {error.strerror}"
            log.error("%s; the entry was: %s", self.trouble, line.decode().rstrip())

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_beside(self.path):
            with contextlib.suppress(FileNotFoundError):
                if self.path.stat().st_size + len(line) > self.max_bytes:
                    self._rotate()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            try:
                begun = os.fstat(descriptor).st_size
                if os.write(descriptor, line) < len(line):  # the disk is full now: no half line stays
                    os.ftruncate(descriptor, begun)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(descriptor)

    def _rotate(self) -> None:
        older = [self.path, *(self.path.with_name(f"{self.path.name}.{i}") for i in range(1, self.files_kept))]
        for newer, into in reversed(list(pairwise(older))):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(into)
