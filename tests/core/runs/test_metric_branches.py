"""A run that went back has reported some steps twice: where its curve was cut, and what was cut off."""

from pathlib import Path

from core.runs.metrics import BranchSpan, branches, ordered, read
from tests.core.runs.test_metrics import point, write


def losses(path: Path, only_branch: int | None = None) -> list[float]:
    history = read(path)
    return history.columns["loss"][ordered(history, "step", only_branch=only_branch)].tolist()


def test_the_spans_of_branches_say_how_many_points_were_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [point(step, branch=0, loss=0) for step in (10, 20, 30, 40)])
    write(path, [point(step, branch=1, loss=1) for step in (25, 30)])
    write(path, [point(step, branch=2, loss=2) for step in (30, 40, 50)])

    spans = branches(read(path))

    assert losses(path) == [0, 0, 1, 2, 2, 2]
    assert spans == [BranchSpan(0, 10, 40, cut=2), BranchSpan(1, 25, 30, cut=1), BranchSpan(2, 30, 50, cut=0)]


def test_what_a_branch_left_behind_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [point(step, branch=0, attempt=1, loss=0) for step in (10, 20, 30, 40)])
    write(path, [point(step, branch=0, attempt=2, loss=1) for step in (30, 40)])
    write(path, [point(step, branch=1, attempt=2, loss=2) for step in (25, 30)])

    assert losses(path, only_branch=0) == [0, 0, 1, 1]
    assert losses(path, only_branch=1) == [2, 2]
    assert losses(path, only_branch=2) == []
    assert branches(read(path))[0].cut == 2


def test_a_run_without_points_has_no_branches(tmp_path: Path) -> None:
    assert branches(read(tmp_path / "metrics.jsonl")) == []
