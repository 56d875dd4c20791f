"""The metric history: what is read of the file, whatever became of it, in which order, and what thinning keeps."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.runs import metrics
from core.runs.metrics import Histories, History, attempts, ordered, read, thinned
from core.store import files


def point(step: int, attempt: int = 1, branch: int = 0, at: str | None = None, **metrics: Any) -> dict[str, Any]:
    at = at or f"2026-01-01T00:{attempt:02d}:{step % 60:02d}.000Z"
    return {"branch": branch, "step": step, "attempt": attempt, "images_seen": 10 * step, "at": at, **metrics}


def write(path: Path, points: Iterable[dict[str, Any]]) -> Path:
    for each in points:
        files.append_json_line(path, each)
    return path


def shown(history: History, name: str, x: str = "step", after_step: int | None = None) -> list[float]:
    return history.columns[name][ordered(history, x, after_step)].tolist()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_no_file_is_an_empty_history(path: Path) -> None:
    history = read(path)

    assert (len(history), history.names, attempts(history)) == (0, [], [])
    assert [len(ordered(history, x)) for x in ("step", "images_seen", "at")] == [0, 0, 0]


def test_every_number_that_is_no_mark_is_a_metric(path: Path) -> None:
    write(path, [point(1, loss=0.5, note="hello", deep={"a": 1}), point(2, loss=1, fid=None, ok=True)])

    history = read(path)

    assert history.names == ["loss", "fid"]
    assert shown(history, "loss") == [0.5, 1.0]
    assert np.isnan(history.columns["fid"]).all()


def test_a_metric_that_appears_later_was_not_measured_before(path: Path) -> None:
    write(path, [point(1, loss=1), point(2, loss=2, fid=7)])

    fid = read(path).columns["fid"]

    assert (np.isnan(fid[0]), fid[1]) == (True, 7)


@pytest.mark.parametrize(
    "damage",
    [
        b"not JSON",
        b'{"branch": 0, "step": 5, "attempt": 1, "los',
        b'{"step": 5}, {"step": 6}',
        b"[]",
        b"5",
        b"\x00\xff\xfe",
        b'{"loss": 1}',
        b'{"step": "5"}',
        b'{"step": -5}',
        b'{"step": true}',
        b'{"step": 1e3}',
        b'{"step": 123456789012345678901234567890}',
        b"[" * 100_000,
        b'{"step": 5, "loss": ' + b"9" * 5000 + b"}",
        b"x" * 10_000_000,
        b'{"step": 5, "text": "' + b"x" * 70_000 + b'"}',
    ],
    ids=lambda damage: damage[:24].decode(errors="replace"),
)
def test_a_damaged_line_is_skipped_and_the_others_stay(path: Path, damage: bytes) -> None:
    write(path, [point(1, loss=1)])
    with path.open("ab") as file:
        file.write(damage + b"\n")
    write(path, [point(9, loss=9)])

    history = read(path)

    assert (shown(history, "step"), shown(history, "loss")) == ([1, 9], [1, 9])


def test_a_line_that_was_cut_short_is_skipped(path: Path) -> None:
    write(path, [point(1, loss=1)])
    with path.open("ab") as file:
        file.write(b'{"branch": 0, "step": 2, "lo')

    cut = read(path)
    write(path, [point(3, loss=3)])

    assert shown(cut, "step") == [1]
    assert shown(read(path), "step") == shown(read(path, cut), "step") == [1, 3]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, '"NaN"', "[1]", "null"])
def test_what_is_no_finite_number_was_not_measured(path: Path, number: str) -> None:
    path.write_text(f'{{"step": 1, "loss": {number}, "real": 1}}\n{{"step": 2, "loss": 2, "real": 1}}\n')

    loss = read(path).columns["loss"]

    assert (np.isnan(loss[0]), loss[1]) == (True, 2)


def test_a_file_with_a_thousand_names_has_a_bounded_number_of_columns(path: Path) -> None:
    write(path, ({"step": step, **{f"m{step}_{i}": 1.0 for i in range(50)}} for step in range(20)))

    assert len(read(path).columns) == metrics.MAX_COLUMNS


def test_what_was_added_is_read_alone(path: Path) -> None:
    write(path, [point(step, loss=step) for step in range(1, 4)])
    before = read(path)
    write(path, [point(4, loss=4)])
    with path.open("r+b") as file:  # if it were read again, this would be seen
        file.write(b"x" * 10)

    after = read(path, before)

    assert shown(after, "step") == [1, 2, 3, 4]
    assert len(before) == 3


@pytest.mark.parametrize("how", ["replaced", "shorter"])
def test_another_file_in_its_place_is_read_from_its_beginning(path: Path, how: str) -> None:
    write(path, [point(step) for step in range(1, 4)])
    before = read(path)
    other = path if how == "shorter" else path.with_suffix(".new")
    if how == "shorter":
        os.truncate(path, 0)
    write(other, [point(step) for step in range(7, 9 if how == "shorter" else 20)])
    other.replace(path)

    assert shown(read(path, before), "step")[0] == 7


def test_reading_in_parts_gives_what_reading_at_once_gives(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [point(step, loss=step / 7) for step in range(1, 200)])
    whole = read(path)
    monkeypatch.setattr(metrics, "BLOCK", 100)

    parts = read(path)

    assert (parts.offset, parts.lines) == (whole.offset, whole.lines)
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(parts.columns[name], column)


def test_of_a_huge_file_one_line_in_so_many_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [point(step) for step in range(1000)])
    monkeypatch.setattr(metrics, "READ_WHOLE", path.stat().st_size // 3)
    monkeypatch.setattr(metrics, "BLOCK", 1000)

    history = read(path)
    write(path, [point(step) for step in range(1000, 1010)])

    assert history.stride == 4
    assert shown(history, "step") == list(range(0, 1000, 4))
    assert shown(read(path, history), "step") == list(range(0, 1010, 4))


def test_steps_that_two_attempts_report_are_told_by_the_newer_one(path: Path) -> None:
    write(path, [point(step, attempt=1, loss=1) for step in (10, 20, 30, 40)])
    write(path, [point(step, attempt=2, loss=2) for step in (30, 40, 50)])

    history = read(path)

    assert shown(history, "step") == [10, 20, 30, 40, 50]
    assert shown(history, "loss") == [1, 1, 2, 2, 2]
    assert attempts(history) == [(1, 10), (2, 30)]


def test_a_newer_branch_replaces_what_it_left_behind(path: Path) -> None:
    write(path, [point(step, branch=0, loss=0) for step in (10, 20, 30, 40)])
    write(path, [point(step, branch=1, attempt=2, loss=1) for step in (25, 30)])

    history = read(path)

    assert shown(history, "step") == [10, 20, 25, 30]
    assert shown(history, "loss") == [0, 0, 1, 1]


def test_only_points_beyond_a_step_can_be_asked_for(path: Path) -> None:
    write(path, [point(step) for step in (10, 20, 30)])

    assert shown(read(path), "step", after_step=10) == [20, 30]
    assert shown(read(path), "step", after_step=30) == []


def test_time_rises_strictly_although_an_attempt_took_up_earlier_steps(path: Path) -> None:
    write(path, [point(step, attempt=1) for step in (10, 20, 30)])
    write(path, [point(step, attempt=2) for step in (20,)])
    write(path, [point(40, attempt=2, at="2026-01-01T00:02:20.000Z"), point(50, at="never"), point(60, at="9")])

    history = read(path)
    time = history.columns["at"][ordered(history, "at")]

    assert (np.diff(time) > 0).all()
    assert shown(history, "step", x="at") == [10, 30, 40]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 3), st.integers(0, 59)),
        max_size=40,
    )
)
def test_x_rises_strictly_whatever_was_reported(
    tmp_path_factory: pytest.TempPathFactory, marks: list[tuple[int, int, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("history") / "metrics.jsonl"
    write(path, [point(s, a, b, at=f"2026-01-01T00:00:{at:02d}.000Z") for b, s, a, at in marks])

    history = read(path)

    for x in ("step", "images_seen", "at"):
        assert (np.diff(history.columns[x][ordered(history, x)]) > 0).all()
    assert len(ordered(history, "step")) >= min(1, len(marks))


def test_thinning_keeps_both_ends_and_every_spike() -> None:
    values_CN = np.random.default_rng(0).normal(size=(3, 50_000))
    values_CN[0, 12_345], values_CN[1, 4_321], values_CN[2, 777] = 50, -50, np.nan

    kept = thinned(values_CN, 1000)

    assert {0, 49_999, 12_345, 4_321} <= set(kept.tolist())
    assert 900 < len(kept) <= 1000


def test_what_fits_is_not_thinned() -> None:
    assert thinned(np.zeros((4, 100)), 100).tolist() == list(range(100))


def test_a_column_measured_now_and_then_keeps_what_was_measured() -> None:
    values_CN = np.full((2, 10_000), np.nan)
    values_CN[0] = np.arange(10_000)
    values_CN[1, ::2_500] = [3, 1, 4, 1]

    kept = thinned(values_CN, 200)

    assert {0, 2_500, 5_000, 7_500} <= set(kept.tolist())


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(0, 300)), elements=st.floats(-9, 9) | st.just(np.nan)),
    st.integers(10, 60),
)
def test_thinning_never_gives_more_than_was_asked_for(values_CN: np.ndarray[Any, Any], limit: int) -> None:
    kept = thinned(values_CN, limit)

    count = values_CN.shape[1]
    assert len(kept) <= limit
    assert (np.diff(kept) > 0).all()
    assert count == 0 or {0, count - 1} <= set(kept.tolist())
    if 2 * len(values_CN) + 2 <= limit and count:
        inner = values_CN[:, 1:-1]
        for row, full in zip(values_CN[:, kept], inner, strict=True):
            if not np.isnan(full).all():
                assert np.nanmax(row) >= np.nanmax(full)
                assert np.nanmin(row) <= np.nanmin(full)


def test_what_is_kept_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "KEPT_BYTES", 5000)
    paths = [write(tmp_path / str(i), [point(step) for step in range(20)]) for i in range(10)]
    histories = Histories()

    for path in paths:
        assert len(histories.read(path)) == 20

    assert [path.name for path in histories._known] == ["4", "5", "6", "7", "8", "9"]


def test_the_points_of_a_line_are_those_that_were_written(path: Path) -> None:
    written = [point(step, loss=step / 3, at=f"2026-03-01T12:00:{step:02d}.250Z") for step in range(1, 60)]
    path.write_text("".join(json.dumps(each) + "\n" for each in written))

    history = read(path)

    assert shown(history, "loss") == [each["loss"] for each in written]
    assert shown(history, "at") == [1772366400.25 + step for step in range(1, 60)]
