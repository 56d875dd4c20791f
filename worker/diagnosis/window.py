"""The newest points of a run, in order, and what its evaluations come to. Knows no rule.

Restored from metrics.jsonl a window is what it would be had the run never been interrupted. Shape suffixes: N points.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from core.runs import metrics
from worker.diagnosis.record import DiagnosisRecord, Point, Setting

REPORTS_KEPT = 1000  # points of the loop
EVALUATIONS_KEPT = 1000  # points with scores
SCORES = frozenset({"fd", "kid", "precision", "recall", "density", "coverage"})
SCORES |= {"label_accuracy", "diversity", "missing_classes", "nearest", "silent_share", "accuracy", "baseline_accuracy"}


@dataclass(slots=True)
class Window:
    """Points with growing steps: `reports` are the loop's, `evaluations` those that have scores; `record` is what all
    evaluations come to, also those that are no longer kept."""

    setting: Setting
    reports: deque[Point] = field(default_factory=lambda: deque(maxlen=REPORTS_KEPT))
    evaluations: deque[Point] = field(default_factory=lambda: deque(maxlen=EVALUATIONS_KEPT))
    record: DiagnosisRecord = field(init=False)
    _before: DiagnosisRecord = field(init=False)  # without the newest evaluation, to which numbers may still be added

    def __post_init__(self) -> None:
        self.record = self._before = DiagnosisRecord(setting=self.setting)

    @property
    def step(self) -> int:
        """Of the newest point; 0 where there is none."""
        newest = [points[-1]["step"] for points in (self.reports, self.evaluations) if points]
        return int(max(newest, default=0))

    def add(self, step: int, measured: dict[str, float | None]) -> None:
        """Add numbers of a step not before the newest; those of one step become one point."""
        numbers = {name: float(value) for name, value in measured.items() if value is not None and math.isfinite(value)}
        scores = {name: value for name, value in numbers.items() if _is_score(name)}
        reported = {name: value for name, value in numbers.items() if name not in scores}
        if reported:
            _put(self.reports, step, reported)
        if scores:
            if _put(self.evaluations, step, scores):
                self._before = self.record
            self.record = self._before.after({**self.evaluations[-1]})


def _is_score(name: str) -> bool:
    return name.removesuffix("_floor") in SCORES


def _put(points: deque[Point], step: int, part: Point) -> bool:
    """Return whether it is a new point."""
    if points and points[-1]["step"] == step:
        points[-1] |= part
        return False
    points.append({"step": float(step), **part})
    return True


def restored(path: Path, branch: int, step: int, setting: Setting) -> Window:
    """Restore the window of a run at `step` of `branch` from its metrics.jsonl.

    Of the time before a remedy only scores count: what the run was able to draw. Its losses and gradients have changed.
    """
    window, history = Window(setting), metrics.read(path)
    columns = {name: history.columns[name] for name in history.names}
    for row in _lived_through(history, branch, step):
        numbers = {name: float(column[row]) for name, column in columns.items()}
        if setting.remedied and history.columns["branch"][row] < setting.remedied.branch:
            numbers = {name: value for name, value in numbers.items() if _is_score(name)}
        window.add(int(history.columns["step"][row]), {**numbers})
    return window


def _lived_through(history: metrics.History, branch: int, step: int) -> metrics.Rows:
    """Return rows up to there, by step: of each step those of the newest branch's newest attempt."""
    step_N, branch_N, attempt_N = (history.columns[name] for name in ("step", "branch", "attempt"))
    rows = np.flatnonzero((step_N <= step) & (branch_N <= branch))
    rows = rows[np.lexsort((rows, attempt_N[rows], branch_N[rows], step_N[rows]))]
    last = rows[np.searchsorted(step_N[rows], step_N[rows], side="right") - 1]  # of each row's step
    rows = rows[(branch_N[rows] == branch_N[last]) & (attempt_N[rows] == attempt_N[last])]
    return rows[branch_N[rows] >= np.maximum.accumulate(branch_N[rows])] if len(rows) else rows


def newest(points: Sequence[Point] | deque[Point], count: int) -> list[Point]:
    """Return the last `count` points, oldest first."""
    return list(islice(points, max(0, len(points) - count), None))
