"""What the page makes of the state of the service: troubles in plain words, shares of the disk."""

from typing import Any

import pytest

from tests.app.web.conftest import Call


def status(*degraded: str, **more: Any) -> dict[str, Any]:
    body = {"readiness": {"status": "ready", "reason": None, "degraded": list(degraded)}, "silent_runs": []}
    return {**body, "queue": {"degraded": []}, "engine": {"is_alive": True}, **more}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("redis", "Redis does not answer."),
        ("redis: its memory is full", "Redis takes no runs: its memory is full."),
        ("workers: none is alive", "No run goes on: none is alive."),
        ("model:digits@3: a: b", "digits@3 cannot be drawn: a: b."),
        ("something new: x", "something new: x."),
    ],
)
def test_what_is_degraded_is_told_in_words_with_what_to_do(call: Call, entry: str, told: str) -> None:
    (trouble,) = call("lib/system", "troublesOf", status(entry, queue={"degraded": [entry]}))

    assert trouble["what"] == told
    assert trouble["todo"]


def test_where_nothing_is_wrong_nothing_is_told(call: Call) -> None:
    assert call("lib/system", "troublesOf", status()) == []
    assert call("lib/system", "troublesOf", status(queue=None)) == []


def test_a_service_that_cannot_draw_and_a_run_that_stands_still_are_told(call: Call) -> None:
    unready = {"status": "not_ready", "reason": "there is no model 'digits'", "degraded": []}

    troubles = call("lib/system", "troublesOf", status(readiness=unready, silent_runs=["run_1"]))

    assert [trouble["what"] for trouble in troubles] == [
        "Nothing can be drawn: there is no model 'digits'.",
        "The run run_1 stands still.",
    ]


def test_the_parts_of_the_disk_are_all_of_it(call: Call) -> None:
    disk = {"free_bytes": 50, "total_bytes": 100, "runs": 10, "models": 5, "datasets": 5}

    parts = call("lib/system", "partsOfDisk", disk)

    assert {part["name"]: part["bytes"] for part in parts} == {
        "Runs": 10,
        "Models": 5,
        "Datasets": 5,
        "Other files": 30,
        "Free": 50,
    }
    assert sum(part["share"] for part in parts) == pytest.approx(1)


def test_runs_are_sorted_by_what_they_keep(call: Call) -> None:
    found = [
        {"run": {"id": "a"}, "checkpoints": [{"bytes": 1}, {"bytes": 2}]},
        {"run": {"id": "b"}, "checkpoints": [{"bytes": 9}]},
        {"run": {"id": "c"}, "checkpoints": []},
    ]

    assert [(row["run"]["id"], row["bytes"]) for row in call("lib/system", "bySize", found)] == [
        ("b", 9),
        ("a", 3),
        ("c", 0),
    ]
