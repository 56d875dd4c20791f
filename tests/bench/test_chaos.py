"""The chaos suite, in its short form: a few deeds, done to a real service, end as its long form wants."""

from pathlib import Path

import pytest

from bench.chaos import Chaos, ChaosReport, table
from bench.service import OwnService

DEEDS = ("trainer killed", "broker emptied", "API killed", "checkpoint damaged")


@pytest.mark.slow
def test_a_run_that_is_hit_again_and_again_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    report = ChaosReport(machine={}, revision="")
    with OwnService.running(tmp_path, "api", "worker") as service:
        chaos = Chaos(service, report, steps=40)

        with chaos.going_on():
            chaos.disturb(DEEDS, "a seed")

    assert report.is_good, table(report)
    assert report.runs[0].bytes_compared > 0
