"""How long what waits will take is judged by what was done while there was too much to do."""

import pytest

from app.engine.pace import Pace


def busy(pace: Pace, batches: int, work_s: float, every_s: float, start: float = 0.0) -> float:
    """Batches at even times, with more waiting all the while; the time of the last."""
    for i in range(batches):
        pace.did(work_s, start + i * every_s, more_waits=True)
    return start + batches * every_s


@pytest.mark.parametrize(("work_s", "every_s", "speed"), [(0.01, 0.005, 2.0), (0.01, 0.04, 0.25)])
def test_the_speed_is_the_work_done_in_a_second_while_more_waits(work_s: float, every_s: float, speed: float) -> None:
    pace = Pace()

    busy(pace, 400, work_s, every_s)

    assert pace.speed == pytest.approx(speed, rel=1e-3)


def test_pauses_do_not_count() -> None:
    pace = Pace()
    over = busy(pace, 400, 0.01, 0.005)
    pace.did(0.01, over, more_waits=False)

    busy(pace, 5, 0.01, 0.005, start=over + 3600)

    assert pace.speed == pytest.approx(2.0, rel=0.01)


def test_a_machine_that_became_slower_is_noticed_within_seconds() -> None:
    pace = Pace()
    over = busy(pace, 2000, 0.01, 0.005)

    busy(pace, 200, 0.01, 0.04, start=over)

    assert pace.speed == pytest.approx(0.25, rel=0.15)


def test_a_few_batches_change_nothing() -> None:
    pace = Pace()

    busy(pace, 3, 0.01, 0.1)

    assert pace.speed == 1.0
