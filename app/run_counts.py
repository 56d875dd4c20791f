"""How many runs are in each status, and how fast they learn, without reading thousands of files each time.

A file of a run that is over is read once; after that a look at its times tells whether it was taken up again.
"""

import threading
from collections import Counter
from dataclasses import dataclass

from core.errors import GanymedeError
from core.runs import Run, RunStore
from core.states import Status

Mark = tuple[int, int]  # modification time and inode: every replacement of the file has another


@dataclass(frozen=True, slots=True)
class RunCounts:
    by_status: dict[Status, int]
    images_per_second: float  # of all running runs together


class RunCensus:
    """Counts the runs of one store. Safe to ask from several threads."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs
        self._over: dict[str, tuple[Mark, Status]] = {}  # runs that were over when they were last looked at
        self._lock = threading.Lock()

    def count(self) -> RunCounts:
        with self._lock:
            found, speed = Counter[Status](), 0.0
            ids = self._runs.ids()
            for run_id in ids:
                try:
                    status, images_per_second = self._look(run_id)
                except (GanymedeError, OSError):  # deleted meanwhile, or damaged: GET /train/{id} tells
                    continue
                found[status] += 1
                speed += images_per_second
            there = set(ids)
            self._over = {run_id: seen for run_id, seen in self._over.items() if run_id in there}
        return RunCounts({status: found[status] for status in Status}, speed)

    def _look(self, run_id: str) -> tuple[Status, float]:
        """Status and images per second of one run."""
        seen = self._over.get(run_id)
        if seen is not None and seen[1] is Status.SUCCEEDED:  # nothing can follow
            return seen[1], 0.0
        run = Run(self._runs.store, run_id)
        facts = (run.folder / "state.json").stat()
        mark = (facts.st_mtime_ns, facts.st_ino)
        if seen is not None and seen[0] == mark:
            return seen[1], 0.0
        state = run.state()
        if state.status.is_terminal:
            self._over[run_id] = (mark, state.status)  # read after the look: if it changed between, it is read again
            return state.status, 0.0
        self._over.pop(run_id, None)
        is_learning = state.status is Status.RUNNING and state.phase == "training"
        return state.status, (state.progress.images_per_second or 0.0) if is_learning else 0.0
