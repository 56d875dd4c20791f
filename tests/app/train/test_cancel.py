"""POST /train/{id}/cancel in every state of a run."""

from typing import Any

import httpx
import pytest

from core.datasets import Dataset
from core.queue import JobState, TrainQueue
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status

ASKED: dict[str, Any] = {"recipe": "dcgan", "dataset": "shapes", "config": {"steps": 5}}
WAYS: dict[str, list[Status]] = {
    "paused": [Status.PAUSED],
    "running": [Status.RUNNING],
    "pausing": [Status.RUNNING, Status.PAUSING],
    "succeeded": [Status.RUNNING, Status.SUCCEEDED],
    "failed": [Status.RUNNING, Status.FAILED],
}


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


async def new_run(client: httpx.AsyncClient, store: Store, way: list[Status] | None = None) -> Run:
    answer = await client.post("/train", json=ASKED)
    run = RunStore(store).get(answer.json()["id"])
    for status in way or []:
        run.move(status)
    return run


async def test_a_queued_run_is_canceled_at_once_and_leaves_the_queue(
    training: httpx.AsyncClient, store: Store, settings: Settings
) -> None:
    run = await new_run(training, store)

    answer = await training.post(f"/train/{run.id}/cancel")

    with TrainQueue(settings.broker_url) as queue:
        assert queue.state(run.id, 1) is JobState.ABSENT
    body = answer.json()
    assert (answer.status_code, body["status"], body["is_terminal"]) == (200, "canceled", True)
    assert body["finished_at"] is not None
    assert body["queue"]["position"] is None


async def test_a_paused_run_is_canceled_at_once(training: httpx.AsyncClient, store: Store) -> None:
    run = await new_run(training, store, WAYS["paused"])

    answer = await training.post(f"/train/{run.id}/cancel")

    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


@pytest.mark.parametrize("status", ["running", "pausing"])
async def test_a_run_that_trains_is_asked_to_end(training: httpx.AsyncClient, store: Store, status: str) -> None:
    run = await new_run(training, store)
    with run.training_lock():  # as its trainer does
        for step in WAYS[status]:
            run.move(step)

        answer = await training.post(f"/train/{run.id}/cancel")

        assert (answer.status_code, answer.json()["status"]) == (200, "canceling")
        assert answer.json()["is_terminal"] is False
        assert run.state().asked_to_stop_at is not None


async def test_canceling_again_changes_nothing_and_does_not_put_off_the_end(
    training: httpx.AsyncClient, store: Store
) -> None:
    run = await new_run(training, store)
    with run.training_lock():
        run.move(Status.RUNNING)
        await training.post(f"/train/{run.id}/cancel")
        asked_at = run.state().asked_to_stop_at
        events = len(list(run.events()))

        again = await training.post(f"/train/{run.id}/cancel")

        assert (again.status_code, again.json()["status"]) == (200, "canceling")
        assert run.state().asked_to_stop_at == asked_at  # its age says when patience ends
        assert len(list(run.events())) == events


async def test_canceling_a_canceled_run_is_the_same_as_once(training: httpx.AsyncClient, store: Store) -> None:
    run = await new_run(training, store)
    first = await training.post(f"/train/{run.id}/cancel")

    second = await training.post(f"/train/{run.id}/cancel")

    assert (second.status_code, second.json()) == (200, first.json())


@pytest.mark.parametrize("status", ["succeeded", "failed"])
async def test_a_run_that_ended_cannot_be_canceled(training: httpx.AsyncClient, store: Store, status: str) -> None:
    run = await new_run(training, store, WAYS[status])

    answer = await training.post(f"/train/{run.id}/cancel")

    body = answer.json()
    assert (answer.status_code, body["code"], body["current_status"]) == (409, "illegal_transition", status)
    assert body["allowed"] == {"succeeded": [], "failed": ["queued"]}[status]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert run.state().status == status


async def test_canceling_one_run_leaves_the_others(training: httpx.AsyncClient, store: Store) -> None:
    runs = [await new_run(training, store) for _ in range(3)]

    await training.post(f"/train/{runs[1].id}/cancel")

    assert [run.state().status for run in runs] == ["queued", "canceled", "queued"]


@pytest.mark.parametrize("run_id", ["run_00000000000000000000", "nonsense"])
async def test_a_run_that_is_not_there_cannot_be_canceled(training: httpx.AsyncClient, run_id: str) -> None:
    answer = await training.post(f"/train/{run_id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (404, "run_not_found")
