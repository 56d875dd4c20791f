"""What chaos did and what came of it: the record of docs/benchmarks, and a table for people. Does nothing."""

import itertools
import statistics
from typing import Any

from pydantic import BaseModel

from bench.deeds import DEEDS
from ganymede.schemas.states import Status


class DoneDeed(BaseModel):
    """One deed: when, and how long until the run moved on and pictures were drawn."""

    deed: str
    run: str
    step: int
    seconds: float
    is_shipped: bool = False  # at the limits that the service has by default


class JudgedRun(BaseModel):
    """What became of a run."""

    run: str
    deeds: int
    status: Status
    attempts: int
    bytes_compared: int
    is_as_undisturbed: bool
    published_twice: int
    gaps: int

    @property
    def is_good(self) -> bool:
        whole = self.status is Status.SUCCEEDED and self.is_as_undisturbed
        return whole and not self.published_twice and not self.gaps


class ChaosReport(BaseModel):
    """All that was done, and what came of it."""

    machine: dict[str, Any]
    revision: str
    deeds: list[DoneDeed] = []
    runs: list[JudgedRun] = []
    drawn: int = 0
    not_drawn: int = 0  # while the API was up
    wrong: list[str] = []  # what deeds saw
    leftovers: list[str] = []

    @property
    def is_good(self) -> bool:
        return all(run.is_good for run in self.runs) and not (self.not_drawn or self.wrong or self.leftovers)


def table(report: ChaosReport) -> str:
    """For people: a line a kind of deed, then the sums."""
    lines = [f"{'deed':36}{'done':>6}{'median s':>10}{'max s':>8}"]
    for name, is_shipped in itertools.product(DEEDS, (False, True)):
        seconds = [deed.seconds for deed in report.deeds if (deed.deed, deed.is_shipped) == (name, is_shipped)]
        if seconds:
            shown = f"{name}, as shipped" if is_shipped else name
            lines.append(f"{shown:36}{len(seconds):6}{statistics.median(seconds):10.1f}{max(seconds):8.1f}")
    lines.append(f"{'all':36}{len(report.deeds):6}")
    runs = report.runs
    as_undisturbed = sum(run.is_as_undisturbed for run in runs)
    lines += [
        f"runs: {len(runs)}, succeeded {sum(run.status is Status.SUCCEEDED for run in runs)}, of the bytes of an "
        f"undisturbed one {as_undisturbed} ({sum(run.bytes_compared for run in runs)} bytes compared)",
        f"versions published twice: {sum(run.published_twice for run in runs)}",
        f"gaps in events: {sum(run.gaps for run in runs)}",
        f"pictures drawn: {report.drawn}, not drawn while the API was up: {report.not_drawn}",
        f"left over: {report.leftovers or 'nothing'}",
        f"not as it should be: {report.wrong or 'nothing'}",
    ]
    return "\n".join(lines)
