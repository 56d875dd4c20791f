"""The event log of a run: ids count up without a gap, whoever writes and whatever was cut off."""

import pytest

from core.runs import Run
from core.store import Store
from ganymede.schemas.states import Status
from tests.core.conftest import Start

LOG_MANY = """
    import pathlib, sys
    from core.runs import Run
    from core.store import Store
    run = Run(Store(pathlib.Path(sys.argv[1])), sys.argv[2])
    for n in range(50):
        run.log_event("action", {"from": sys.argv[3], "n": n, "text": "x" * 300})
"""


def ids(run: Run) -> list[int]:
    return [event.id for event in run.events()]


def test_ids_count_up_from_one(run: Run) -> None:
    run.log_event("sample", {"step": 5})
    run.move(Status.RUNNING)
    run.log_event("checkpoint", {"step": 10})

    assert ids(run) == [1, 2, 3, 4]
    assert [event.type for event in run.events()] == ["status", "sample", "status", "checkpoint"]


@pytest.mark.parametrize("tail", [b"{", b'{"id": 2, "type": "sam', b'{"id": 2, "type": "sample", "data": {}', b"\0\0"])
def test_a_last_line_that_was_cut_off_leaves_no_gap(run: Run, tail: bytes) -> None:
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(tail)

    run.log_event("sample", {"step": 5})
    run.log_event("sample", {"step": 6})

    assert ids(run) == [1, 2, 3]


def test_a_last_line_that_lacks_only_its_end_counts(run: Run) -> None:
    path = run.folder / "events.jsonl"
    run.log_event("sample", {"step": 5})
    path.write_bytes(path.read_bytes().rstrip(b"\n"))

    run.log_event("sample", {"step": 6})

    assert ids(run) == [1, 2, 3]


@pytest.mark.parametrize("size", [60_000, 70_000, 300_000])
def test_an_event_of_any_size_is_counted(run: Run, size: int) -> None:
    run.log_event("action", {"text": "x" * size})

    run.log_event("sample", {"step": 5})

    assert ids(run) == [1, 2, 3]


def test_without_a_log_the_ids_begin_anew(run: Run) -> None:
    (run.folder / "events.jsonl").unlink()

    run.log_event("sample", {"step": 5})

    assert ids(run) == [1]


def test_processes_that_write_at_once_share_one_count(store: Store, run: Run, start: Start) -> None:
    children = [start(LOG_MANY, store.root, run.id, name) for name in "abc"]

    assert [child.wait() for child in children] == [0, 0, 0]

    assert ids(run) == list(range(1, 152))
    events = list(run.events())[1:]
    for name in "abc":
        assert [event.data["n"] for event in events if event.data["from"] == name] == list(range(50))


def test_a_writer_killed_at_any_moment_leaves_no_gap(store: Store, run: Run, start: Start) -> None:
    for name in "abc":
        child = start(LOG_MANY, store.root, run.id, name)
        seen = len(ids(run))
        while len(ids(run)) == seen:
            pass
        child.kill()
        child.wait()
        run.log_event("action", {"from": "here"})

    assert ids(run) == list(range(1, len(ids(run)) + 1))
