"""PATCH /train/{id}: name, tags and notes, in every status; and what it refuses."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from core.datasets import Dataset
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status

ASKED: dict[str, Any] = {"recipe": "dcgan", "dataset": "shapes", "name": "first", "tags": {"team": "a", "try": "1"}}


@pytest.fixture
async def run_id(client: httpx.AsyncClient, shapes: Dataset) -> str:
    return str((await client.post("/train", json=ASKED)).json()["id"])


async def test_a_run_has_the_name_and_tags_it_was_asked_with(client: httpx.AsyncClient, run_id: str) -> None:
    body = (await client.get(f"/train/{run_id}")).json()

    assert (body["name"], body["tags"], body["notes"]) == ("first", {"team": "a", "try": "1"}, None)


@pytest.mark.parametrize(
    ("patch", "name", "tags", "notes"),
    [
        ({}, "first", {"team": "a", "try": "1"}, None),
        ({"name": "second"}, "second", {"team": "a", "try": "1"}, None),
        ({"name": None}, None, {"team": "a", "try": "1"}, None),
        ({"tags": {"team": "b"}}, "first", {"team": "b", "try": "1"}, None),
        ({"tags": {"team": None, "new": "", "gone": None}}, "first", {"try": "1", "new": ""}, None),
        ({"notes": "learns slowly\nö\u2028🎲"}, "first", {"team": "a", "try": "1"}, "learns slowly\nö\u2028🎲"),
    ],
)
async def test_what_is_left_out_stays_and_null_removes(
    client: httpx.AsyncClient, run_id: str, patch: dict[str, Any], name: str, tags: dict[str, str], notes: str
) -> None:
    answer = await client.patch(f"/train/{run_id}", json=patch)

    body = answer.json()
    assert (answer.status_code, body["name"], body["tags"], body["notes"]) == (200, name, tags, notes)
    assert (await client.get(f"/train/{run_id}")).json() == body


async def test_changes_add_up_and_null_removes_what_was_written(client: httpx.AsyncClient, run_id: str) -> None:
    for patch in ({"notes": "some"}, {"name": "second"}, {"tags": {"team": None}}, {"notes": None}):
        body = (await client.patch(f"/train/{run_id}", json=patch)).json()

    assert (body["name"], body["tags"], body["notes"]) == ("second", {"try": "1"}, None)


async def test_a_run_can_be_named_in_every_status_and_that_is_no_event(
    client: httpx.AsyncClient, run_id: str, store: Store
) -> None:
    run = RunStore(store).get(run_id)
    answers = []
    with run.training_lock():
        for status in (Status.QUEUED, Status.RUNNING, Status.PAUSING, Status.CANCELING, Status.CANCELED):
            run.move(status)
            answers.append((await client.patch(f"/train/{run_id}", json={"name": status.value})).json())

    assert [(body["status"], body["name"]) for body in answers] == [(s, s) for s in [b["status"] for b in answers]]
    assert [event.type for event in run.events()] == ["status"] * 5 + ["end"]


async def test_tags_that_are_set_at_once_are_all_kept(client: httpx.AsyncClient, run_id: str) -> None:
    patches = ({"tags": {f"t{n}": str(n)}} for n in range(20))

    await asyncio.gather(*(client.patch(f"/train/{run_id}", json=patch) for patch in patches))

    tags = (await client.get(f"/train/{run_id}")).json()["tags"]
    assert tags == {"team": "a", "try": "1"} | {f"t{n}": str(n) for n in range(20)}


async def test_more_tags_than_a_run_may_have_are_refused_as_a_whole(client: httpx.AsyncClient, run_id: str) -> None:
    full = await client.patch(f"/train/{run_id}", json={"tags": {f"t{n}": "" for n in range(30)}})
    before = (await client.get(f"/train/{run_id}")).json()

    answer = await client.patch(f"/train/{run_id}", json={"name": "x", "tags": {"one-more": ""}})
    swapped = await client.patch(f"/train/{run_id}", json={"tags": {"one-more": "", "t0": None}})

    assert (full.status_code, len(before["tags"])) == (200, 32)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/tags")
    assert "up to 32 tags" in answer.json()["detail"]
    assert (swapped.status_code, len(swapped.json()["tags"]), swapped.json()["name"]) == (200, 32, "first")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nmae": "x"}, "/nmae"),
    ({"status": "succeeded"}, "/status"),
    ({"name": "x" * 201}, "/name"),
    ({"name": 7}, "/name"),
    ({"notes": "x" * 20_001}, "/notes"),
    ({"tags": {"Team A": "x"}}, "/tags/Team A"),
    ({"tags": {"../../etc": "x"}}, "/tags/..~1..~1etc"),
    ({"tags": {"": "x"}}, "/tags/"),
    ({"tags": {"team": 7}}, "/tags/team"),
    ({"tags": {"team": "x" * 201}}, "/tags/team"),
    ({"tags": {f"t{n}": None for n in range(65)}}, "/tags"),
]
HOSTILE: list[tuple[bytes, int]] = [
    (b'{"name"', 422),
    (b"[]", 422),
    (b"null", 422),
    (b"", 422),
    (b"\xff", 400),
    (b"[" * 100_000, 400),
    (b'{"name": "\\ud800"}', 422),
    (b'{"tags": {"a": "\\ud800"}}', 422),
    (b'{"tags": {"\\ud800": "a"}}', 422),
    (b'{"\\ud800": 1}', 422),
    (b'{"name": NaN}', 422),
    (json.dumps({"notes": "x" * (1 << 20)}).encode(), 413),
]


async def test_a_wrong_field_is_pointed_at_and_nothing_is_changed(client: httpx.AsyncClient, run_id: str) -> None:
    before = (await client.get(f"/train/{run_id}")).json()

    answers = [(await client.patch(f"/train/{run_id}", json=patch), pointer) for patch, pointer in WRONG]

    for answer, pointer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert {error["pointer"] for error in answer.json()["errors"]} == {pointer}
    assert (await client.get(f"/train/{run_id}")).json() == before


async def test_a_hostile_body_is_refused(client: httpx.AsyncClient, run_id: str) -> None:
    headers = {"Content-Type": "application/json"}

    answers = [(await client.patch(f"/train/{run_id}", content=body, headers=headers), code) for body, code in HOSTILE]

    assert [answer.status_code for answer, _ in answers] == [code for _, code in HOSTILE]
    assert {answer.headers["Content-Type"] for answer, _ in answers} == {"application/problem+json"}


async def test_a_run_that_is_not_there_cannot_be_changed(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/train/run_00000000000000000000", json={"name": "x"})

    assert (answer.status_code, answer.json()["code"]) == (404, "run_not_found")


async def test_notes_that_are_damaged_are_told_as_that(
    client: httpx.AsyncClient, run_id: str, settings: Settings
) -> None:
    (settings.store_path / "runs" / run_id / "notes.json").write_text('{"schema": 1, "tags": 7}')

    answer = await client.get(f"/train/{run_id}")

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert "notes.json" in answer.json()["detail"]
