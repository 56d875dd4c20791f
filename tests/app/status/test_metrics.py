"""GET /metrics: numbers move by exactly what was done, cost little to look at, and need nobody else."""

import asyncio
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from app.engine.batch import BatchResult
from app.engine.engine import Engine
from app.main import create_app
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from tests.app.scraping import Samples, moved, scrape
from tests.conftest import SOON_S
from tests.fixtures import OpenEngine, PublishBroken, PublishTiny, Serve

ROOT = Path(__file__).resolve().parents[3]


async def test_requests_are_counted_by_the_route_that_answers(client: httpx.AsyncClient) -> None:
    run = "run_00000000000000000000"
    before = await scrape(client)

    for path in ("/livez", "/livez", f"/train/{run}", "/models/tiny", "/models/nobody", "/nothing/1", "/nothing/2"):
        await client.get(path)
    await client.request("DELETE", "/train")
    await client.post("/generate", json={"seed": 1, "what": 1})
    after = await scrape(client)

    assert moved(before, after, "ganymede_requests_total") == {
        ("code=200", "route=/livez"): 2,
        ("code=404", "route=/train/{run_id}"): 1,
        ("code=200", "route=/models/{model}"): 1,
        ("code=404", "route=/models/{model}"): 1,
        ("code=404", "route=unmatched"): 2,
        ("code=405", "route=/train"): 1,
        ("code=422", "route=/generate"): 1,
        ("code=200", "route=/metrics"): 1,  # the look before
    }
    assert moved(before, after, "ganymede_request_seconds_count")[("route=/livez",)] == 2


async def test_addresses_that_are_none_do_not_become_new_series(client: httpx.AsyncClient) -> None:
    await client.get("/nothing")
    before = await scrape(client)

    for i in range(50):
        await client.get(f"/nothing/{i}")
        await client.get(f"/models/none-{i}")
        await client.get("/models", headers={"Host": f"evil-{i}.example"})
    after = await scrape(client)

    new = {key for key in after.keys() - before.keys() if "_bucket" not in key[0]}
    assert new == set()


async def test_a_drawing_shows_in_every_stage(client: httpx.AsyncClient) -> None:
    before = await scrape(client)

    drawn = await client.get("/generate", params={"seed": 1})  # one image is one batch, whatever calibration found
    known = await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": drawn.headers["ETag"]})
    after = await scrape(client)

    stages = ("queue_seconds", "infer_seconds", "encode_seconds", "batch_size")
    assert known.status_code == 304
    assert [moved(before, after, f"ganymede_{stage}_count") for stage in stages] == [{(): 1.0}] * 4
    assert moved(before, after, "ganymede_batch_size_sum") == {(): 1.0}
    assert moved(before, after, "ganymede_cache_hits_total") == {("kind=etag",): 1.0}
    assert after["ganymede_queue_images",] == 0
    assert after["ganymede_engine_up",] == 1


async def test_each_of_several_images_counts_in_the_size_of_batches(client: httpx.AsyncClient) -> None:
    before = await scrape(client)

    await client.get("/generate", params={"seed": 1, "n": 3})
    after = await scrape(client)

    of_requests = [moved(before, after, f"ganymede_{stage}_seconds_count") for stage in ("queue", "encode")]
    assert of_requests == [{(): 1.0}] * 2
    assert moved(before, after, "ganymede_batch_size_sum") == {(): 3.0}


