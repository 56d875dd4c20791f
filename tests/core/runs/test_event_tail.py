"""The event log as its readers see it: whole lines, once each."""

import json
from pathlib import Path

import pytest

from core.runs import Run
from core.runs.events import Event, EventTail, events_after


def ids(events: list[Event]) -> list[int]:
    return [event.id for event in events]


def test_a_tail_gives_each_event_once(run: Run) -> None:
    tail = EventTail(run.events_file)

    first, nothing = tail.read(), tail.read()
    run.log_event("sample", {"step": 5})
    run.log_event("sample", {"step": 6})
    second = tail.read()

    assert (ids(first), nothing, ids(second)) == ([1], [], [2, 3])
    assert tail.newest_id == 3


def test_a_line_that_is_still_being_written_waits_for_its_end(run: Run) -> None:
    tail = EventTail(run.events_file)
    tail.read()
    line = json.dumps({"id": 2, "type": "sample", "at": "now", "data": {"text": "ä"}}, ensure_ascii=False).encode()

    seen = []
    for byte in range(len(line)):
        with run.events_file.open("ab") as file:
            file.write(line[byte : byte + 1])
        seen += tail.read()
    with run.events_file.open("ab") as file:
        file.write(b"\n")

    assert seen == []
    assert [event.data["text"] for event in tail.read()] == ["ä"]


@pytest.mark.parametrize(
    "torn",
    [
        *(b'{"id": 2, "type": "sam', b"\x00\xff\n", b"[1, 2]\n", b'{"id": "2", "data": {}}\n', b"\n"),
        *(b'{"id": 2, "data": {}}\n', b'{"id": 2, "type": 7, "at": "now", "data": {}}\n'),
    ],
)
def test_what_is_no_event_is_passed_over(run: Run, torn: bytes) -> None:
    tail = EventTail(run.events_file)
    with run.events_file.open("ab") as file:
        file.write(torn)

    run.log_event("sample", {"step": 5})

    assert ids(tail.read()) == [1, 2]
    assert ids(events_after(run.events_file, 1)) == [2]


def test_a_tail_that_skipped_gives_what_comes_after(run: Run) -> None:
    for step in range(5):
        run.log_event("sample", {"step": step, "text": "x" * 10_000})
    tail = EventTail(run.events_file)

    tail.skip()
    skipped = tail.newest_id
    run.log_event("checkpoint", {"step": 9})

    assert skipped == 6
    assert [event.type for event in tail.read()] == ["checkpoint"]


def test_a_tail_may_skip_to_the_end_of_an_empty_log(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch()
    tail = EventTail(path)

    tail.skip()

    assert (tail.newest_id, tail.read()) == (0, [])


def test_the_log_of_a_run_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        EventTail(tmp_path / "events.jsonl").read()
