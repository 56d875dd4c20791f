"""What "auto" becomes is what suits the workers, wherever the API is: they tell what they train on."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from rq.serializers import JSONSerializer

from app.main import create_app
from core.datasets import Dataset
from core.queue import QUEUE_NAME, connect
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from models.recipes import RECIPES
from tests.fixtures import Serve
from worker.rq_worker import GuardedWorker

Employ = Callable[..., None]

RECIPE = RECIPES["cgan"]
ASKED: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes", "config": {"steps": 5}}


@pytest.fixture
async def api(settings: Settings, shapes: Dataset, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app on a CPU that has the dataset `shapes`."""
    async with serve(create_app(settings)) as client:
        yield client


@pytest.fixture
def employ(broker_url: str) -> Iterator[Employ]:
    """Registers a worker that trains on a device."""
    connection = connect(broker_url)

    def begin(name: str, device: str, heartbeat: str | None = None) -> None:
        worker: Any = GuardedWorker([QUEUE_NAME], name=name, connection=connection, serializer=JSONSerializer)
        worker.device = device
        worker.register_birth()
        worker.heartbeat()
        if heartbeat:
            connection.hset(worker.key, "last_heartbeat", heartbeat)

    yield begin
    connection.close()


async def width_and_doubts(api: httpx.AsyncClient, **config: Any) -> tuple[int, list[str]]:
    body = {**ASKED, "config": {**ASKED["config"], **config}}
    told = (await api.post("/train/validate", json=body, params={"estimate": "false"})).json()
    doubts = [each["pointer"] for each in told["warnings"] if each["code"] == "device_unknown"]
    return told["resolved"]["width"], doubts


async def test_a_run_gets_the_width_of_the_device_that_the_workers_have(
    api: httpx.AsyncClient, employ: Employ, store: Store
) -> None:
    employ("a", "cuda")
    employ("b", "cuda")

    run = (await api.post("/train", json=ASKED)).json()
    told = (await api.post("/train/validate", json=ASKED, params={"estimate": "false"})).json()
    schema = (await api.get("/train/schema")).json()

    assert RECIPE.gpu_width != RECIPE.width
    assert run["resolved"]["width"] == told["resolved"]["width"] == RECIPE.gpu_width
    assert RunStore(store).get(run["id"]).spec().resolved.to_json() == run["resolved"]
    assert (told["device"], await width_and_doubts(api)) == ("cuda", (RECIPE.gpu_width, []))
    assert schema["recipes"]["cgan"]["defaults"]["width"] == RECIPE.gpu_width
    assert {each["device"] for each in (await api.get("/workers")).json()["data"]} == {"cuda"}


@pytest.mark.parametrize("workers", [[], [("a", "cpu"), ("b", "cuda")], [("a", "")]], ids=["none", "two", "silent"])
async def test_where_the_workers_leave_it_open_that_is_said(
    api: httpx.AsyncClient, employ: Employ, workers: list[tuple[str, str]]
) -> None:
    for worker in workers:
        employ(*worker)

    assert await width_and_doubts(api) == (RECIPE.width, ["/config/width"])
    assert await width_and_doubts(api, width=32) == (32, [])


async def test_a_worker_that_is_dead_does_not_count(api: httpx.AsyncClient, employ: Employ) -> None:
    employ("dead", "cuda", heartbeat="2026-01-01T00:00:00.000000Z")
    employ("alive", "cpu")

    assert await width_and_doubts(api) == (RECIPE.width, [])


async def test_without_redis_the_api_goes_by_itself(settings: Settings, shapes: Dataset, serve: Serve) -> None:
    lonely = settings.model_copy(update={"redis_url": "unix:///nowhere/redis.sock"})
    async with serve(create_app(lonely)) as client:
        run = (await client.post("/train", json=ASKED)).json()
        doubts = await width_and_doubts(client)

    assert run["resolved"]["width"] == RECIPE.width
    assert doubts == (RECIPE.width, ["/config/width"])
