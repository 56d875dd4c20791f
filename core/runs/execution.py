"""execution.json of a run: how it is computed, as its first attempt decided. Knows no device."""

from core.store import Record


class StoredExecution(Record):
    """The record. What is not there was not decided yet."""

    device: str | None = None
    precision: str = "auto"
    threads: int | None = None
    processes: int | None = None  # that train the run together, on so many hosts
    hosts: int | None = None
