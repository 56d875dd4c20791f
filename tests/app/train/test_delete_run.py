"""DELETE /train/{id}: when a run may go, what goes with it, and what stays."""

import asyncio
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.datasets import Dataset
from core.queue import TrainQueue
from core.runs import Run, RunStore
from core.runs import run as runs_module
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from tests.fixtures import Serve

ASKED: dict[str, Any] = {"recipe": "dcgan", "dataset": "shapes", "config": {"steps": 5}}
S = Status
MAY_GO = {"paused": [S.PAUSED], "canceled": [S.CANCELED], "succeeded": [S.RUNNING, S.SUCCEEDED], "failed": [S.FAILED]}
MUST_STAY = {
    "queued": [],
    "running": [S.RUNNING],
    "pausing": [S.RUNNING, S.PAUSING],
    "canceling": [S.RUNNING, S.CANCELING],
}


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


async def new_run(client: httpx.AsyncClient, store: Store, way: list[Status]) -> Run:
    answer = await client.post("/train", json=ASKED)
    run = RunStore(store).get(answer.json()["id"])
    for status in way:
        run.move(status)
    return run


async def test_a_run_that_is_over_or_paused_is_gone_with_all_its_bytes(
    training: httpx.AsyncClient, store: Store
) -> None:
    other = await new_run(training, store, [])
    for way in MAY_GO.values():
        run = await new_run(training, store, way)
        (run.samples / "0-1.webp").write_bytes(b"a picture")

        answer = await training.delete(f"/train/{run.id}")

        assert (answer.status_code, answer.content, answer.headers.get("Content-Type")) == (204, b"", None)
        assert not run.folder.exists()
        gone = [await training.request(method, f"/train/{run.id}", json={}) for method in ("GET", "DELETE", "PATCH")]
        assert [(a.status_code, a.json()["code"]) for a in gone] == [(404, "run_not_found")] * 3
    assert [run["id"] for run in (await training.get("/train")).json()["data"]] == [other.id]
    assert list(store.path("tmp").iterdir()) == []


async def test_any_other_run_stays_and_the_refusal_says_what_to_do_first(
    training: httpx.AsyncClient, store: Store
) -> None:
    for status, way in MUST_STAY.items():
        run = await new_run(training, store, way)
        with run.training_lock():
            answer = await training.delete(f"/train/{run.id}")

        body = answer.json()
        assert (answer.status_code, body["code"], body["current_status"]) == (409, "illegal_transition", status)
        assert body["allowed"] != []
        assert "cancel" in body["detail"]
        assert (run.state().status, (run.folder / "spec.json").exists()) == (status, True)


async def test_a_run_that_a_worker_has_not_let_go_of_stays(
    training: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "RELEASE_PATIENCE_S", 0.1)
    run = await new_run(training, store, MAY_GO["canceled"])

    with run.training_lock():
        while_held = await training.delete(f"/train/{run.id}")
    after = await training.delete(f"/train/{run.id}")

    assert (while_held.status_code, while_held.json()["current_status"]) == (409, "canceled")
    assert "worker" in while_held.json()["detail"]
    assert after.status_code == 204


async def test_the_moment_in_which_a_worker_lets_go_is_waited_for(
    training: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "RELEASE_PATIENCE_S", 60)
    run = await new_run(training, store, MAY_GO["paused"])
    with run.training_lock():
        deleting = asyncio.create_task(training.delete(f"/train/{run.id}"))
        await asyncio.sleep(0.1)

    assert (await deleting).status_code == 204


async def test_of_many_deletes_at_once_one_does_it_and_the_others_find_nothing(
    training: httpx.AsyncClient, store: Store
) -> None:
    run = await new_run(training, store, MAY_GO["canceled"])

    answers = await asyncio.gather(*(training.delete(f"/train/{run.id}") for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [204, *[404] * 5]


async def test_a_run_that_is_deleted_and_retried_at_once_is_either_gone_or_queued(
    training: httpx.AsyncClient, store: Store, settings: Settings
) -> None:
    for _ in range(10):
        run = await new_run(training, store, MAY_GO["canceled"])

        deleted, retried = await asyncio.gather(
            training.delete(f"/train/{run.id}"), training.post(f"/train/{run.id}/retry")
        )

        if run.folder.exists():
            assert (deleted.status_code, retried.status_code, run.state().status) == (409, 200, "queued")
        else:
            assert (deleted.status_code, retried.status_code) == (204, 404)


async def test_a_job_that_waits_for_a_deleted_run_goes_with_it(
    training: httpx.AsyncClient, store: Store, settings: Settings
) -> None:
    run = await new_run(training, store, MAY_GO["paused"])  # not by the API: the job is still there
    other = await new_run(training, store, [])
    with TrainQueue(settings.broker_url) as queue:
        before = set(queue.positions())

        await training.delete(f"/train/{run.id}")

        assert before == {f"train-{run.id}-1", f"train-{other.id}-1"}
        assert set(queue.positions()) == {f"train-{other.id}-1"}


async def test_a_run_is_deleted_while_redis_is_away(
    settings: Settings, shapes: Dataset, store: Store, serve: Serve
) -> None:
    lonely = settings.model_copy(update={"redis_url": "unix:///nowhere/s"})
    async with serve(create_app(lonely)) as client:
        run = await new_run(client, store, MAY_GO["failed"])

        answer = await client.delete(f"/train/{run.id}")

    assert (answer.status_code, run.folder.exists()) == (204, False)


@pytest.mark.parametrize("run_id", ["run_00000000000000000000", "nonsense", "%2e%2e", "..%2fmodels"])
async def test_nothing_else_can_be_deleted(training: httpx.AsyncClient, store: Store, run_id: str) -> None:
    answer = await training.delete(f"/train/{run_id}")

    assert answer.status_code == 404
    assert {"digits", "tiny"} <= set(store.names("models"))
