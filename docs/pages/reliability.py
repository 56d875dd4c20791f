"""The section of docs/benchmarks.md on what the service survives: records of chaos, of fuzzing and of mixed load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.chaos_report import ChaosReport, table
from bench.fuzz import FuzzReport
from bench.machine import described

BEGINS = """
## What it survives

[Operations](operations.md#try-what-it-survives) says what each command does.
"""
CHAOS = """
### Killed, hung and starved

    make chaos

Seconds until the run moved on and pictures were drawn. "As shipped": with the limits that the service has by default.
"""
FUZZ = """
### Asked whatever its document allows

    make fuzz
"""
MIXED = """
### An hour of everything at once

    python -m bench.mixed_load

Medians of the second tenth of the time, and of the last.
"""


def reliability_section(folder: Path) -> str:
    parts = ((CHAOS, "chaos", _chaos), (FUZZ, "fuzz", _fuzz), (MIXED, "mixed-load", _mixed))
    told = [_part(head, folder, name, tell) for head, name, tell in parts]
    return "".join([BEGINS, *told]) if any(told) else ""


def _part(head: str, folder: Path, name: str, tell: Callable[[str], str]) -> str:
    """A part for each machine that has a record of this name."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob(f"{name}-*.json"))]
    return "\n".join([head, *map(tell, texts)]) if texts else ""


def _chaos(text: str) -> str:
    report = ChaosReport.model_validate_json(text)
    return f"{described(report.machine)}, revision {report.revision}:\n\n```\n{table(report)}\n```\n"


def _fuzz(text: str) -> str:
    report = FuzzReport.model_validate_json(text)
    keys = ", ".join(sorted({f"{each.key}" for each in report.rounds}))
    errors = sum(each.server_errors for each in report.rounds)
    lines = [
        f"{described(report.machine)}, revision {report.rounds[-1].revision}: {report.cases:,} cases in "
        f"{len(report.rounds)} rounds ({keys}), {errors} server errors, {len(report.findings)} other findings.",
        *(f"- {finding}" for finding in report.findings),
    ]
    return "\n".join([*lines, ""])


def _mixed(text: str) -> str:
    found: dict[str, Any] = json.loads(text)
    asked = ", ".join(f"{count:,} x {what}" for what, count in found["asked"].items())
    store = found["store"]
    rows = [
        f"| {name} | {_pair(found[name]['resident_mb'])} | {found[name]['memory_ratio']:.3f} | "
        f"{_pair(found[name]['descriptors'])} | {_pair(found[name]['threads'])} |"
        for name in ("api", "engine", "worker", "broker")
    ]
    return "\n".join(
        [
            f"{described(found['machine'])}, revision {found['revision']}, {found['minutes']:g} minutes: {asked}.\n",
            "| process | memory, MB | ratio | descriptors | threads |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"The store held {store['largest_bytes'] / 1e6:.0f} MB at most, and more than retention allows in "
            f"{len(store['above_what_is_allowed'])} of {len(found['samples'])} looks.",
            "",
        ]
    )


def _pair(values: list[float]) -> str:
    return f"{values[0]:g}, {values[1]:g}"
