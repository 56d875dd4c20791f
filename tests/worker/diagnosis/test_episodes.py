"""When a trouble begins and when it is over."""

import pytest

from worker.diagnosis.episodes import begins_at

X, O, N = True, False, None  # noqa: E741


@pytest.mark.parametrize(
    ("flags", "began"),
    [
        ([], None),
        ([O, O, O], None),
        ([X, X], None),  # not often enough
        ([X, X, X], 0),
        ([O, X, X, X, X], 1),
        ([X, X, O, X, X], None),  # not in a row
        ([X, X, X, O, O], 0),  # not yet over
        ([X, X, X, O, O, X], 0),
        ([X, X, X, O, O, O], None),
        ([X, X, X, O, O, O, X, X, X], 6),  # another one
        ([X, N, X, N, N, X], 0),  # what says nothing breaks nothing
        ([N, N, N], None),
    ],
)
def test_a_trouble_takes_three_in_a_row_to_begin_and_to_end(flags: list[bool | None], began: int | None) -> None:
    assert begins_at(flags, in_a_row=3) == began
