"""What is refused before it is read, on a real socket: the same answer, and only to those who can have no other."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.main import create_app
from app.refusals import Protocol
from core.refs import ModelRef
from core.settings import Settings
from tests.app.gated import Gated
from tests.app.scraping import moved, scrape

Serve = Callable[[FastAPI], Any]
OWN = ("date", "request-id")  # of each answer


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of uvicorn with our protocol, in front of an app that lives already."""
    server = uvicorn.Server(uvicorn.Config(app, http=Protocol, lifespan="off", log_config=None, server_header=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            while not server.started:
                await asyncio.sleep(0.01)
            yield client
        server.should_exit = True
        await serving


@pytest.fixture
async def full(
    settings: Settings, gated: Gated, serve: Serve
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient, httpx.AsyncClient]]:
    """An app that has drawn seed 1 and has no room for more; its client past any protocol, and one through ours."""
    app = create_app(settings.model_copy(update={"cache_bytes": 1 << 20}))
    gated.gate.set()
    async with serve(app) as past, listening(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        await client.get("/generate", params={"seed": 1})
        app.state.services.batcher.max_wait_s = -1.0
        await client.get("/generate", params={"seed": 2})
        yield app, past, client


Full = tuple[FastAPI, httpx.AsyncClient, httpx.AsyncClient]


async def test_the_answer_is_the_applications_own(full: Full) -> None:
    _, past, client = full
    headers = {"Request-Id": "mine.7"}

    given, own = [await one.get("/generate?seed=3", headers=headers) for one in (client, past)]
    unnamed = await client.get("/generate?seed=3")

    assert (given.status_code, given.json()) == (429, own.json())
    assert [name for name in given.headers if name != "date"] == list(own.headers)
    assert {**given.headers, "date": ""} == {**own.headers, "date": ""}
    assert given.headers["request-id"] == given.json()["request_id"] == "mine.7"
    assert len(unnamed.json()["request_id"]) == 16
    assert (
        unnamed.headers["request-id"]
        == unnamed.json()["request_id"]
        != (await client.get("/generate")).headers["request-id"]
    )


async def test_it_is_not_read(full: Full) -> None:
    _, past, client = full

    unread, read = [await one.get("/generate?seed=no-number") for one in (client, past)]

    assert (unread.status_code, read.status_code) == (429, 422)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/generate?seed=1", {}, 200),  # it is in memory
        ("GET", "/generate?seed=3", {"If-None-Match": "*"}, 304),
        ("HEAD", "/generate?seed=3", {}, 200),
        ("POST", "/generate", {}, 429),  # by the application, which reads the body
        ("GET", "/generate?seed=3", {"Host": "elsewhere.example"}, 400),
        ("GET", "/models", {}, 200),
        ("GET", "/generate/", {}, 307),
    ],
)
async def test_whoever_may_have_another_answer_gets_it(
    full: Full, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    _, past, client = full
    body = {"seed": 3} if method == "POST" else None

    given, own = [await one.request(method, path, headers=headers, json=body) for one in (client, past)]

    assert (given.status_code, own.status_code) == (status, status)


async def test_it_is_counted_as_any_other(full: Full) -> None:
    _, _, client = full
    before = await scrape(client)

    await client.get("/generate?seed=3")

    after = await scrape(client)
    assert moved(before, after, "ganymede_rejected_total") == {("reason=overloaded",): 1}
    counted = moved(before, after, "ganymede_requests_total")
    assert counted[("code=429", "route=/generate")] == 1


async def test_as_soon_as_there_is_room_the_same_connection_is_served(full: Full) -> None:
    app, _, client = full
    refused = await client.get("/generate?seed=3")

    app.state.services.batcher.max_wait_s = 60.0
    answers = [await client.get("/generate?seed=3") for _ in range(2)]

    assert refused.status_code == 429
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_requests_sent_one_behind_the_other_are_answered_in_their_order(full: Full, gated: Gated) -> None:
    app, _, client = full
    gated.gate.clear()
    gated.entered.clear()
    app.state.services.batcher.max_wait_s = 60.0
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    lines = b"GET /generate?seed=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    writer.write(b"".join(lines % seed for seed in range(10, 200)))
    await asyncio.wait_for(gated.entered.wait(), 30)
    app.state.services.batcher.max_wait_s = -1.0
    gated.gate.set()
    received = bytearray()
    while received.count(b"HTTP/1.1 ") < 190:
        received += await asyncio.wait_for(reader.read(1 << 20), 30)
    writer.close()

    statuses = [part[:3] for part in bytes(received).split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200"] + [b"429"] * 189


async def test_who_closes_the_connection_is_answered_and_it_is_closed(full: Full) -> None:
    _, _, client = full
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)

    writer.write(b"GET /generate?seed=3 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    received = await asyncio.wait_for(reader.read(), 30)
    writer.close()

    assert received.startswith(b"HTTP/1.1 429 ")


async def test_each_has_its_line_in_an_access_log_that_was_asked_for(
    settings: Settings, gated: Gated, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings.model_copy(update={"access_log": True}))
    gated.gate.set()
    async with serve(app), listening(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        app.state.services.batcher.max_wait_s = -1.0
        with caplog.at_level("INFO", logger="app.access"):
            answers = [await client.get("/generate?seed=3") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert len([record for record in caplog.records if "/generate 429" in record.getMessage()]) == 2
