"""A window read back from metrics.jsonl is what it was while the run went on."""

from collections.abc import Iterable
from pathlib import Path

from core.store import files
from tests.worker.diagnosis.conftest import MakeWindow
from worker.diagnosis.record import Setting
from worker.diagnosis.window import REPORTS_KEPT, Window, restored


def write(path: Path, steps: Iterable[int], branch: int = 0, attempt: int = 1, **numbers: float | None) -> None:
    for step in steps:
        marks = {"branch": branch, "step": step, "attempt": attempt, "images_seen": 64 * step, "at": "2026-01-01"}
        files.append_json_line(path, {**marks, **numbers})


def setting(make_window: MakeWindow) -> Setting:
    return make_window().setting


def told(window: Window, name: str) -> list[tuple[int, float | None]]:
    return [(int(point["step"]), point.get(name)) for point in window.reports]


def test_points_come_back_in_order_and_later_ones_stay_out(make_window: MakeWindow, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, (10, 20, 30), g_loss=1.0)

    window = restored(path, 0, 20, setting(make_window))

    assert told(window, "g_loss") == [(10, 1.0), (20, 1.0)]
    assert window.step == 20


def test_a_lost_attempts_points_give_way_to_those_of_the_next(make_window: MakeWindow, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, (10, 20, 30), g_loss=1.0)
    write(path, (20, 30, 40), attempt=2, g_loss=2.0)

    window = restored(path, 0, 30, setting(make_window))

    assert told(window, "g_loss") == [(10, 1.0), (20, 2.0), (30, 2.0)]


def test_a_branch_goes_on_from_where_it_left_the_one_before(make_window: MakeWindow, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, (10, 20, 30, 40), g_loss=1.0)
    write(path, (21, 31), branch=1, g_loss=2.0)

    window = restored(path, 1, 31, setting(make_window))
    before = restored(path, 0, 40, setting(make_window))

    assert told(window, "g_loss") == [(10, 1.0), (20, 1.0), (21, 2.0), (31, 2.0)]
    assert told(before, "g_loss") == [(step, 1.0) for step in (10, 20, 30, 40)]


def test_a_report_and_an_evaluation_of_one_step_are_a_point_of_each_kind(
    make_window: MakeWindow, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, (10,), g_loss=1.0, r_t=0.5)
    write(path, (10,), fd=3.0, fd_floor=0.1, missing_classes=0)

    window = restored(path, 0, 10, setting(make_window))

    assert [*window.reports] == [{"step": 10, "g_loss": 1.0, "r_t": 0.5}]
    assert [*window.evaluations] == [{"step": 10, "fd": 3.0, "fd_floor": 0.1, "missing_classes": 0}]


def test_the_same_comes_back_as_was_added_while_the_run_went_on(make_window: MakeWindow, tmp_path: Path) -> None:
    path, window = tmp_path / "metrics.jsonl", make_window()
    for step in range(1, REPORTS_KEPT + 51):
        window.add(step, {"g_loss": step / 7, "d_real_accuracy": None if step % 3 else 0.5})
        write(path, (step,), g_loss=step / 7, d_real_accuracy=None if step % 3 else 0.5)
        if step % 100 == 0:
            window.add(step, {"kid": 1 / step})
            write(path, (step,), kid=1 / step)

    back = restored(path, 0, REPORTS_KEPT + 50, window.setting)

    assert len(back.reports) == REPORTS_KEPT
    assert (back.reports, back.evaluations) == (window.reports, window.evaluations)


def test_a_number_that_is_none_is_not_there(make_window: MakeWindow) -> None:
    window = make_window()

    window.add(10, {"g_loss": float("nan"), "d_loss": float("inf"), "g_gradient": None})
    window.add(20, {"g_loss": 1.0})

    assert told(window, "g_loss") == [(20, 1.0)]


def test_without_a_file_a_window_is_empty(make_window: MakeWindow, tmp_path: Path) -> None:
    window = restored(tmp_path / "none.jsonl", 0, 10, setting(make_window))

    assert (window.step, len(window.reports)) == (0, 0)
