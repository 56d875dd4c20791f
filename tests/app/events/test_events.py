"""GET /train/{id}/events as pages, and the streams from inside: everything once, whoever is slow, away or gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.events import streams
from app.events.streams import Streams
from core.runs import Run, RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.manifests import dataset_manifest
from tests.records import numbers


@pytest.fixture
def run(store: Store) -> Run:
    return RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())


async def next_events(chunks: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    """The next `count` messages that have an id."""
    found = []
    async with asyncio.timeout(20):
        async for chunk in chunks:
            fields = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
            if "id" in fields:
                found.append(json.loads(fields["data"]))
                assert (str(found[-1]["id"]), found[-1]["type"]) == (fields["id"], fields["event"])
            if len(found) == count:
                break
    return found


async def test_the_pages_hold_every_event_once(client: httpx.AsyncClient, run: Run) -> None:
    for step in range(7):
        run.log_event("sample", {"step": step})

    seen, cursor = [], "0"
    while cursor is not None:
        page = (await client.get(f"/train/{run.id}/events", params={"limit": 3, "cursor": cursor})).json()
        seen += [event["id"] for event in page["data"]]
        cursor = page["next_cursor"]

    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_page_can_be_of_some_types_and_after_an_event(client: httpx.AsyncClient, run: Run) -> None:
    for step in range(3):
        run.log_event("sample", {"step": step})
        run.log_event("checkpoint", {"step": step})

    of_type = (await client.get(f"/train/{run.id}/events?type=sample&type=status")).json()["data"]
    after = (await client.get(f"/train/{run.id}/events?after=5")).json()["data"]

    assert [event["id"] for event in of_type] == [1, 2, 4, 6]
    assert [event["id"] for event in after] == [6, 7]


@pytest.mark.parametrize(
    ("query", "headers", "status", "told"),
    [
        ("limit=0", {}, 422, "limit"),
        ("after=-1", {}, 422, "after"),
        ("after=many", {}, 422, "after"),
        ("nonsense=1", {}, 422, "nonsense"),
        ("", {"Accept": "image/png"}, 406, "text/event-stream"),
        ("", {"Accept": "text/event-stream", "Last-Event-ID": "12-3"}, 422, "Last-Event-ID"),
        ("", {"Accept": "text/event-stream", "Last-Event-ID": "9" * 40}, 422, "Last-Event-ID"),
        ("", {"Accept": "text/event-stream", "Last-Event-ID": "²"}, 422, "Last-Event-ID"),
    ],
)
async def test_a_bad_request_is_told_by_its_field(
    client: httpx.AsyncClient, run: Run, query: str, headers: dict[str, str], status: int, told: str
) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    answer = await client.get(f"/train/{run.id}/events?{query}", headers=sent)

    assert answer.status_code == status
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_events_of_no_run_are_not_found(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/train/run_00000000000000000000/events", headers={"Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (404, "run_not_found")


async def test_who_has_every_event_of_a_run_that_is_over_need_not_come_back(
    client: httpx.AsyncClient, run: Run
) -> None:
    run.move(Status.CANCELED)
    accept = {"Accept": "text/event-stream"}

    whole = await client.get(f"/train/{run.id}/events", headers=accept)
    back = await client.get(f"/train/{run.id}/events", headers={**accept, "Last-Event-ID": "3"})

    assert [line for line in whole.text.splitlines() if line.startswith("event:")][-1] == "event: end"
    assert (back.status_code, back.content) == (204, b"")


async def test_an_id_from_another_store_begins_anew_and_says_so(client: httpx.AsyncClient, run: Run) -> None:
    run.move(Status.CANCELED)

    answer = await client.get(f"/train/{run.id}/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "77"})

    kinds = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event:")]
    assert kinds == ["reset", "status", "status", "end"]
    assert json.loads(answer.text.split("data: ")[1].splitlines()[0])["id"] == run.id


async def test_a_watcher_that_is_slow_misses_nothing(run: Run) -> None:
    watching = Streams()
    chunks = watching.watch(run, 0)
    first = await next_events(chunks, 1)
    for step in range(2 * streams.NEWEST_KEPT + 50):  # more than is kept in memory
        run.log_event("sample", {"step": step})

    rest = await next_events(watching.watch(run, first[-1]["id"]), 2 * streams.NEWEST_KEPT + 50)

    assert [event["id"] for event in first + rest] == list(range(1, 2 * streams.NEWEST_KEPT + 52))


async def test_watchers_of_one_run_share_one_reader_and_leave_nothing_behind(run: Run) -> None:
    watching = Streams()
    watchers = [watching.watch(run, 0) for _ in range(5)]
    seen = [await next_events(watcher, 1) for watcher in watchers]
    one_feed = len(watching._feeds)
    run.log_event("sample", {"step": 1})
    late = [watching.watch(run, 1) for _ in range(5)]
    more = [await next_events(watcher, 1) for watcher in late]

    for watcher in watchers + late:
        await watcher.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)

    assert one_feed == 1
    assert {event[0]["id"] for event in seen} == {1}
    assert {event[0]["id"] for event in more} == {2}
    assert watching._feeds == {}


async def test_a_stream_ends_when_its_log_cannot_be_read_any_more(run: Run) -> None:
    chunks = Streams().watch(run, 0)
    await next_events(chunks, 1)

    run.events_file.unlink()
    run.events_file.mkdir()

    async with asyncio.timeout(20):
        assert all(b"progress" in chunk for chunk in [chunk async for chunk in chunks])


async def test_a_stream_ends_when_its_run_is_deleted(run: Run, store: Store) -> None:
    watching = Streams()
    chunks = watching.watch(run, 0)
    await next_events(chunks, 1)

    store.delete(run.key)

    async with asyncio.timeout(20):
        assert [chunk async for chunk in chunks if b"id:" in chunk] == []


async def test_a_run_whose_process_died_before_it_could_write_its_end_is_over_all_the_same(run: Run) -> None:
    run.move(Status.CANCELED)
    lines = run.events_file.read_bytes().splitlines(keepends=True)
    run.events_file.write_bytes(b"".join(lines[:1]))

    async with asyncio.timeout(20):
        chunks = [chunk async for chunk in Streams().watch(run, 0)]

    assert chunks[-1].startswith(b"event: end")
    assert b"canceled" in chunks[-1]


async def test_a_quiet_stream_is_kept_alive(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PING_AFTER_S", 0.05)
    chunks = Streams().watch(run, 1)

    async with asyncio.timeout(20):
        pings = [chunk async for chunk in _first(chunks, 4) if chunk.startswith(b":")]

    assert len(pings) >= 3


async def _first(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(chunks)