async def test_what_is_refused_is_counted_by_its_reason(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        before = await scrape(client)
        app.state.services.batcher.max_wait_s = -1.0

        overloaded = await client.get("/generate", params={"seed": 1})
        await client.get("/models", headers={"Host": "evil.example"})
        await client.post("/train", headers={"Origin": "https://evil.example"})
        await client.post("/generate", content=b" " * ((1 << 20) + 1))
        after = await scrape(client)

    assert overloaded.status_code == 429
    assert moved(before, after, "ganymede_rejected_total") == {
        ("reason=overloaded",): 1,
        ("reason=host_not_allowed",): 1,
        ("reason=origin_not_allowed",): 1,
        ("reason=body_too_large",): 1,
    }


class Broken(Engine):
    """Cannot draw."""

    async def draw(self, *_: object, **__: object) -> BatchResult:
        raise RuntimeError("a defect")


async def test_an_unexpected_error_is_counted_as_the_500_it_becomes(
    settings: Settings, publish_tiny: PublishTiny, open_engine: OpenEngine, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = open_engine(kind=Broken)

        await client.get("/generate", params={"seed": 1})
        after = await scrape(client)

    assert after["ganymede_requests_total", "code=500", "route=/generate"] == 1


async def test_models_and_their_loading_are_told(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, publish_broken: PublishBroken
) -> None:
    before = await scrape(client)
    publish_tiny("other")
    broken = publish_broken("constant", "other")

    await client.get("/generate", params={"model": "other@1", "seed": 1})
    await client.get("/generate", params={"model": f"other@{broken}", "seed": 1})
    after = await scrape(client)

    assert moved(before, after, "ganymede_model_reload_total") == {("result=loaded",): 1, ("result=failed",): 1}
    assert sorted(key[2:] for key in after if key[0] == "ganymede_model_info") == [
        ("model=other", "version=1"),
        ("model=tiny", "version=1"),
    ]


@pytest.mark.parametrize("silent", [False, True])
async def test_without_redis_a_scrape_answers_and_says_so(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, tmp_path: Path, silent: bool
) -> None:
    publish_tiny()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        if silent:  # connections are made, and nothing is ever said
            server.listen()
        lonely = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/s"})
        seen, alive, took = await scrape_and_look(serve, lonely)

    assert seen["ganymede_redis_up",] == 0
    assert alive.status_code == 200
    assert took < SOON_S


async def scrape_and_look(serve: Serve, settings: Settings) -> tuple[Samples, httpx.Response, float]:
    async with serve(create_app(settings)) as client:
        began = time.monotonic()
        scraping = asyncio.create_task(scrape(client))
        alive = await client.get("/livez")  # the event loop is free meanwhile
        seen = await scraping
        return seen, alive, time.monotonic() - began


async def test_with_redis_it_says_so(client: httpx.AsyncClient) -> None:
    assert (await scrape(client))["ganymede_redis_up",] == 1


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "application/openmetrics-text",
        ),
        ("application/openmetrics-text", "application/openmetrics-text"),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0",
        ),
        ("application/openmetrics-text;version=99.0.0", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=abc", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.x", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=;version=,", "text/plain; version=0.0.4"),
        (";;;=,,=;version", "text/plain; version=0.0.4"),
    ],
)
async def test_the_form_is_what_the_scraper_asks_for(
    client: httpx.AsyncClient, accept: str | None, media_type: str
) -> None:
    answer = await client.get("/metrics", headers={} if accept is None else {"Accept": accept})

    read = openmetrics if "openmetrics" in media_type else None
    families = list(
        read.text_string_to_metric_families(answer.text) if read else text_string_to_metric_families(answer.text)
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(media_type)
    assert {"ganymede_requests", "ganymede_request_seconds", "python_info", "process_cpu_seconds"} <= {
        f.name for f in families
    }


async def test_the_operations_page_lists_exactly_the_metrics_there_are(client: httpx.AsyncClient) -> None:
    await client.get("/livez")
    page = (ROOT / "docs" / "operations.md").read_text()

    answer = await client.get("/metrics")

    sent = set(re.findall(r"^# TYPE (ganymede_\w+) ", answer.text, re.M))
    assert set(re.findall(r"^\| `(ganymede_\w+)` \|", page, re.M)) == sent
    in_alarms = {re.sub(r"_bucket$", "", name) for name in re.findall(r"ganymede_[a-z_]+", page)}
    assert in_alarms <= sent


async def test_two_apps_in_one_process_count_each_for_itself(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    async with serve(create_app(settings)) as one, serve(create_app(settings)) as other:
        await one.get("/livez")

        seen = [await scrape(client) for client in (one, other)]

    key = ("ganymede_requests_total", "code=200", "route=/livez")
    assert (seen[0].get(key), seen[1].get(key)) == (1, 0)


async def test_an_app_can_be_started_again(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    app = create_app(settings)
    for _ in range(2):
        async with serve(app) as client:
            assert (await scrape(client))["ganymede_engine_up",] == 1


async def test_an_event_stream_is_counted_when_it_begins_and_has_no_duration(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app, begun, over = create_app(settings), asyncio.Event(), asyncio.Event()

    @app.get("/stream")
    async def stream() -> Response:
        async def events() -> Any:
            begun.set()
            yield b": hello\n\n"
            await over.wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    async with serve(app) as client:
        reading = asyncio.create_task(client.get("/stream"))
        await asyncio.wait_for(begun.wait(), 300)
        during = await scrape(client)
        over.set()
        await reading
        after = await scrape(client)

    counted = ("ganymede_requests_total", "code=200", "route=/stream")
    assert (during["ganymede_streams",], during[counted]) == (1, 1)
    assert (after["ganymede_streams",], after[counted]) == (0, 1)
    assert ("ganymede_request_seconds_count", "route=/stream") not in after
