"""What is no request of HTTP/1.1, and what is one of HTTP/1.0, said to a real server."""

import json
import socket
import time
from typing import Any

import pytest

from tests.app.http.test_guard import say

HOST = b"Host: localhost\r\n"


def asked(target: bytes, headers: bytes = b"", method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    return b"%b %b HTTP/%b\r\n%bConnection: close\r\n%b\r\n" % (method, target, version, HOST, headers)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize(
    "target",
    [
        "/datasets/größe".encode(),
        "/generate?label=größe".encode(),
        "/datasets/größe".encode("latin-1"),
        "/livez#größe".encode(),
        "http://localhost/é".encode(),
        b"/datasets/a b",
        b"/datasets/a\tb",
        b"/datasets/a\0b",
        b"/datasets/a\x01b",
        b"/datasets/a\x7fb",
        b"/datasets/%zz",
        b"/datasets/%",
        b"/generate?label=50%",
        b"/generate?label=%f",
        b"/generate?label=%u00fc",
        b"/datasets/%ff",
        b"/generate?label=gr%F6%DFe",
        b"/generate?label=%C3",
        b"/generate?label=%ed%a0%80",
        b"/datasets/a%00b",
        b"/generate?label=%00",
    ],
)
def test_an_address_that_is_written_wrongly_is_told_how_to_write_it(server: Any, target: bytes, version: bytes) -> None:
    status, head, body = say(server.port, asked(target, version=version))

    told = json.loads(body)
    assert (status, told["code"]) == (400, "bad_request")
    assert b"content-type: application/problem+json" in head
    assert b"request-id: " + told["request_id"].encode() in head
    assert "percent-encoded, as UTF-8" in told["detail"]
    assert "%C3%BC" in told["detail"]


@pytest.mark.parametrize("target", ["/datasets/gr%C3%B6%C3%9Fe", "/datasets/%F0%9F%98%80", "/datasets/100%25"])
def test_what_is_encoded_is_read(server: Any, target: str) -> None:
    status, _, body = say(server.port, asked(target.encode()))

    assert (status, json.loads(body)["code"]) == (422, "invalid_request")  # no name of a dataset


@pytest.mark.parametrize("target", [b"/generate?label=" + b"a" * 65_520, b"/datasets/" + b"a" * 200_000])
def test_an_address_that_is_too_long_is_told_the_way_out(server: Any, target: bytes) -> None:
    status, head, body = say(server.port, asked(target))

    told = json.loads(body)
    assert (status, told["code"]) == (414, "url_too_long")
    assert b"content-type: application/problem+json" in head
    assert "65535" in told["detail"]
    assert str(len(target)) in told["detail"]
    assert "POST /generate" in told["detail"]


def test_a_long_address_is_read_up_to_that_limit(server: Any) -> None:
    status, _, body = say(server.port, asked(b"/datasets/" + b"a" * 60_000))

    assert (status, json.loads(body)["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("request_bytes", "says"),
    [
        (asked(b"/livez", b"Accept: text/html,\r\n image/png\r\n"), "a header has to be in one line"),
        (asked(b"/livez", b"Bad Header: x\r\n"), "Invalid header token"),
        (asked(b"/train", b"Content-Length: 1\r\nContent-Length: 2\r\n", b"POST"), "Content-Length"),
        (asked(b"/train", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", b"POST"), "Transfer-Encoding"),
        (asked(b"/train", b"Content-Length: one\r\n", b"POST"), "Content-Length"),
        (asked(b"/livez", method=b"get"), "in capitals"),
        (asked(b"/livez", method=b"DRAW"), "in capitals"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "TLS (https)"),
        (asked(b"/livez", version=b"9.9"), "version"),
        (asked(b"livez"), "begins with /"),
        (asked(b"localhost:80", method=b"CONNECT"), "begins with /"),
        (asked(b"/livez", b"Bad Header: x\r\n", version=b"1.0"), "header"),
    ],
)
def test_what_is_no_request_is_a_problem_document_too(server: Any, request_bytes: bytes, says: str) -> None:
    status, head, body = say(server.port, request_bytes)

    told = json.loads(body)
    assert (status, told["status"], told["code"]) == (400, 400, "bad_request")
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"connection: close" in head
    assert says in told["detail"]


def test_a_later_request_on_a_connection_is_told_likewise(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = connection.recv(65536)
        connection.sendall(b"GET /\xff HTTP/1.1\r\n\r\n")
        second = b""
        while part := connection.recv(65536):
            second += part

    assert first.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 Bad Request" in second
    assert b'"code":"bad_request"' in second


@pytest.mark.parametrize("pieces", [[b"GET /livez HT", b"TP/1.1\r\nHost: localhost\r\nConn", b"ection: close\r\n\r\n"]])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_request_may_come_in_pieces(server: Any, pieces: list[bytes], version: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece.replace(b"1.1", version))
            time.sleep(0.05)
        answer = b""
        while part := connection.recv(65536):
            answer += part

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_stream_to_http_1_0_has_no_chunks_and_ends_with_the_connection(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as connection:
        connection.sendall(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b"\n\n" not in answer:
            answer += connection.recv(65536)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body.startswith(b"event: snapshot\n")


@pytest.mark.parametrize(
    "path", [b"/train/run_0/metrics?format=csv", b"/openapi.json", b"/docs", b"/models", b"/generate?seed=1"]
)
def test_no_answer_to_http_1_0_has_chunks(server: Any, path: bytes) -> None:
    _, head, _ = say(server.port, b"GET %b HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n" % path)

    assert b"transfer-encoding" not in head


def test_http_1_0_may_send_a_body(server: Any) -> None:
    body = b'{"seed": "one"}'
    headers = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)

    status, _, answer = say(server.port, asked(b"/generate", headers, b"POST", b"1.0") + body)

    assert (status, json.loads(answer)["code"]) == (422, "invalid_request")
