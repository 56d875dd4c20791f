"""Sections of a page of what benchmarks recorded, a part for each machine. Knows no benchmark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.machine import described
from bench.records import read_records

Found = dict[str, Any]


def section(head: str, folder: Path, name: str, part: Callable[[Found], str]) -> str:
    """The head, and a part for each machine that has a record of this name; empty where none has."""
    records = read_records(folder, f"{name}-*.json")
    return head + "".join(map(part, records)) if records else ""


def where(record: Found) -> str:
    return f"{described(record['machine'])}, revision {record['revision']}"
