"""What the diagnosis said of trainings, as a section of docs/diagnosis.md, from the files of bench/alarms.py."""

from pathlib import Path
from typing import Any

from bench.records import read_records
from ganymede.schemas.diagnosis import UNTROUBLED

Result = dict[str, Any]

BEGINS = """
## Tried on trainings

`python -m bench.alarms` trains every recipe, its networks 64 wide (`gan` 256), on the bundled digits at 16 px, for
{steps:,} steps and three times: no report may name a trouble. It also trains what is bound to go wrong in one way (on
shuffled labels, on a handful of pictures, at rates of next to nothing): that must be said, and nothing else. Run it
after a change of a limit or of a recipe: it makes again what that concerns. What was made so far is in
`docs/benchmarks/alarms/`:

{counts}| run | of it should be said | seeds | as it should | what was said, and from which step on |
|---|---|---|---|---|
"""
COUNTS = """Of {reports:,} reports of {runs} runs in which nothing is wrong {alarms} named a trouble.

"""


def section(folder: Path) -> str:
    """The table of all results in `folder`; nothing where nothing is recorded."""
    results = read_records(folder, "*-[0-9].json")
    if not results:
        return ""
    rows = {result["row"]: [each for each in results if each["row"] == result["row"]] for result in results}
    silent = [result for result in results if not result["provokes"]]
    reports, alarms = (sum(result[count] for result in silent) for count in ("reports", "alarms"))
    counts = COUNTS.format(reports=reports, runs=len(silent), alarms=alarms or "none") if silent else ""
    ordered = sorted(rows, key=lambda name: (bool(rows[name][0]["provokes"]), name))
    begins = BEGINS.format(steps=results[0]["resolved"]["steps"], counts=counts)
    return begins + "\n".join(row(name, rows[name]) for name in ordered)


def row(name: str, results: list[Result]) -> str:
    """The line of a row, of all its seeds; what was said of several is told once where it is the same."""
    provokes = results[0]["provokes"]
    told = list(dict.fromkeys(_told(result) for result in results))
    right = sum(result["is_right"] for result in results)
    cells = [f"`{name}`", f"`{provokes}`" if provokes else "nothing", str(len(results)), str(right), "; ".join(told)]
    return f"| {' | '.join(cells)} |"


def _told(result: Result) -> str:
    """The verdicts of a run in their order, those that are troubles with their steps."""
    parts = [f"`{verdict}`" + ("" if verdict in UNTROUBLED else f" {step}") for step, verdict in result["verdicts"]]
    return ", ".join(parts)
