"""POST /train and what it refuses; the list of runs; a queue that is away."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.main import create_app
from app.train import reconciler
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.queue import JobState, TrainQueue
from core.runs import RunStore
from core.runs.states import Progress, RunState
from core.settings import Settings
from core.store import Store
from ganymede.broker import Broker
from ganymede.schemas.states import Failure, Published, Status
from tests.fixtures import Eventually, Serve

ASKED: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


async def test_a_run_is_accepted_with_its_address_and_waits_in_the_queue(
    training: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await training.post("/train", json={**ASKED, "model": "mine", "name": "a try", "config": {"steps": 7}})

    run = answer.json()
    with TrainQueue(settings.broker_url) as queue:
        assert queue.state(run["id"], 1) is JobState.WAITING
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/train/{run['id']}" == run["links"]["self"]
    assert (run["status"], run["is_terminal"], run["attempt"]) == ("queued", False, 1)
    assert (run["model"], run["name"], run["config"]["steps"], run["queue"]["position"]) == ("mine", "a try", 7, 0)
    assert run["progress"] == {
        "branch": 0,
        "step": 0,
        "total": 7,
        "fraction": 0,
        "images_seen": 0,
        "images_per_second": None,
    }
    assert (await training.get(answer.headers["Location"])).json() == run


async def test_what_is_left_out_is_resolved_and_shown(training: httpx.AsyncClient) -> None:
    run = (await training.post("/train", json=ASKED)).json()

    resolved = run["resolved"]
    assert (run["model"], run["name"], run["failure"], run["published"]) == ("shapes", None, None, [])
    open_to_the_worker = [key for key, value in resolved.items() if value == "auto"]
    assert open_to_the_worker == ["precision", "extractor"]
    assert resolved["steps"] == run["progress"]["total"] > 0
    network = resolved["network"]
    assert (network["image_size"], network["channels"], network["num_classes"]) == (8, 1, 3)
    assert (network["latent_dim"], network["width"]) == (resolved["latent_dim"], resolved["width"])


async def test_a_run_tells_when_it_publishes(training: httpx.AsyncClient) -> None:
    asked = (await training.post("/train", json={**ASKED, "publish": {"every_steps": 9, "final": "last"}})).json()
    silent = (await training.post("/train", json=ASKED)).json()

    assert asked["publish"] == {"every_steps": 9, "final": "last", "keep": 5, "classifier": None}
    assert silent["publish"] == {"every_steps": "auto", "final": "best", "keep": 5, "classifier": None}


async def test_runs_wait_in_the_order_they_came(training: httpx.AsyncClient) -> None:
    runs = [(await training.post("/train", json=ASKED)).json() for _ in range(3)]

    positions = [(await training.get(f"/train/{run['id']}")).json()["queue"]["position"] for run in runs]

    assert positions == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "pointer", "told"),
    [
        ({"recipe": "nogan"}, "/recipe", "dcgan, cgan"),
        ({"dataset": "nothing"}, "/dataset", "mnist-10k, shapes"),
        ({"dataset": "../shapes"}, "/dataset", "pattern"),
        ({"model": "run"}, "/model", "reserved"),
        ({"model": "My Model"}, "/model", "pattern"),
        ({"config": {"stesp": 1}}, "/config/stesp", "does not exist"),
        ({"config": {"auto": 1}}, "/config/auto", "does not exist"),
        ({"config": {"steps": 0}}, "/config/steps", "greater than or equal to 1"),
        ({"config": {"steps": "many"}}, "/config/steps", "integer"),
        ({"config": {"beta1": 1}}, "/config/beta1", "less than 1"),
        ({"config": {"generator_lr": 0}}, "/config/generator_lr", "greater than 0"),
        ({"config": {"batch_size": 97}}, "/config/batch_size", "2 to 96"),
        ({"config": {"precision": "float16"}}, "/config/precision", "bfloat16"),
        ({"config": 7}, "/config", "dictionary"),
        ({"publish": {"every_steps": 0}}, "/publish/every_steps", "greater than or equal to 1"),
        ({"publish": {"keep": 0}}, "/publish/keep", "greater than or equal to 1"),
        ({"seed": -1}, "/seed", "greater than or equal to 0"),
        ({"name": "x" * 201}, "/name", "200"),
        ({"sead": 1}, "/sead", "does not exist"),
    ],
)
async def test_a_wrong_field_is_pointed_at_and_nothing_is_created(
    training: httpx.AsyncClient, change: dict[str, Any], pointer: str, told: str
) -> None:
    answer = await training.post("/train", json=ASKED | change)

    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "invalid_request")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {error["pointer"] for error in body["errors"]} == {pointer}
    assert any(told in error["detail"] for error in body["errors"]), body["errors"]
    assert told in body["detail"]
    assert (await training.get("/train")).json()["data"] == []


async def test_a_dataset_that_does_not_fit_its_recipe_is_refused(training: httpx.AsyncClient, store: Store) -> None:
    images = np.zeros((12, 10, 12, 1), np.uint8)
    DatasetStore(store).add("odd", ImageSet(images), Origin("a test"))

    answer = await training.post("/train", json={"recipe": "cgan", "dataset": "odd"})

    told = [(error["pointer"], error["detail"]) for error in answer.json()["errors"]]
    assert [pointer for pointer, _ in told] == ["/dataset", "/dataset"]
    assert "12x10" in told[0][1]
    assert "needs labels" in told[1][1]


async def test_what_is_needed_and_missing_is_pointed_at(training: httpx.AsyncClient) -> None:
    answer = await training.post("/train", json={})

    assert {error["pointer"] for error in answer.json()["errors"]} == {"/dataset"}


async def test_numbers_that_are_none_are_refused(training: httpx.AsyncClient) -> None:
    for field in ("generator_lr", "beta1"):
        for number in ("NaN", "Infinity", "-Infinity"):
            content = f'{{"recipe": "cgan", "dataset": "shapes", "config": {{"{field}": {number}}}}}'

            answer = await training.post("/train", content=content, headers=JSON)

            assert answer.status_code == 422, (field, number)
            assert answer.json()["errors"][0]["pointer"] == f"/config/{field}"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "told"),
    [
        (b'{"recipe"', "application/json", 422, "not JSON"),
        (b"\xff", "application/json", 400, "body"),
        (b"[" * 100_000, "application/json", 400, "body"),
        (b"[]", "application/json", 422, "a JSON object is needed"),
        (b"null", "application/json", 422, "a JSON object is needed"),
        (b"", "application/json", 422, "a JSON object is needed"),
        (b"", None, 422, "Content-Type: application/json"),
        (b'{"recipe": "cgan", "dataset": "shapes"}', None, 422, "Content-Type: application/json"),
        (b'{"recipe": "cgan", "dataset": "shapes"}', "text/plain", 422, "Content-Type: application/json"),
        (b"recipe=cgan", "application/x-www-form-urlencoded", 422, "Content-Type: application/json"),
        (b" " * (1 << 20) + b"{}", "application/json", 413, "1048576 bytes"),
    ],
)
async def test_a_body_that_is_no_json_object_is_explained(
    training: httpx.AsyncClient, content: bytes, content_type: str | None, status: int, told: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = await training.post("/train", content=content, headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert told in answer.json()["detail"]
    assert (await training.get("/train")).json()["data"] == []


async def test_a_run_is_accepted_while_redis_is_away_and_queued_when_it_is_there(
    settings: Settings,
    shapes: Dataset,
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
        answer = await client.post("/train", json=ASKED)
        alone = (await client.get(answer.headers["Location"])).json()
        listed = (await client.get("/train")).json()["data"]
        broker.start()

        async def is_queued() -> bool:
            run = (await client.get(answer.headers["Location"])).json()
            return bool(run["queue"]["position"] == 0)

        try:
            await eventually(is_queued)
        finally:
            broker.stop()

    assert answer.status_code == 202
    assert (alone["status"], alone["queue"]["position"]) == ("queued", None)
    assert [run["id"] for run in listed] == [alone["id"]]


async def test_a_run_shows_what_its_worker_wrote(training: httpx.AsyncClient, store: Store) -> None:
    run_id = (await training.post("/train", json={**ASKED, "config": {"steps": 100}})).json()["id"]
    run = RunStore(store).get(run_id)
    published = Published(model="shapes", version=3, step=50, at="2026-01-01T00:00:00.000Z")

    def work(state: RunState) -> RunState:
        return state.moved(
            Status.RUNNING,
            progress=Progress(step=50, total=100, images_seen=3200, images_per_second=320.0),
            metrics={"generator_loss": 0.5, "discriminator_loss": None},
            started_at="2026-01-01T00:00:00.000Z",
            last_heartbeat_at="2026-01-01T00:00:10.000Z",
            published=[published],
            sample_step=25,
            checkpoint_step=50,
        )

    with run.training_lock():
        run.change(work)
        body = (await training.get(f"/train/{run_id}")).json()

    assert (body["status"], body["progress"]["fraction"]) == ("running", 0.5)
    assert body["eta_at"] == "2026-01-01T00:00:20Z"
    assert body["latest"]["metrics"] == {"generator_loss": 0.5, "discriminator_loss": None}
    assert (body["latest"]["sample_step"], body["latest"]["checkpoint_step"]) == (25, 50)
    assert body["published"] == [published.model_dump()]


async def test_a_failed_run_says_why(training: httpx.AsyncClient, store: Store) -> None:
    run_id = (await training.post("/train", json=ASKED)).json()["id"]
    failure = Failure(code="diverged", message="the loss is NaN", retryable=False)
    RunStore(store).get(run_id).move(Status.FAILED, failure=failure)

    body = (await training.get(f"/train/{run_id}")).json()

    assert (body["status"], body["is_terminal"]) == ("failed", True)
    assert body["failure"] == {"code": "diverged", "message": "the loss is NaN", "retryable": False}
    assert body["finished_at"] is not None


@pytest.mark.parametrize("run_id", ["run_00000000000000000000", "nonsense", "..", "run_", "run_" + "é" * 20])
async def test_a_run_that_is_not_there_is_not_found(training: httpx.AsyncClient, run_id: str) -> None:
    answer = await training.get(f"/train/x{run_id}" if run_id == ".." else f"/train/{run_id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "run_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_run_whose_files_are_damaged_is_told_as_that_and_hides_no_other(
    training: httpx.AsyncClient, settings: Settings
) -> None:
    bad, good = [(await training.post("/train", json=ASKED)).json()["id"] for _ in range(2)]
    Path(settings.store_path / "runs" / bad / "state.json").write_text("{")

    answer = await training.get(f"/train/{bad}")
    listed = (await training.get("/train")).json()["data"]

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert str(settings.store_path) not in answer.text
    assert [run["id"] for run in listed] == [good]
