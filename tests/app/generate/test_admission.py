"""What is refused before it is read: an answer like any other, and only for those who can have no other."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from tests.app.gated import Gated
from tests.app.scraping import moved, scrape
from tests.fixtures import Serve


@pytest.fixture
async def full(settings: Settings, gated: Gated, serve: Serve) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An app that has drawn seed 1 and has no room for more, and its client."""
    app = create_app(settings.model_copy(update={"cache_bytes": 1 << 20}))
    gated.gate.set()
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        await client.get("/generate", params={"seed": 1})
        app.state.services.batcher.max_wait_s = -1.0
        await client.get("/generate", params={"seed": 2})
        yield app, client


Full = tuple[FastAPI, httpx.AsyncClient]


async def test_the_refusal_is_the_one_that_a_request_gets_which_was_read(full: Full) -> None:
    _, client = full
    headers = {"Request-Id": "mine.7"}

    unread = await client.get("/generate?seed=3", headers=headers)
    read = await client.post("/generate", json={"seed": 3}, headers=headers)

    assert (unread.status_code, unread.content) == (429, read.content)
    assert unread.headers == read.headers
    assert unread.headers["request-id"] == unread.json()["request_id"] == "mine.7"
    assert int(unread.headers["content-length"]) == len(unread.content)


async def test_a_refusal_without_an_id_gets_a_new_one(full: Full) -> None:
    _, client = full

    answers = [await client.get("/generate?seed=3") for _ in range(2)]

    ids = [answer.json()["request_id"] for answer in answers]
    assert ids == [answer.headers["request-id"] for answer in answers]
    assert len(set(ids)) == 2


async def test_it_is_not_read(full: Full) -> None:
    app, client = full
    unread = await client.get("/generate?seed=no-number")

    app.state.services.batcher.max_wait_s = 60.0
    await client.get("/generate?seed=3")
    read = await client.get("/generate?seed=no-number")

    assert (unread.status_code, read.status_code) == (429, 422)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/generate?seed=1", {}, 200),  # it is in memory
        ("GET", "/generate?seed=3", {"If-None-Match": "*"}, 304),
        ("HEAD", "/generate?seed=3", {}, 200),
        ("GET", "/generate?seed=3", {"Host": "elsewhere.example"}, 400),
        ("GET", "/models", {}, 200),
        ("GET", "/generate/", {}, 307),
    ],
)
async def test_whoever_may_have_another_answer_gets_it(
    full: Full, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    _, client = full

    answer = await client.request(method, path, headers=headers)

    assert answer.status_code == status


async def test_it_is_counted_as_any_other(full: Full) -> None:
    _, client = full
    before = await scrape(client)

    await client.get("/generate?seed=3")

    after = await scrape(client)
    assert moved(before, after, "ganymede_rejected_total") == {("reason=overloaded",): 1}
    counted = moved(before, after, "ganymede_requests_total")
    assert counted[("code=429", "route=/generate")] == 1


async def test_as_soon_as_there_is_room_requests_are_served(full: Full) -> None:
    app, client = full
    refused = await client.get("/generate?seed=3")

    app.state.services.batcher.max_wait_s = 60.0
    answers = [await client.get("/generate?seed=3") for _ in range(2)]

    assert refused.status_code == 429
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_each_has_its_line_in_an_access_log_that_was_asked_for(
    settings: Settings, gated: Gated, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings.model_copy(update={"access_log": True}))
    gated.gate.set()
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        app.state.services.batcher.max_wait_s = -1.0
        with caplog.at_level("INFO", logger="app.access"):
            answers = [await client.get("/generate?seed=3") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert len([record for record in caplog.records if "/generate 429" in record.getMessage()]) == 2
