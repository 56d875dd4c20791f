"""Imports under way: each in a process of its own (core/datasets), one at a time, ended when nobody waits for it.

Knows no route and no picture.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from core.datasets.order import (
    SAID,
    DiskFailed,
    Imported,
    ImportEnd,
    ImportForbidden,
    ImportOrder,
    ImportProgress,
    ImportRefused,
)
from core.errors import GanymedeError, InvalidRequest, Overloaded
from core.keys.errors import ScopeMissing
from core.machine.clock import timestamp
from core.machine.processes import python_module
from ganymede.schemas.system import ImportBody

AT_ONCE = 8  # uploads that are received or wait; each may take GANYMEDE_MAX_UPLOAD of the disk
RETRY_AFTER_S = 10.0
LONGEST_LINE = 1 << 20  # of what the process says; a report names up to 200 files
PROCESS = "core.datasets"

log = logging.getLogger(__name__)


class DatasetImport(ImportBody):
    """One import under way."""

    def receive(self, size: int) -> None:
        self.done += size

    def enter(self, phase: str, done: int = 0, total: int | None = None) -> None:
        self.phase, self.done, self.total = phase, done, total


class DatasetImports:
    """All imports of one app."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._all: list[DatasetImport] = []
        self._turn = asyncio.Semaphore(1)  # a process decodes on every core

    def under_way(self) -> list[ImportBody]:
        return [ImportBody(**current.model_dump()) for current in self._all]

    @contextlib.contextmanager
    def begin(self, request_id: str, total_bytes: int | None) -> Iterator[DatasetImport]:
        """Enter an import that is about to be received; Overloaded if there are too many."""
        if len(self._all) >= AT_ONCE:
            raise Overloaded(f"{AT_ONCE} datasets are being imported; try again later", RETRY_AFTER_S)
        facts = {"request_id": request_id, "dataset": None, "phase": "receiving", "began_at": timestamp()}
        current = DatasetImport.model_validate({**facts, "done": 0, "total": total_bytes})
        self._all.append(current)
        try:
            yield current
        finally:
            self._all.remove(current)

    async def run(self, current: DatasetImport, order: ImportOrder, folder: Path) -> Imported:
        """Carry out an order in a process of its own; InvalidRequest for the upload, OSError for the disk."""
        current.dataset = order.form.name
        current.enter("waiting")
        return _read(await self._work(current, order, folder), self._root)

    async def _work(self, current: DatasetImport, order: ImportOrder, folder: Path) -> ImportEnd:
        async with self._turn:
            await asyncio.to_thread((folder / "order.json").write_text, order.model_dump_json())
            pipe = asyncio.subprocess.PIPE
            command = python_module(PROCESS, self._root, folder)
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LONGEST_LINE)
            try:
                return await _listen(process, current)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _listen(process: asyncio.subprocess.Process, current: DatasetImport) -> ImportEnd:
    """Follow the progress of a process until it reports its result."""
    assert process.stdout is not None
    async for line in process.stdout:
        said = SAID.validate_json(line)
        if not isinstance(said, ImportProgress):
            return said
        current.enter(said.phase, said.done, said.total)
    status = await process.wait()
    log.error("the process of an import ended with status %d", status)
    raise GanymedeError(
        f"the process that read the upload ended with status {status}: no memory, or a file that no decoder survives"
    )


def _read(said: ImportEnd, root: Path) -> Imported:
    if isinstance(said, ImportRefused):
        raise InvalidRequest(said.detail, said.problems)
    if isinstance(said, ImportForbidden):
        raise ScopeMissing(said.forbidden)
    if isinstance(said, DiskFailed):
        raise OSError(said.errno, os.strerror(said.errno), str(root / "datasets"))
    return said
