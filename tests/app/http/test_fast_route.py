"""GET and HEAD /generate are answered before the router is asked: nobody can tell from the answer."""

import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from app.http.fast_route import FastPath
from app.main import create_app
from core.settings import Settings
from tests.app.scraping import moved, scrape
from tests.fixtures import PublishTiny, Serve

SAME = {"Request-Id": "same"}


@pytest.fixture
async def routed(client: httpx.AsyncClient, settings: Settings, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app beside that of `client`, without the fast route."""
    app, fast = create_app(settings), cast(Any, FastPath)
    app.user_middleware = [layer for layer in app.user_middleware if layer.cls is not fast]
    async with serve(app) as ready:
        yield ready


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("seed=1", {}),
        ("seed=1&n=4&label=circle&label=1&label=2&label=0", {"Accept": "image/webp"}),
        ("seed=1&format=zip", {}),
        ("seed=1", {"If-None-Match": "*"}),
        ("seed=x&n=0&nothing=1", {}),
        ("seed=1&n=1000", {}),
        ("label=square&label=", {}),
        ("model=nobody", {}),
        ("model=No!", {}),
        ("model=run:run_00000000000000000000@latest", {}),
        ("", {"Accept": "text/html"}),
        ("seed=1&seed=2", {}),
        ("nothing=1&nothing=2", {}),
        ("nothing=1&nothing=2&seed=1&seed=1", {}),
        ("seed=1&metadata=true&scale=2&truncation=0.5", {}),
        ("seeds=0,4-6&format=json", {}),
        ("seeds=0,4-6&n=2", {}),
        ("seed=&n=", {}),
        ("seed=%31&label=%63ircle", {}),
        ("seed=+1", {}),
        ("seed", {}),
        ("&seed=1&&", {}),
        ("=1", {}),
        ("seed=1;n=2", {}),
        ("format=npy&seed=4294967295&n=2", {}),
        ("truncation=nan", {}),
        ("seed=1", {"If-None-Match": 'W/"other", *'}),
    ],
)
async def test_an_answer_is_what_the_router_gives(
    client: httpx.AsyncClient, routed: httpx.AsyncClient, method: str, query: str, headers: dict[str, str]
) -> None:
    got, expected = [
        await each.request(method, f"/generate?{query}", headers={**SAME, **headers}) for each in (client, routed)
    ]

    assert (got.status_code, got.content) == (expected.status_code, expected.content)
    assert sorted(untimed(got)) == sorted(untimed(expected))


def untimed(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.multi_items() if name != "server-timing"]


async def test_no_router_is_asked(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    app = create_app(settings)
    app.router.routes.clear()

    async with serve(app) as client:
        answers = [await client.get(address) for address in ("/generate?seed=1", "/generate/", "/livez")]

    assert [answer.status_code for answer in answers] == [200, 404, 404]


async def test_it_is_counted_under_its_address_whatever_becomes_of_it(client: httpx.AsyncClient) -> None:
    before = await scrape(client)

    await client.get("/generate", params={"seed": 1})
    await client.head("/generate", params={"seed": 1})
    await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": "*"})
    await client.get("/generate", params={"seed": "x"})
    await client.put("/generate")

    counted = moved(before, await scrape(client), "ganymede_requests_total")
    codes = {"200": 2.0, "304": 1.0, "422": 1.0, "405": 1.0}
    assert {labels: count for labels, count in counted.items() if "route=/generate" in labels} == {
        (f"code={code}", "route=/generate"): count for code, count in codes.items()
    }


async def test_a_body_that_comes_with_get_is_not_read(client: httpx.AsyncClient) -> None:
    was_read = False

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal was_read
        was_read = True
        yield b"something"

    plain = await client.get("/generate", params={"seed": 1})
    answer = await client.request("GET", "/generate", params={"seed": 1}, content=pieces())

    assert (answer.status_code, answer.content) == (200, plain.content)
    assert not was_read


async def test_a_body_that_comes_with_get_may_not_say_that_it_is_too_large(client: httpx.AsyncClient) -> None:
    answer = await client.request("GET", "/generate", content=b" " * ((1 << 20) + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_foreign_host_gets_no_picture(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"seed": 1}, headers={"Host": "evil.example"})

    assert (answer.status_code, answer.json()["code"]) == (400, "host_not_allowed")


async def test_what_nobody_expected_is_a_problem_document_and_once_in_the_log(
    failing: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "app.errors"):
        answer = await failing.get("/generate", params={"seed": 1}, headers=SAME)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["Request-Id"] == "same"
    assert [record.getMessage() for record in caplog.records if record.name == "app.errors"] == [
        "unexpected error at GET /generate"
    ]
