"""GET /train: the list of runs, filtered and page by page; what a filter may be."""

import time
from typing import Any

import httpx
import numpy as np
import pytest

from app.main import create_app
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.queue import TrainQueue
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Failure, Status
from tests.conftest import SOON_S
from tests.fixtures import Serve

ASKED: dict[str, Any] = {"recipe": "dcgan", "dataset": "shapes", "config": {"steps": 5}}


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


async def new_run(client: httpx.AsyncClient, store: Store, **asked: Any) -> Run:
    answer = await client.post("/train", json=ASKED | asked)
    return RunStore(store).get(answer.json()["id"])


async def listed(client: httpx.AsyncClient, query: Any) -> list[str]:
    answer = await client.get("/train", params=query)
    assert answer.status_code == 200, answer.text
    return sorted(run["id"] for run in answer.json()["data"])


async def test_the_newest_run_comes_first(training: httpx.AsyncClient, store: Store) -> None:
    ids = [(await new_run(training, store)).id for _ in range(4)]

    answer = (await training.get("/train")).json()

    assert sorted(ids, reverse=True) == [run["id"] for run in answer["data"]]
    assert answer["next_cursor"] is None


async def test_pages_follow_each_other_without_gap_or_repeat(training: httpx.AsyncClient, store: Store) -> None:
    ids = sorted([(await new_run(training, store)).id for _ in range(5)], reverse=True)
    seen, sizes, cursor = list[str](), list[int](), None

    while cursor is not None or not seen:
        page = (await training.get("/train", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [run["id"] for run in page["data"]]
        sizes.append(len(page["data"]))
        cursor = page["next_cursor"]
        await new_run(training, store)  # newer ones do not shift the pages

    assert (seen, sizes) == (ids, [2, 2, 1])


async def test_a_page_goes_on_after_a_run_that_was_deleted_meanwhile(training: httpx.AsyncClient, store: Store) -> None:
    ids = sorted([(await new_run(training, store)).id for _ in range(4)], reverse=True)
    first = (await training.get("/train", params={"limit": 2})).json()
    for run_id in ids[1:3]:  # the one that the cursor stands on, and the one after it
        await training.post(f"/train/{run_id}/cancel")
        await training.delete(f"/train/{run_id}")

    second = (await training.get("/train", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [run["id"] for run in second["data"]] == ids[3:]
    assert second["next_cursor"] is None


async def test_a_page_that_is_full_with_the_last_run_that_fits_says_so(
    training: httpx.AsyncClient, store: Store
) -> None:
    await new_run(training, store)
    fitting = await new_run(training, store, model="mine")

    page = (await training.get("/train", params={"model": "mine", "limit": 1})).json()

    assert ([run["id"] for run in page["data"]], page["next_cursor"]) == ([fitting.id], None)


async def test_the_list_can_be_of_some_statuses(training: httpx.AsyncClient, store: Store) -> None:
    waiting, failed, paused = [await new_run(training, store) for _ in range(3)]
    failed.move(Status.FAILED, failure=Failure(code="internal", message="no", retryable=True))
    paused.move(Status.PAUSED)

    assert await listed(training, {"status": "queued"}) == [waiting.id]
    assert await listed(training, {"status": "failed"}) == [failed.id]
    assert await listed(training, {"status": "running"}) == []
    assert await listed(training, {"status": ["failed", "paused"]}) == sorted([failed.id, paused.id])
    assert len(await listed(training, {})) == 3


async def test_the_list_can_be_of_a_dataset_a_recipe_or_a_model(training: httpx.AsyncClient, store: Store) -> None:
    DatasetStore(store).add("others", ImageSet(np.zeros((12, 8, 8, 1), np.uint8)), Origin("a test"))
    plain = await new_run(training, store)
    conditional = await new_run(training, store, recipe="cgan", model="mine")
    other = await new_run(training, store, dataset="others", model="mine")

    assert await listed(training, {"dataset": "others"}) == [other.id]
    assert await listed(training, {"recipe": "cgan"}) == [conditional.id]
    assert await listed(training, {"model": "mine"}) == sorted([conditional.id, other.id])
    assert await listed(training, {"model": "shapes"}) == [plain.id]  # the dataset's name, where none was given
    assert await listed(training, {"model": "mine", "recipe": "dcgan", "status": "queued"}) == [other.id]
    assert await listed(training, {"recipe": "nogan"}) == []


async def test_the_list_can_be_of_runs_with_tags_as_they_are_now(training: httpx.AsyncClient, store: Store) -> None:
    odd = "ä&=;%20+ \u2028🎲"
    first = await new_run(training, store, tags={"team": "a", "try": "1"})
    second = await new_run(training, store, tags={"team": "a", "try": "2"})
    third = await new_run(training, store)
    await training.patch(f"/train/{third.id}", json={"tags": {"team": odd, "empty": ""}})
    await training.patch(f"/train/{second.id}", json={"tags": {"try": None}})

    assert await listed(training, {"tag.team": "a"}) == sorted([first.id, second.id])
    assert await listed(training, {"tag.team": "a", "tag.try": "1"}) == [first.id]
    assert await listed(training, {"tag.try": "2"}) == []
    assert await listed(training, {"tag.team": odd}) == await listed(training, {"tag": f"team={odd}"}) == [third.id]
    assert await listed(training, {"tag": ["team=a", "try=1"]}) == [first.id]
    assert await listed(training, {"tag": "team=a", "tag.try": "1"}) == [first.id]
    assert await listed(training, {"tag": "empty="}) == [third.id]
    assert await listed(training, {"tag.empty": ""}) == [third.id]
    assert await listed(training, [("tag.team", "a"), ("tag.team", "a")]) == sorted([first.id, second.id])


async def test_the_list_says_how_many_wait_before_each_run(training: httpx.AsyncClient, store: Store) -> None:
    runs = [await new_run(training, store) for _ in range(3)]
    await training.post(f"/train/{runs[0].id}/pause")

    data = (await training.get("/train")).json()["data"]

    positions = {run["id"]: run["queue"]["position"] for run in data}
    assert positions == {runs[0].id: None, runs[1].id: 0, runs[2].id: 1}


async def test_the_list_asks_the_queue_once_and_only_for_runs_that_wait(
    training: httpx.AsyncClient, store: Store, settings: Settings
) -> None:
    for _ in range(4):
        await new_run(training, store)
    with TrainQueue(settings.broker_url) as queue:
        asked = []
        for status in ("queued", "failed"):
            queue.connection.config_resetstat()
            await training.get("/train", params={"status": status})
            calls = queue.connection.info("commandstats")
            asked.append(calls.get("cmdstat_lrange", {}).get("calls", 0))

    assert asked == [1, 0]


async def test_the_list_comes_at_once_while_redis_is_away(
    settings: Settings, shapes: Dataset, store: Store, serve: Serve
) -> None:
    lonely = settings.model_copy(update={"redis_url": "unix:///nowhere/s"})
    async with serve(create_app(lonely)) as client:
        run = await new_run(client, store)
        began = time.monotonic()

        answer = await client.get("/train")

    assert time.monotonic() - began < SOON_S
    assert [(body["id"], body["queue"]["position"]) for body in answer.json()["data"]] == [(run.id, None)]


async def test_a_run_whose_files_are_damaged_hides_no_other(training: httpx.AsyncClient, store: Store) -> None:
    good, cut, foreign, odd = [await new_run(training, store, tags={"a": "b"}) for _ in range(4)]
    (cut.folder / "spec.json").write_text("{")
    (foreign.folder / "spec.json").write_text('{"schema": 1, "hello": "there"}')
    (odd.folder / "notes.json").write_text('{"schema": 1, "tags": 7}')

    for query in ({}, {"status": "queued"}, {"tag.a": "b"}, {"dataset": "shapes"}):
        assert await listed(training, query) == [good.id]


@pytest.mark.parametrize(
    "change", [{"request": {}}, {"request": {"recipe": "cgan", "dataset": 7}}, {"model": 7}, {"resolved": []}]
)
async def test_a_run_whose_spec_makes_no_sense_hides_no_other(
    training: httpx.AsyncClient, store: Store, change: dict[str, Any]
) -> None:
    good, odd = [await new_run(training, store) for _ in range(2)]
    store.swap(f"{odd.key}/spec.json", {**store.read(f"{odd.key}/spec.json"), **change})

    told = await training.get(f"/train/{odd.id}")

    assert (told.status_code, told.json()["code"]) == (500, "store_damaged")
    for query in ({}, {"status": "queued"}, {"dataset": "shapes"}, {"model": "shapes"}):
        assert await listed(training, query) == [good.id]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"status": "done"}, "status"),
    ({"limit": 0}, "limit"),
    ({"limit": 201}, "limit"),
    ({"cursor": "7"}, "cursor"),
    ({"cursor": ""}, "cursor"),
    ({"cursor": "run_../../../../etc/passw"}, "cursor"),
    ({"cursor": "x" * 101}, "cursor"),
    ({"stauts": "failed"}, "stauts"),
    ({"status": ["failed", "done"]}, "status"),
    ({"status": ""}, "status"),
    ({"dataset": "../shapes"}, "dataset"),
    ({"model": ""}, "model"),
    ({"recipe": ""}, "recipe"),
    ({"tags": "a"}, "tags"),
    ({"tag": "a"}, "tag"),
    ({"tag.": "a"}, "tag."),
    ({"tag.Team A": "a"}, "tag.Team A"),
    ({"tag.../..": "a"}, "tag.../.."),
    ({"tag.team": ["a", "b"]}, "tag.team"),
    ({"tag": ["team=a", "team=b"]}, "tag"),
    ({"tag": "team=a", "tag.team": "b"}, "tag.team"),
    ({"tag": "team"}, "tag"),
    ({"tag": "Team A=a"}, "tag"),
    ({"tag": "=a"}, "tag"),
    ({"tag": [f"t{i}=a" for i in range(33)]}, "tag"),
]


async def test_a_wrong_parameter_of_the_list_is_named(training: httpx.AsyncClient) -> None:
    answers = [(await training.get("/train", params=query), field) for query, field in WRONG]

    for answer, field in answers:
        assert answer.status_code == 422, field
        assert [error["pointer"] for error in answer.json()["errors"]] == [field]
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_list_reads_only_the_runs_that_fit_once_it_knows_all(
    training: httpx.AsyncClient, store: Store, store_reads: list[str]
) -> None:
    others = [await new_run(training, store) for _ in range(12)]
    for run in others:
        run.move(Status.CANCELED)
    fits = await new_run(training, store, recipe="lsgan")
    fits.move(Status.PAUSED)
    for query in ({"status": "paused"}, {"recipe": "lsgan"}):
        await listed(training, query)
    store_reads.clear()

    found = [await listed(training, query) for query in ({"status": "paused"}, {"recipe": "lsgan"})]

    assert found == [[fits.id]] * 2
    assert [key for key in store_reads if not key.startswith(fits.key)] == []
