"""A run of any length: a diagnosis reads no more of it when a thousand evaluations lie behind."""

from collections import deque
from typing import Any

from tests.worker.diagnosis.conftest import MakeWindow, found, report, score, verdict
from worker.diagnosis.window import EVALUATIONS_KEPT

EVALUATIONS = 1000


class Counted(deque[Any]):
    """Counts the points that are read."""

    reads = 0

    def __iter__(self) -> Any:
        for point in super().__iter__():
            self.reads += 1
            yield point

    def __getitem__(self, index: Any) -> Any:
        self.reads += 1
        return super().__getitem__(index)

    def __reversed__(self) -> Any:
        self.reads += len(self)
        return super().__reversed__()


def test_a_report_reads_none_of_the_evaluations_before_but_the_newest(make_window: MakeWindow) -> None:
    window = make_window(steps=1_000_000)
    window.evaluations = Counted(maxlen=EVALUATIONS_KEPT)
    for number in range(EVALUATIONS):
        window.add(
            10 * (number + 1), {"kid": 1 / (number + 1), "diversity": 0.9, "label_accuracy": 0.9, "nearest": 1.0}
        )
    before = window.evaluations.reads
    for _ in range(20):
        report(window)
        found(window)

    assert before <= 3 * EVALUATIONS  # each was taken in once
    assert window.evaluations.reads - before <= 20 * 5


def test_what_was_best_is_known_also_when_it_is_no_longer_kept(make_window: MakeWindow) -> None:
    window = make_window(steps=1_000_000)
    score(window, 11, kid=0.5)  # until scores are judged
    score(window, kid=0.01)
    for number in range(EVALUATIONS_KEPT + 10):
        window.add(window.step + 10, {"kid": 0.4, "diversity": 0.9 + 0.0001 * (number % 2)})

    report(window, 10)

    assert verdict(window) == "stalled"
    assert found(window).numbers["best_step"] == 1200


def test_numbers_that_are_added_to_the_newest_evaluation_count_once(make_window: MakeWindow) -> None:
    window = make_window()
    score(window, 2)
    window.add(500, {"diversity": 0.01})
    window.add(500, {"kid": 0.2, "diversity": 0.9})

    assert (window.record.judged, len(window.evaluations)) == (2, 3)
    assert window.record.newest["diversity"] == {"step": 500, "diversity": 0.9, "kid": 0.2}
    assert window.record.episodes.alike.began is None
