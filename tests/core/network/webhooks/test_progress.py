"""How far a webhook is after an attempt: when it is tried again, when it is given up, and what is kept of it."""

from pathlib import Path

import pytest

from core.machine.clock import timestamp
from core.network.webhooks.messages import OutgoingMessage, ReceiverAnswer, model_message, run_message
from core.network.webhooks.progress import ATTEMPTS_KEPT, DeliveryProgress, RetryPace
from core.registry.pointers import Move
from core.runs.events import Event

NOW = 1_800_000_000.0
PACE = RetryPace(chance=lambda: 0.0)
TAKEN, BUSY, SILENT, GONE = (
    ReceiverAnswer(204, None, 0.1),
    ReceiverAnswer(503, "it answered 503, not 2xx", 0.1),
    ReceiverAnswer(None, "no connection", 0.1),
    ReceiverAnswer(410, "it answered 410, not 2xx", 0.1),
)


def message(place: int = 3, age_s: float = 0.0) -> OutgoingMessage:
    at = timestamp(NOW - age_s)
    return run_message("run_00000000000000000000", "m", Event(id=place, type="status", at=at, data={}))


def test_what_was_taken_is_done_with() -> None:
    after = DeliveryProgress().after(message(), TAKEN, NOW, PACE)

    assert (after.cursor, after.tried, after.next_at, after.attempts[-1].outcome) == (3, 0, 0.0, "delivered")


@pytest.mark.parametrize("answer", [BUSY, SILENT])
def test_what_failed_is_tried_again_after_twice_as_long_each_time(answer: ReceiverAnswer) -> None:
    progress, pauses = DeliveryProgress(), []
    for _ in range(PACE.most - 1):
        progress = progress.after(message(), answer, NOW, PACE)
        pauses.append(progress.next_at - NOW)

    assert progress.cursor == 0
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == PACE.longest_s
    assert 12 * 3600 < sum(pauses) < PACE.day_s
    assert progress.after(message(), answer, NOW, PACE).attempts[-1].outcome == "given_up"


def test_an_event_of_long_ago_is_tried_a_few_times_and_then_the_next() -> None:
    progress = DeliveryProgress()
    for _ in range(PACE.least):
        progress = progress.after(message(age_s=PACE.day_s + 1), BUSY, NOW, PACE)

    assert [each.outcome for each in progress.attempts] == ["failed", "failed", "given_up"]
    assert (progress.cursor, progress.tried) == (3, 0)


def test_a_part_of_a_pause_is_left_to_chance() -> None:
    assert RetryPace(chance=lambda: 1.0).pause_s(3) == 2.0 == PACE.pause_s(3) / 2


def test_a_receiver_that_is_gone_is_sent_nothing_more() -> None:
    after = DeliveryProgress().after(message(), GONE, NOW, PACE)

    assert (after.is_gone, after.attempts[-1].outcome) == (True, "given_up")


def test_the_newest_attempts_are_kept_and_come_back_from_the_file(tmp_path: Path) -> None:
    progress = DeliveryProgress(hook="one")
    for place in range(1, ATTEMPTS_KEPT + 6):
        progress = progress.after(message(place), TAKEN, NOW, PACE)
    progress.write(tmp_path / "webhook.json")

    found = DeliveryProgress.find(tmp_path / "webhook.json", "one", 0)

    assert found == progress
    assert len(found.attempts) == ATTEMPTS_KEPT
    assert found.attempts[-1].message == f"msg_run_00000000000000000000_{ATTEMPTS_KEPT + 5}"


@pytest.mark.parametrize("text", ["{", '{"schema": 1}', '{"schema": 1, "hook": "earlier", "cursor": 9}'])
def test_of_another_webhook_or_of_no_file_it_begins_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "webhook.json").write_text(text)

    assert DeliveryProgress.find(tmp_path / "webhook.json", "one", 4).cursor == 4
    assert DeliveryProgress.find(tmp_path / "none.json", "one", 4).cursor == 4


def test_a_message_is_the_same_each_time_and_no_dot_parts_its_id() -> None:
    move = Move.model_validate({"id": 7, "alias": "production", "from": 1, "to": 2, "at": timestamp(), "reason": None})

    first, again = model_message("a.b", move), model_message("a.b", move)

    assert first == again
    assert first is not None
    assert (first.place, first.event, first.type) == (7, "promoted", "model.promoted")
    assert "." not in first.id
    assert model_message("m", move.model_copy(update={"to": None})) is None
    assert model_message("m", move.model_copy(update={"alias": "mine"})) is None
