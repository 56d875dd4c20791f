"""The memory of answers: what it keeps, what goes first, and that one drawing serves all who ask for it."""

import pytest

from app.generate.pictures import OVERHEAD, Pictures
from app.telemetry import Telemetry


def hits(pictures: Pictures, kind: str) -> float:
    return pictures.telemetry.registry.get_sample_value("ganymede_cache_hits_total", {"kind": kind}) or 0


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(10 * (100 + OVERHEAD), Telemetry())


def test_what_was_kept_is_found_and_counted(pictures: Pictures) -> None:
    pictures.keep("a", b"x")

    assert (pictures.find("a"), pictures.find("b")) == (b"x", None)
    assert hits(pictures, "memory") == 1


def test_what_was_not_asked_for_the_longest_goes_first(pictures: Pictures) -> None:
    for i in range(10):
        pictures.keep(str(i), bytes(100))
    pictures.find("0")

    pictures.keep("new", bytes(100))

    assert pictures.find("0") is not None
    assert pictures.find("1") is None
    assert len(pictures) == 10


def test_the_memory_it_takes_stays_within_its_budget(pictures: Pictures) -> None:
    for i in range(1000):
        pictures.keep(str(i), bytes(i % 300))

        assert pictures.nbytes <= pictures.budget
    assert pictures.nbytes == sum(len(content) + OVERHEAD for content in pictures._kept.values())


def test_what_is_larger_than_all_the_room_drives_nothing_out(pictures: Pictures) -> None:
    pictures.keep("small", b"x")

    pictures.keep("large", bytes(pictures.budget))

    assert (pictures.find("small"), pictures.find("large")) == (b"x", None)


def test_without_a_budget_nothing_is_kept() -> None:
    pictures = Pictures(0, Telemetry())

    pictures.keep("a", b"x")

    assert pictures.find("a") is None
