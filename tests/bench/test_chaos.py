"""The chaos suite, in its short form: a few deeds, done to a real service, end as its long form wants."""

from pathlib import Path

import pytest

from bench.chaos import Chaos
from bench.chaos_report import ChaosReport, table
from bench.deeds import CLOCK_BACK
from bench.midway import FAKETIME
from bench.service import OwnService
from bench.small_disk import fill, free
from tests.disks import own_disk

DEEDS = ("trainer killed", "broker emptied", "API killed", "checkpoint damaged")
IN_THE_MIDST = ("version damaged", "API killed in an import", "trainer killed in a publish", "broker away")


@pytest.mark.slow
@pytest.mark.parametrize("deeds", [DEEDS, IN_THE_MIDST], ids=["hit", "in the midst"])
def test_a_run_that_is_hit_again_and_again_ends_as_if_nothing_had_been(tmp_path: Path, deeds: tuple[str, ...]) -> None:
    report = ChaosReport(machine={}, revision="")
    with OwnService.running(tmp_path, "api", "worker") as service:
        chaos = Chaos(service, report, steps=40)

        with chaos.going_on():
            chaos.disturb(deeds, "a seed")

    assert report.is_good, table(report)
    assert report.runs[0].bytes_compared > 0


@pytest.mark.slow
def test_a_run_survives_a_full_disk_and_a_clock_that_is_set_back(tmp_path: Path) -> None:
    report = ChaosReport(machine={}, revision="")
    deeds = ["disk full", "broker read-only", *([CLOCK_BACK] if FAKETIME else [])]
    with own_disk(tmp_path / "store", 256), OwnService.running(tmp_path, "api", "worker") as service:
        chaos = Chaos(service, report, steps=40)

        with chaos.going_on():
            chaos.disturb(deeds, "a seed")

    assert report.is_good, table(report)
    if not FAKETIME:
        pytest.skip("all but the clock: there is no libfaketime")


def test_a_disk_that_is_filled_takes_nothing_until_it_is_freed(tmp_path: Path) -> None:
    with own_disk(tmp_path, 2):
        fill(tmp_path)
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "one").write_bytes(b"x")
        free(tmp_path)

        (tmp_path / "one").write_bytes(b"x")
