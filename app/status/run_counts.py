"""How many runs are in each status, and how fast they learn, without reading thousands of files each time."""

from collections import Counter
from dataclasses import dataclass

from core.runs import RunStore
from ganymede.schemas.states import Status


@dataclass(frozen=True, slots=True)
class RunCounts:
    by_status: dict[Status, int]
    images_per_second: float  # of all running runs together
    ended_early: int  # of those that succeeded


class RunCensus:
    """Counts the runs of one store; a damaged one is not counted: GET /train/{id} tells of it."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs

    def count(self) -> RunCounts:
        entries = self._runs.index.entries().values()
        found = Counter(entry.status for entry in entries)
        speed = sum(entry.images_per_second for entry in entries)
        return RunCounts(
            {status: found[status] for status in Status}, speed, sum(entry.ended_early for entry in entries)
        )
