"""POST /train/{id}/pause, /resume and /retry in every state of a run: what becomes of it, and of the queue."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from app.main import create_app
from app.train import reconciler
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.queue import JobState, TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore
from core.runs.states import RunState
from core.settings import Settings
from core.store import Store
from ganymede.broker import Broker
from ganymede.schemas.states import Failure, Status
from tests.fixtures import Eventually, Serve

ASKED: dict[str, Any] = {"recipe": "dcgan", "dataset": "shapes", "config": {"steps": 5}}
WAYS: dict[str, list[Status]] = {
    "queued": [],
    "running": [Status.RUNNING],
    "pausing": [Status.RUNNING, Status.PAUSING],
    "paused": [Status.PAUSED],
    "canceling": [Status.RUNNING, Status.CANCELING],
    "canceled": [Status.CANCELED],
    "succeeded": [Status.RUNNING, Status.SUCCEEDED],
    "failed": [Status.RUNNING, Status.FAILED],
}
# What each verb makes of each status; what is missing is refused. As the HTTP contract has it, and idempotent.
BECOMES = {
    "pause": {"queued": "paused", "running": "pausing", "pausing": "pausing", "paused": "paused"},
    "resume": {"paused": "queued", "queued": "queued", "running": "running"},
    "retry": {"failed": "queued", "canceled": "queued", "queued": "queued", "running": "running"},
}

POSSIBLE: dict[str, set[str]] = {
    "queued": {"cancel", "pause"},
    "running": {"cancel", "pause"},
    "pausing": {"cancel"},
    "paused": {"cancel", "resume"},
    "canceling": set(),
    "canceled": {"retry"},
    "succeeded": set(),
    "failed": {"retry"},
}


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


@pytest.fixture
def queue(settings: Settings) -> Iterator[TrainQueue]:
    with TrainQueue(settings.broker_url) as ready:
        yield ready


async def new_run(client: httpx.AsyncClient, store: Store, status: str = "queued") -> Run:
    answer = await client.post("/train", json=ASKED)
    run = RunStore(store).get(answer.json()["id"])
    for step in WAYS[status]:
        run.move(step)
    return run


@pytest.mark.parametrize("verb", BECOMES)
async def test_what_can_be_asked_is_done_and_asking_again_changes_nothing(
    training: httpx.AsyncClient, store: Store, verb: str
) -> None:
    for before, after in BECOMES[verb].items():
        run = await new_run(training, store, before)
        with run.training_lock():  # so that the reconciler leaves it alone
            first = await training.post(f"/train/{run.id}/{verb}")
            events = len(list(run.events()))
            second = await training.post(f"/train/{run.id}/{verb}")

        assert (first.status_code, first.json()["id"], first.json()["status"]) == (200, run.id, after)
        assert first.json()["attempt"] == (2 if after == "queued" != before else 1)
        assert (second.status_code, second.json()) == (200, first.json())
        assert len(list(run.events())) == events


@pytest.mark.parametrize("verb", BECOMES)
async def test_what_cannot_be_asked_is_refused_and_says_what_can(
    training: httpx.AsyncClient, store: Store, verb: str
) -> None:
    for status in WAYS.keys() - BECOMES[verb].keys():
        run = await new_run(training, store, status)
        with run.training_lock():
            answer = await training.post(f"/train/{run.id}/{verb}")

        body = answer.json()
        assert (answer.status_code, body["code"], body["current_status"]) == (409, "illegal_transition", status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert f"cannot {verb} a run that is {status}" in body["detail"]
        assert all(possible in body["detail"] for possible in POSSIBLE[status])
        assert bool(body["allowed"]) == (status != "succeeded")
        assert run.state().status == status


@pytest.mark.parametrize(("verb", "status"), [("retry", "failed"), ("retry", "canceled"), ("resume", "paused")])
@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_run_whose_dataset_is_gone_is_refused_at_once_and_stays_what_it_is(
    training: httpx.AsyncClient, store: Store, shapes: Dataset, verb: str, status: str, is_replaced: bool
) -> None:
    run = await new_run(training, store, status)
    datasets = DatasetStore(store)
    same = ImageSet(np.array(shapes.images()), np.array(shapes.labels()), shapes.class_names)
    datasets.delete("shapes")
    if is_replaced:  # by other pictures under its name
        datasets.add("shapes", ImageSet(same.images_NHWC[:9]), Origin("a test"))
    before = run.state()

    refused = await training.post(f"/train/{run.id}/{verb}")
    unchanged = run.state() == before
    datasets.add("shapes", same, Origin("a test"))
    accepted = await training.post(f"/train/{run.id}/{verb}")

    assert (refused.status_code, refused.json()["code"], unchanged) == (404, "dataset_not_found", True)
    assert "the dataset of this run, shapes in its version" in refused.json()["detail"]
    assert accepted.status_code == 200, accepted.text


async def test_a_resume_reads_the_spec_of_its_run_once(
    training: httpx.AsyncClient, store: Store, shapes: Dataset, store_reads: list[str]
) -> None:
    run = await new_run(training, store, "paused")
    store_reads.clear()

    assert (await training.post(f"/train/{run.id}/resume")).status_code == 200

    assert store_reads.count(f"runs/{run.id}/spec.json") == 1


async def test_a_run_links_to_what_can_be_done_with_it_now(training: httpx.AsyncClient, store: Store) -> None:
    always = {"self", "events", "metrics", "samples", "checkpoints", "log", "model"}
    for status, possible in POSSIBLE.items():
        run = await new_run(training, store, status)
        with run.training_lock():
            links = (await training.get(f"/train/{run.id}")).json()["links"]

        assert set(links) == always | possible
        assert all(links[verb] == f"/train/{run.id}/{verb}" for verb in possible)


async def test_a_paused_run_leaves_the_queue_and_a_resumed_one_waits_at_its_end(
    training: httpx.AsyncClient, store: Store, queue: TrainQueue
) -> None:
    run, other = await new_run(training, store), await new_run(training, store)

    paused = (await training.post(f"/train/{run.id}/pause")).json()
    while_paused = queue.state(run.id, 1), queue.positions()
    resumed = (await training.post(f"/train/{run.id}/resume")).json()

    assert while_paused == (JobState.ABSENT, {f"train-{other.id}-1": 0})
    assert (paused["queue"]["position"], resumed["queue"]["position"]) == (None, 1)
    assert queue.positions() == {f"train-{other.id}-1": 0, f"train-{run.id}-2": 1}


async def test_a_retried_run_goes_on_from_its_checkpoint_as_if_nothing_had_failed(
    training: httpx.AsyncClient, store: Store, queue: TrainQueue
) -> None:
    run = await new_run(training, store, "running")
    failure = Failure(code="diverged", message="a weight is no number", retryable=False)
    run.move(Status.FAILED, failure=failure, checkpoint_step=3, attempts_without_checkpoint=3)

    body = (await training.post(f"/train/{run.id}/retry")).json()

    state = run.state()
    assert (body["status"], body["failure"], body["finished_at"]) == ("queued", None, None)
    assert (body["attempt"], body["latest"]["checkpoint_step"]) == (2, 3)
    assert (state.attempts_without_checkpoint, state.preempted) == (0, False)
    assert queue.state(run.id, 2) is JobState.WAITING


@pytest.mark.parametrize(("status", "verb"), [("paused", "resume"), ("failed", "retry"), ("canceled", "retry")])
async def test_a_run_that_was_given_up_for_lost_workers_has_all_its_lives_again(
    training: httpx.AsyncClient, store: Store, queue: TrainQueue, status: str, verb: str
) -> None:
    run = await new_run(training, store, "running")
    run.move({"paused": Status.PAUSING, "canceled": Status.CANCELING}.get(status, Status.RUNNING))
    run.change(lambda now: now.moved(Status(status), attempts_without_checkpoint=2, attempt=3))

    await training.post(f"/train/{run.id}/{verb}")
    lost = run.change(_begun)
    queue.connection.flushall()
    reconcile(RunStore(store), queue)

    assert (lost.attempt, lost.attempts_without_checkpoint) == (4, 0)
    assert (run.state().status, run.state().attempt) == (Status.QUEUED, 5)


def _begun(state: RunState) -> RunState:
    return state.moved(Status.RUNNING, attempt_began_at_step=state.checkpoint_step or 0)


async def test_a_run_is_resumed_while_redis_is_away_and_queued_when_it_is_there(
    settings: Settings,
    shapes: Dataset,
    store: Store,
    serve: Serve,
    eventually: Eventually,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciler, "EVERY_S", 0.1)
    folder = tmp_path_factory.mktemp("b")
    broker = Broker(folder, folder / "s")
    lonely = settings.model_copy(update={"redis_url": f"unix://{folder}/s"})
    async with serve(create_app(lonely)) as client:
        run = await new_run(client, store)
        paused = await client.post(f"/train/{run.id}/pause")
        resumed = await client.post(f"/train/{run.id}/resume")
        broker.start()

        async def is_queued() -> bool:
            body = (await client.get(f"/train/{run.id}")).json()
            return bool(body["queue"]["position"] == 0)

        try:
            await eventually(is_queued)
        finally:
            broker.stop()

    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert (resumed.status_code, resumed.json()["status"], resumed.json()["attempt"]) == (200, "queued", 2)


@pytest.mark.parametrize("verb", BECOMES)
@pytest.mark.parametrize("run_id", ["run_00000000000000000000", "nonsense"])
async def test_nothing_can_be_asked_of_a_run_that_is_not_there(
    training: httpx.AsyncClient, run_id: str, verb: str
) -> None:
    answer = await training.post(f"/train/{run_id}/{verb}")

    assert (answer.status_code, answer.json()["code"]) == (404, "run_not_found")
