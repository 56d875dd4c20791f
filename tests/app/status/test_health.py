"""/livez, /readyz, the index and the OpenAPI document."""

import asyncio
import warnings
from pathlib import Path
from typing import Any

import httpx
from rq import Worker

from app.main import create_app
from core.queue import connect
from core.settings import Settings
from core.store import Store
from ganymede.broker import Broker
from tests.fixtures import PublishTiny, Serve


async def test_a_live_process_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez")

    assert (answer.status_code, answer.json()["status"]) == (200, "alive")


async def test_ready_means_that_the_default_model_can_be_drawn(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "reason": None,
        "model": "tiny@1",
        "degraded": ["workers: none is alive, so runs wait"],
    }


async def test_with_redis_a_worker_and_a_model_nothing_is_degraded(client: httpx.AsyncClient, broker_url: str) -> None:
    with connect(broker_url) as connection:
        worker: Any = Worker(["train"], name="w", connection=connection)
        worker.register_birth()

        answers = [(await client.get(path)).json() for path in ("/readyz", "/queue")]

    assert [answer["degraded"] for answer in answers] == [[], []]


async def test_a_redis_that_takes_no_runs_is_told_everywhere_and_drawing_goes_on(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, own_broker: Broker
) -> None:
    publish_tiny()
    url = f"unix://{own_broker.socket_path}"
    with connect(url) as connection:
        connection.config_set("maxmemory", 1)
        async with serve(create_app(settings.model_copy(update={"redis_url": url}))) as client:
            ready, queue, status = [(await client.get(path)) for path in ("/readyz", "/queue", "/status")]
            numbers = (await client.get("/metrics")).text
            drawn = await client.get("/generate", params={"seed": 1})

    told = ["redis: OOM command not allowed when used memory > 'maxmemory'."]
    assert (ready.status_code, queue.status_code, status.status_code, drawn.status_code) == (200,) * 4
    assert [answer["degraded"] for answer in (ready.json(), queue.json(), status.json()["readiness"])] == [told] * 3
    assert "ganymede_redis_up 0.0" in numbers


async def test_a_redis_that_nobody_may_even_ask_is_told_with_its_reason(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, own_broker: Broker
) -> None:
    publish_tiny()
    url = f"unix://{own_broker.socket_path}"
    with connect(url) as connection:
        connection.config_set("requirepass", "secret")
    async with serve(create_app(settings.model_copy(update={"redis_url": url}))) as client:
        ready, queue = await client.get("/readyz"), await client.get("/queue")

    assert ready.json()["degraded"][0].startswith("redis: NOAUTH ")
    assert (queue.status_code, queue.json()["code"]) == (503, "redis_unavailable")
    assert queue.json()["detail"].startswith("Redis refuses: NOAUTH ")


async def test_without_redis_it_is_ready_but_degraded(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, tmp_path: Path
) -> None:
    publish_tiny()
    lonely = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody"})
    async with serve(create_app(lonely)) as client:
        answer = await client.get("/readyz")
        drawn = await client.get("/generate", params={"seed": 1})

    assert (answer.status_code, answer.json()["degraded"]) == (200, ["redis"])
    assert drawn.status_code == 200


async def test_without_a_model_it_is_alive_and_not_ready(settings: Settings, serve: Serve, store: Store) -> None:
    async with serve(create_app(settings)) as client:
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert (ready.json()["status"], ready.json()["model"]) == ("not_ready", None)
    assert "there is no model 'tiny'" in ready.json()["reason"]


async def test_it_is_ready_as_soon_as_a_model_is_there(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    async with serve(create_app(settings)) as client:
        before = await client.get("/readyz")
        publish_tiny()

        after = await client.get("/readyz")

    assert (before.status_code, after.status_code) == (503, 200)


async def test_a_default_model_that_is_no_reference_is_told(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"default_model": "No Such"}))) as client:
        ready, drawn = await client.get("/readyz"), await client.get("/generate", params={"model": "tiny", "seed": 1})

    assert (ready.status_code, drawn.status_code) == (503, 200)
    assert "lower-case" in ready.json()["reason"]


async def test_a_dead_engine_thread_is_not_ready(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        await app.state.services.batcher.close()

        ready, drawn = await client.get("/readyz"), await client.get("/generate", params={"seed": 1})

    assert (ready.status_code, drawn.status_code, drawn.json()["code"]) == (503, 503, "not_ready")
    assert "engine" in ready.json()["reason"]


async def test_a_process_that_is_about_to_end_is_not_ready_and_draws_what_it_has_begun(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        drawing = asyncio.create_task(client.get("/generate", params={"seed": 1, "n": 64}))
        await asyncio.sleep(0)
        app.state.services.begin_drain()

        ready, status = await client.get("/readyz"), await client.get("/status")
        alive, drawn = await client.get("/livez"), await drawing

    assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
    assert status.json()["readiness"]["status"] == "not_ready"
    assert (alive.status_code, drawn.status_code) == (200, 200)


async def test_the_index_names_addresses_that_answer(client: httpx.AsyncClient) -> None:
    links = (await client.get("/")).json()["links"]

    statuses = {
        name: (await client.get(link)).status_code for name, link in links.items() if name not in ("generate", "events")
    }

    assert set(statuses.values()) == {200}


async def test_the_openapi_document_is_made_without_a_warning(client: httpx.AsyncClient, settings: Settings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = create_app(settings).openapi()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert (await client.get("/openapi.json")).json() == document
    assert len(set(ids)) == len(ids)
    assert {"/generate", "/train", "/train/{run_id}", "/models", "/datasets", "/readyz"} <= document["paths"].keys()
    assert set(document["paths"]["/generate"]) == {"get", "post"}
