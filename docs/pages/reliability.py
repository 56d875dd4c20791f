"""The section of docs/benchmarks.md on what the service survives: records of chaos, of fuzzing and of mixed load."""

from pathlib import Path
from typing import Any

from bench.chaos_report import ChaosReport, table
from bench.fuzz import FuzzReport
from bench.markdown import pipes
from docs.pages.records import section, where

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
    told = [section(f"{head}\n", folder, name, tell) for head, name, tell in parts]
    return "".join([BEGINS, *told]) if any(told) else ""


def _chaos(found: dict[str, Any]) -> str:
    return f"{where(found)}:\n\n```\n{table(ChaosReport.model_validate(found))}\n```\n"


def _fuzz(found: dict[str, Any]) -> str:
    report = FuzzReport.model_validate(found)
    keys = ", ".join(sorted({each.key for each in report.rounds}))
    errors = sum(each.server_errors for each in report.rounds)
    lines = [
        f"{where({**found, 'revision': report.rounds[-1].revision})}: {report.cases:,} cases in "
        f"{len(report.rounds)} rounds ({keys}), {errors} server errors, {len(report.findings)} other findings.",
        *(f"- {finding}" for finding in report.findings),
    ]
    return "\n".join([*lines, ""])


def _mixed(found: dict[str, Any]) -> str:
    asked = ", ".join(f"{count:,} x {what}" for what, count in found["asked"].items())
    store = found["store"]
    rows: list[tuple[str, ...]] = [("process", "memory, MB", "ratio", "descriptors", "threads")]
    for name in ("api", "engine", "worker", "broker"):
        memory, *counts = (_pair(found[name][of]) for of in ("resident_mb", "descriptors", "threads"))
        rows.append((name, memory, f"{found[name]['memory_ratio']:.3f}", *counts))
    return "\n".join(
        [
            f"{where(found)}, {found['minutes']:g} minutes: {asked}.\n",
            pipes(rows),
            f"The store held {store['largest_bytes'] / 1e6:.0f} MB at most, and more than retention allows in "
            f"{len(store['above_what_is_allowed'])} of {len(found['samples'])} looks.",
            "",
        ]
    )


def _pair(values: list[float]) -> str:
    return f"{values[0]:g}, {values[1]:g}"
