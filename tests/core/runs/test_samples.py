"""Which sample grids there are, and which one a word means."""

from pathlib import Path

import pytest

from core.errors import InvalidRequest, SampleNotFound
from core.runs.samples import Grid, find, list_grids
from ganymede.schemas.references import parse_branch_step

GRIDS = [Grid(0, 100), Grid(0, 200), Grid(0, 1000), Grid(1, 150), Grid(1, 200)]


def test_grids_are_listed_by_branch_and_step_and_nothing_else_is(tmp_path: Path) -> None:
    names = ["0-1000.webp", "0-200.webp", "1-5.webp"]
    strange = [".0-3.webp.ab.tmp", "0-3.png", "0-03.webp", "a.webp", "0-3.webp.tmp", "-1-3.webp", "٣-٣.webp", "0-3"]
    for name in [*names, *strange]:
        (tmp_path / name).write_bytes(b"123")

    grids = list_grids(tmp_path)

    assert [str(grid) for grid in grids] == ["0-200", "0-1000", "1-5"]
    assert {grid.bytes for grid in grids} == {3}


def test_a_folder_that_is_not_there_holds_no_grids(tmp_path: Path) -> None:
    assert list_grids(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("text", "name"), [("100", "0-100"), ("200", "1-200"), ("0-200", "0-200"), ("latest", "1-200"), ("00200", "1-200")]
)
def test_a_grid_is_named_by_step_by_branch_and_step_or_as_the_latest(text: str, name: str) -> None:
    assert str(find(GRIDS, text)) == name


@pytest.mark.parametrize(
    ("text", "told"),
    [("190", "step 190; nearest: 100, 200, 150, 200"), ("1-100", "1-100; nearest: 0-100, 0-200, 1-150, 1-200")],
)
def test_a_grid_that_is_not_there_is_told_with_its_nearest(text: str, told: str) -> None:
    with pytest.raises(SampleNotFound, match=told):
        find(GRIDS, text)


def test_a_run_without_samples_is_told(tmp_path: Path) -> None:
    with pytest.raises(SampleNotFound, match="no samples yet"):
        find([], "latest")


@pytest.mark.parametrize(
    "text", ["", "newest", "-1", "1.5", "0-1-2", "0-", "1" * 16, "../0-100", "0-100.webp", "٣", "1\n"]
)
def test_what_is_no_name_of_a_grid_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="a step, BRANCH-STEP or latest"):
        find(GRIDS, text)

    assert parse_branch_step(text) is None
