"""What every request passes first: Host, Origin, Request-Id, the size of its body. Through a real socket where the
client library would tidy up what is sent."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.http.guard import host_name
from app.main import create_app
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve

DRAW: dict[str, Any] = {"seed": 1}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("localhost:8000", "localhost"),
        ("LocalHost:8000", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::1]:8000", "[::1]"),
        ("", ""),
        (":8000", ""),
        ("[::1]evil.example", ""),
        ("[::1", ""),
        ("localhost:evil", ""),
        ("evil.example:80:localhost", ""),
        ("localhost.", "localhost"),
        ("LOCALHOST.:8000", "localhost"),
        ("localhost..", "localhost."),
        (".", ""),
        ("[0:0:0:0:0:0:0:1]:8000", "[::1]"),
        ("[FE80::A]", "[fe80::a]"),
        ("[:::]", ""),
        ("[::1]:", "[::1]"),
        ("localhost:\u00b2", ""),
    ],
)
def test_the_name_in_a_host_header_is_what_stands_before_the_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
async def test_a_loopback_host_is_served_on_any_port(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/livez", headers={"Host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "[::1]evil.example",
        "[::2]",
        "0.0.0.0",
        "localhost@evil.example",
        "",
    ],
)
async def test_a_foreign_host_is_refused_whatever_is_asked(client: httpx.AsyncClient, host: str) -> None:
    for method, path in (("GET", "/status"), ("POST", "/train"), ("POST", "/livez"), ("GET", "/nothing")):
        answer = await client.request(method, path, headers={"Host": host})

        assert (answer.status_code, answer.json()["code"]) == (400, "host_not_allowed")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["Request-Id"]


@pytest.fixture
async def named(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    publish_tiny()
    allowed = ("Draw.Example", "[::1]", "*.gan.example")
    async with serve(create_app(settings.model_copy(update={"allowed_hosts": allowed}))) as ready:
        yield ready


async def test_only_the_hosts_of_the_setting_are_served(named: httpx.AsyncClient) -> None:
    statuses = [
        (await named.get("/queue", headers={"Host": host})).status_code
        for host in ("draw.example:443", "DRAW.EXAMPLE", "draw.example.", "[::1]:1", "a.B.gan.example:1")
    ]
    refused = [
        (await named.get("/queue", headers={"Host": host})).status_code
        for host in ("localhost", "gan.example", "evilgan.example", "a.draw.example")
    ]

    assert statuses == [200] * 5
    assert refused == [400] * 4


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:8000", "Host": "localhost:8000"}, 200),
        ({"Origin": "http://LOCALHOST:8000", "Host": "localhost:8000"}, 200),
        ({"Origin": "http://[::1]:8000", "Host": "[::1]:8000", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://localhost", "Host": "localhost:443"}, 200),
        ({"Origin": "https://localhost:443", "Host": "localhost"}, 200),
        ({"Origin": "http://localhost:80", "Host": "localhost"}, 200),
        ({"Origin": "http://localhost", "Host": "localhost:80"}, 200),
        ({"Origin": "HTTPS://LocalHost", "Host": "LOCALHOST:0443"}, 200),
        ({"Origin": "https://[::1]", "Host": "[::1]:443"}, 200),
        ({"Origin": "https://[0:0::1]:8000", "Host": "[::1]:8000"}, 200),
        ({"Origin": "http://localhost.:8000", "Host": "localhost:8000"}, 200),
        ({"Origin": "http://localhost:8000", "Host": "localhost.:8000"}, 200),
        ({"Origin": "http://localhost", "Host": "localhost:443"}, 403),
        ({"Origin": "https://localhost", "Host": "localhost:80"}, 403),
        ({"Origin": "https://localhost:8443", "Host": "localhost"}, 403),
        ({"Origin": "http://localhost", "Host": "localhost:8000"}, 403),
        ({"Origin": "http://localhost:8000", "Host": "localhost"}, 403),
        ({"Origin": "https://[::2]", "Host": "[::1]:443"}, 403),
        ({"Origin": "https://", "Host": "localhost"}, 403),
        ({"Origin": "localhost", "Host": "localhost"}, 403),
        ({"Origin": "file://localhost", "Host": "localhost"}, 403),
        ({"Origin": "http://user@localhost", "Host": "localhost"}, 403),
        ({"Origin": "http://localhost http://localhost", "Host": "localhost"}, 403),
        ({"Origin": "http://localhost:3000", "Host": "localhost:8000"}, 403),
        ({"Origin": "http://127.0.0.1:8000", "Host": "localhost:8000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[evil"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
    ],
)
async def test_only_our_own_pages_may_change_something(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/generate", json=DRAW, headers=headers)

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "origin_not_allowed"
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()["detail"]
        named = [repr(value) for name, value in headers.items() if name in ("Host", "Origin")]
        assert all(side in told for side in (*named, "Host", "GANYMEDE_ALLOWED_HOSTS"))


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_health_is_told_to_a_probe_whatever_host_it_names(client: httpx.AsyncClient, path: str) -> None:
    hosts = ("10.1.2.3:8000", "", "[fd00::7]", "a b")

    answers = [await client.get(path, headers={"Host": host}) for host in hosts]

    assert [answer.status_code for answer in answers] == [200] * 4


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_the_origin_is_checked_before_the_route(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/nothing", headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403


async def test_a_picture_may_be_shown_on_any_page(client: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}

    got = await client.get("/generate", params=DRAW, headers=headers)
    head = await client.head("/generate", params=DRAW, headers=headers)

    assert (got.status_code, head.status_code) == (200, 200)


async def test_a_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get(path, headers={"Request-Id": "my-request.1"}) for path in ("/livez", "/generate", "/nothing")
    ]

    assert [answer.headers["Request-Id"] for answer in answers] == ["my-request.1"] * 3
    assert answers[2].json()["request_id"] == "my-request.1"


async def test_of_two_headers_of_one_name_the_first_counts(client: httpx.AsyncClient) -> None:
    twice = [("Request-Id", "first"), ("Request-Id", "second"), ("Host", "localhost"), ("Host", "evil.example")]

    answer = await client.get("/models", headers=twice)
    refused = await client.get("/models", headers=twice[::-1])

    assert (answer.status_code, answer.headers["Request-Id"]) == (200, "first")
    assert (refused.status_code, refused.headers["Request-Id"]) == (400, "second")


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "two words", "a\u00e9", "<script>"])
async def test_a_request_id_that_is_none_is_replaced_by_a_new_one(client: httpx.AsyncClient, sent: str | None) -> None:
    headers = [] if sent is None else [(b"Request-Id", sent.encode())]

    minted = [(await client.get("/livez", headers=headers)).headers["Request-Id"] for _ in range(2)]

    assert all(len(request_id) == 16 for request_id in minted)
    assert len(set(minted)) == 2


async def test_a_body_that_says_it_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/generate", content=b" " * ((1 << 20) + 1), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Request-Id"] == answer.json()["request_id"]


async def test_a_body_that_does_not_say_its_size_is_counted(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b" " * (1 << 15)

    answer = await client.post("/generate", content=pieces(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Request-Id"] == answer.json()["request_id"]


async def test_a_body_of_the_largest_size_is_read(client: httpx.AsyncClient) -> None:
    content = b'{"seed": 1}'.ljust(1 << 20)

    answer = await client.post("/generate", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 200


def say(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """Send bytes to the real server; status, headers (lower case) and body of what it answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /models HTTP/1.1\r\nHost: localhost", 200),
        (b"GET /models HTTP/1.1\r\nHost: [::1]:8000", 200),
        (b"GET /models HTTP/1.1\r\nHost: evil.example", 400),
        (b"GET /models HTTP/1.1\r\nHost:", 400),
        (b"GET /models HTTP/1.1", 400),
        (b"GET /models HTTP/1.0", 400),
        (b"GET /models HTTP/1.0\r\nHost: localhost", 200),
        (b"GET http://localhost/models HTTP/1.1\r\nHost: evil.example", 400),
        (b"GET /livez HTTP/1.1\r\nHost: 10.1.2.3:8000", 200),
        (b"GET /livez HTTP/1.1", 200),
        (b"GET /livez HTTP/1.0", 200),
        (b"GET /readyz HTTP/1.0", 503),
    ],
)
def test_a_real_server_serves_its_own_names_alone(server: Any, request_head: bytes, status: int) -> None:
    got, head, _ = say(server.port, request_head + b"\r\nConnection: close\r\n\r\n")

    assert got == status
    assert b"x-powered-by" not in head
    assert b"\r\nserver:" not in head


def test_a_real_server_sends_no_body_after_head(server: Any) -> None:
    status, head, body = say(
        server.port, b"HEAD /generate?seed=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )

    assert (status, body) == (404, b"")  # it has no model
    assert b"application/problem+json" in head


def test_a_real_server_counts_a_chunked_body(server: Any) -> None:
    head = (
        b"POST /train HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    size = (1 << 20) + 1

    status, answered, body = say(server.port, head + f"{size:x}\r\n".encode() + b" " * size + b"\r\n0\r\n\r\n")

    assert status == 413
    assert b"application/problem+json" in answered
    assert b'"code":"body_too_large"' in body
