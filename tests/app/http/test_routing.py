"""What holds for every route: HEAD, repeated query parameters, and addresses beside those of a pattern."""

import inspect
import socket
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from fastapi import params
from pydantic import BaseModel

from app.main import PARTS, create_app
from core.runs import Run
from core.settings import Settings
from tests.app.conftest import draw
from tests.app.http.test_guard import say

ROUTES = [route for part in PARTS for route in part.router.routes]
GETS = sorted({route.path for route in ROUTES if "GET" in (route.methods or ())})
UNLIKE = "/generate"  # HEAD draws nothing, so nobody knows how long it would be: tests/app/generate has what it tells
# Of each kind of parameter a value that is right, for the parameters of a path.
PATH = {"model": "tiny", "version": "1", "alias": "latest", "dataset": "shapes", "step": "latest"}


def filled(path: str, run_id: str) -> str:
    return path.replace(":path}", "}").format_map({**PATH, "run_id": run_id, "asked": "none", "name": "none"})


@pytest.mark.parametrize("path", [path for path in GETS if not path.endswith("/events") and path != UNLIKE])
async def test_head_tells_what_get_would(client: httpx.AsyncClient, idle_run: Run, path: str) -> None:
    draw(idle_run, "0-10")
    address = filled(path, idle_run.id)

    got, head = await client.get(address), await client.head(address)

    own = {"request-id", "content-length"}  # that of /metrics and /status is another each time
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in got.headers.items() if k not in own
    }
    assert "content-length" in head.headers


async def test_every_route_that_answers_get_answers_head(settings: Settings) -> None:
    answered = {(method, route.path) for route in ROUTES for method in route.methods or ()}

    assert {path for method, path in answered if method == "HEAD"} >= set(GETS)
    assert "head" not in {method for item in create_app(settings).openapi()["paths"].values() for method in item}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/status", "/metrics", "/", "/models", "/docs", "/openapi.json"])
def test_a_real_server_sends_no_body_after_head(server: Any, path: str) -> None:
    status, head, body = say(
        server.port, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )

    assert (status, body) == (503 if path == "/readyz" else 200, b"")
    assert b"content-length: " in head


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_head_of_a_stream_comes_to_an_end(server: Any, version: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as connection:
        connection.sendall(b"HEAD /events HTTP/%b\r\nHost: localhost\r\nConnection: close\r\n\r\n" % version)
        answer = b""
        while part := connection.recv(65536):
            answer += part

    head, _, body = answer.lower().partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: text/event-stream" in head
    assert body == b""


async def test_head_of_the_events_of_a_run_is_that_of_the_form_that_is_asked_for(
    client: httpx.AsyncClient, idle_run: Run
) -> None:
    address = f"/train/{idle_run.id}/events"

    page = await client.head(address)
    stream = await client.head(address, headers={"Accept": "text/event-stream"})

    assert [page.headers["content-type"], stream.headers["content-type"].partition(";")[0]] == [
        "application/json",
        "text/event-stream",
    ]


def parameters() -> list[tuple[str, str, str, bool]]:
    """Method, path and name of every query parameter, and whether it is a list."""
    found = []
    for route in ROUTES:
        for name, hint in get_type_hints(route.endpoint, include_extras=True).items():
            if not any(isinstance(note, params.Query) for note in getattr(hint, "__metadata__", ())):
                continue
            kind = get_args(hint)[0]
            fields = (
                {field: info.annotation for field, info in kind.model_fields.items()}
                if inspect.isclass(kind) and issubclass(kind, BaseModel)
                else {name: kind}
            )
            found += [
                (method, route.path, field, str(of).startswith("list["))
                for field, of in fields.items()
                for method in route.methods
            ]
    return sorted(found)


@pytest.mark.parametrize(("method", "path", "name", "is_list"), parameters())
async def test_a_parameter_of_one_value_is_given_once(
    client: httpx.AsyncClient, idle_run: Run, method: str, path: str, name: str, is_list: bool
) -> None:
    address = f"{filled(path, idle_run.id)}?{name}=1&{name}=2"

    answer = await client.request(method, address)

    is_refused = answer.status_code == 422 and method != "HEAD" and "more than once" in answer.text
    assert is_refused == (not is_list and method != "HEAD")
    if is_refused:
        assert answer.json()["errors"][0]["pointer"] == name


@pytest.mark.parametrize(
    "query", ["seed=1&seed=2", "seed=1&seed=1", "n=2&n=3", "format=png&format=webp", "model=tiny&seed=1&model=tiny"]
)
async def test_a_picture_is_not_drawn_of_two_values(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/generate?{query}")

    name = "model" if query.startswith("model") else query.partition("=")[0]
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, name)
    assert "once" in answer.json()["detail"]


async def test_labels_may_be_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate?seed=1&n=2&label=0&label=1")

    assert answer.status_code == 200
