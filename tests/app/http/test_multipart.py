"""Multipart bodies: what is no body of two known parts, how large it may be, and what is left of one that broke off."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.settings import Settings
from core.store import Store
from ganymede.supervisor import free_port
from tests.fixtures import PublishTiny, Serve, until

IMPORT = "/models/copy/versions"
W, M = ("weights", ("w", b"1")), ("manifest", ("m", b"{}"))


def part(name: str, content: bytes = b"1", more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


async def send(client: httpx.AsyncClient, body: Any, kind: str = "multipart/form-data; boundary=b") -> httpx.Response:
    return await client.post(IMPORT, content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (part("weights") + b"--b--\r\n", "parts are missing: manifest"),
        (b"--b--\r\n", "parts are missing: weights, manifest"),
        (b"", "ends before its last boundary"),
        (part("weights"), "ends before its last boundary"),
        (part("weights") + part("manifest")[:-4], "ends before its last boundary"),
        (part("weights") * 2 + b"--b--\r\n", "/weights: is there twice"),
        (part("weights") + part("manifest") + part("more") + b"--b--\r\n", "got one named 'more'"),
        (part("../../escaped") + b"--b--\r\n", "got one named '../../escaped'"),
        (part("", more="; filename=x") + b"--b--\r\n", "got one named ''"),
        (b"--b\r\n\r\nno header\r\n--b--\r\n", "got one named ''"),
        (b"--c\r\n", "not multipart/form-data"),
        (b"hello", "not multipart/form-data"),
        (b"--b\r\nContent-Disposition: " + b"x" * 10_000, "not multipart/form-data"),
        (part("weights") + part("manifest", b"x" * (2**20 + 1)) + b"--b--\r\n", "/manifest: may have up to 1048576"),
    ],
)
async def test_a_body_of_other_parts_is_refused(
    client: httpx.AsyncClient, store: Store, body: bytes, complaint: str
) -> None:
    answer = await send(client, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert complaint in answer.json()["detail"]
    assert list(store.path("tmp").iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=b", "text/plain", ""]
)
async def test_what_is_no_multipart_body_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await send(client, b"{}", kind)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "multipart/form-data" in answer.json()["detail"]


@pytest.fixture
async def narrow(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A service that takes uploads of 3 MiB."""
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"max_upload": 3 << 20}))) as ready:
        yield ready


async def chunks(total: int) -> AsyncIterator[bytes]:
    yield part("weights", b"")[:-2]
    for _ in range(total >> 16):
        yield bytes(1 << 16)
    yield b"\r\n--b--\r\n"


@pytest.mark.parametrize(("size", "status"), [(2 << 20, 422), (4 << 20, 413)])
async def test_an_upload_may_be_as_large_as_the_setting_says(
    narrow: httpx.AsyncClient, store: Store, size: int, status: int
) -> None:
    with_length = await send(narrow, part("weights", bytes(size)) + b"--b--\r\n")
    without = await send(narrow, chunks(size))

    assert [answer.status_code for answer in (with_length, without)] == [status] * 2
    for answer in (with_length, without):
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert list(store.path("tmp").iterdir()) == []


@pytest.mark.parametrize("path", ["/generate", "/train", "/models/tiny/aliases/best", "/models/copy/versions/1"])
async def test_no_other_body_may_be_as_large(narrow: httpx.AsyncClient, path: str) -> None:
    method = "PUT" if "aliases" in path else "POST"
    with_length = await narrow.request(method, path, content=bytes(2 << 20))
    without = await narrow.request(method, path, content=chunks(2 << 20), headers={"Content-Type": "application/json"})

    assert with_length.status_code == 413
    assert without.status_code in (405, 413)


def test_an_upload_that_broke_off_leaves_nothing_and_one_that_was_killed_nothing_after_the_next_start(
    tmp_path: Path, broker_url: str
) -> None:
    port, log = free_port(), tmp_path / "log"
    environment = {**os.environ, "GANYMEDE_HOME": str(tmp_path), "GANYMEDE_PORT": str(port)}
    environment |= {"GANYMEDE_REDIS_URL": broker_url, "GANYMEDE_DEFAULT_MODEL": "none"}
    store = Store(tmp_path / "store")
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "app"], env=environment, stderr=file)
    try:
        until(lambda: answers(port))
        with socket.create_connection(("127.0.0.1", port)) as gone:
            begin_upload(gone, store)
        until(lambda: not list(store.path("tmp").iterdir()))
        with socket.create_connection(("127.0.0.1", port)) as cut:
            begin_upload(cut, store)
            process.kill()
            process.wait()
    finally:
        process.kill()
    left = list(store.path("tmp").iterdir())

    store.sweep()

    assert left != []
    assert list(store.path("tmp").iterdir()) == []
    assert not store.has("models/copy")
    assert "Traceback" not in log.read_text()


def begin_upload(connection: socket.socket, store: Store) -> None:
    """Send a part of a body, and wait until it is on the disk."""
    head = f"POST {IMPORT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    connection.sendall(f"{head}Content-Length: 9000000\r\n\r\n".encode() + part("weights", bytes(200_000)))
    until(lambda: any(path.stat().st_size > 100_000 for path in store.path("tmp").glob("*/weights")))


def answers(port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
