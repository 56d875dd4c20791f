"""Seeds as a client writes them: read in their order, and never more than are allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.generate.seeds import read_seeds
from core.errors import InvalidRequest

LIMIT = 64
SEED = st.integers(0, 2**32 - 1)
RANGE = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 9)).map(lambda r: range(r[0], min(r[0] + r[1] + 1, 2**32)))


def written(part: range) -> str:
    return f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0])


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("0,1,4-6", [0, 1, 4, 5, 6]),
        ("6,4,5", [6, 4, 5]),
        ("7,7", [7, 7]),
        ("3-3", [3]),
        ("007", [7]),
        (" 1 , 2 - 4 ", [1, 2, 3, 4]),
        ("4294967294-4294967295", [4294967294, 4294967295]),
    ],
)
def test_a_text_names_its_seeds_in_its_order(text: str, seeds: list[int]) -> None:
    assert read_seeds(text, LIMIT, "seeds") == seeds


@given(st.lists(RANGE, min_size=1, max_size=6))
def test_what_is_written_is_read(parts: list[range]) -> None:
    assert read_seeds(",".join(map(written, parts)), LIMIT, "seeds") == [seed for part in parts for seed in part]


@given(st.lists(SEED, min_size=1, max_size=LIMIT))
def test_a_list_is_taken_as_it_is(seeds: list[int]) -> None:
    assert read_seeds(seeds, LIMIT, "seeds") == seeds
    assert read_seeds(",".join(map(str, seeds)), LIMIT, "seeds") == seeds


@given(st.text(st.sampled_from("0123456789,- +x٣"), max_size=40))
def test_whatever_is_written_is_seeds_within_the_limits_or_refused(text: str) -> None:
    try:
        seeds = read_seeds(text, LIMIT, "/seeds")
    except InvalidRequest:
        return

    assert 1 <= len(seeds) <= LIMIT
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize("text", ["0-4294967295", "1," * 10_000_000, "0-4294967295," * 60 + "1", "9" * 10_000_000])
def test_what_names_far_too_many_takes_no_memory(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_seeds(text, LIMIT, "seeds")

    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["", ",", "1,,2", "1-", "-1", "1--2", "1-2-3", "1.5", "1e3", "0x1", "+1", "٣", "1;2"])
def test_what_is_no_list_of_seeds_is_told_the_form(text: str) -> None:
    with pytest.raises(InvalidRequest, match="like 0,1,4-6"):
        read_seeds(text, LIMIT, "seeds")
