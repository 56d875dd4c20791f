"""What happens beside the loop."""

import pytest

from core.runs.samples import Grid
from worker.hooks import reporting as hooks


def test_grids_are_thinned_with_the_first_and_the_last_kept() -> None:
    grids = [Grid(0, step) for step in range(1, 502)]

    dropped = hooks.surplus_grids(grids, kept=500)
    few = hooks.surplus_grids(grids[:500], kept=500)

    kept = [grid for grid in grids if grid not in dropped]
    assert few == []
    assert kept[0] == Grid(0, 1)
    assert kept[-1] == Grid(0, 501)
    assert 50 < len(kept) <= 450


def test_a_run_of_any_length_leaves_some_thousand_points_in_its_event_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("worker.hooks.reporting.time.monotonic", lambda: now)
    clock = hooks.Clock(1.0, slowing=hooks.SLOWING)

    due_at = []
    for now in range(7 * 24 * 3600):  # a week, asked every second
        if clock.is_due():
            due_at.append(now)

    assert due_at[:4] == [0, 1, 2, 3]
    assert 3000 < len(due_at) < 6000
