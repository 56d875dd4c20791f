"""Uploads that break off, on a real server: the client hangs up, the service is killed. Nothing half-written stays."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from core.datasets import DatasetStore
from core.store import Store
from tests.fixtures import Server, StartServer, http_get, until
from tests.processes import children, command_line, freeze, lives, on_linux
from tests.uploads import picture, zipped

pytestmark = pytest.mark.slow

BOUNDARY = "b"


@pytest.fixture(scope="module")
def many() -> bytes:
    """A zip of pictures that take a second or two to decode."""
    large = [picture((512, 512), form="JPEG", seed=seed) for seed in range(4)]
    return zipped((f"{'ab'[i % 2]}/{i}.jpg", large[i % 4]) for i in range(400))


@pytest.fixture(scope="module")
def own(start_server: StartServer) -> Server:
    return start_server()


def body(data: bytes, name: str = "pets") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n'
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def begin(server: Server, sent: bytes, length: int | None = None) -> socket.socket:
    """Send so much of a body, and leave the connection open."""
    connection = socket.create_connection((server.host, server.port))
    head = "POST /datasets HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
    head += f"boundary={BOUNDARY}\r\nContent-Length: {length or len(sent)}\r\n\r\n"
    connection.sendall(head.encode() + sent)
    return connection


def phase(server: Server) -> str | None:
    imports = json.loads(get(server, "/status"))["imports"]
    return imports[0]["phase"] if imports else None


def importers(server: Server) -> list[int]:
    return [pid for pid in children(server.process.pid) if "core.datasets" in command_line(pid)]


def leftovers(server: Server) -> list[str]:
    return os.listdir(server.store / "tmp")


def test_a_client_that_hangs_up_in_the_middle_of_its_upload_leaves_nothing(own: Server, many: bytes) -> None:
    sent = body(many)
    with begin(own, sent[: len(sent) // 2], len(sent)):
        until(lambda: phase(own) == "receiving" and leftovers(own) != [])

    until(lambda: leftovers(own) == [])
    assert phase(own) is None
    assert "Traceback" not in (own.store.parent / "log").read_text()


@on_linux
def test_a_client_that_hangs_up_while_its_pictures_are_decoded_ends_the_import(own: Server, many: bytes) -> None:
    with begin(own, body(many)):
        until(lambda: phase(own) == "decoding")
        (process,) = importers(own)

    until(lambda: leftovers(own) == [])
    assert not lives(process)
    assert phase(own) is None
    assert "pets" not in DatasetStore(Store(own.store)).names()
    assert "Traceback" not in (own.store.parent / "log").read_text()


@on_linux
@pytest.mark.parametrize("stage", ["receiving", "looking", "decoding"])
def test_a_service_that_is_killed_leaves_nothing_once_it_is_started_again(
    start_server: StartServer, tmp_path: Path, many: bytes, stage: str
) -> None:
    server = start_server(tmp_path)
    sent = body(many)
    part = sent[: len(sent) // 2] if stage == "receiving" else sent
    with begin(server, part, len(sent)):
        until(lambda: phase(server) == stage and leftovers(server) != [])
        running = importers(server)
        server.process.kill()
        server.process.wait()
        until(lambda: not any(lives(pid) for pid in running))
    left = leftovers(server)

    again = start_server(tmp_path)

    names = [entry["name"] for entry in json.loads(get(again, "/datasets"))["data"]]
    assert len(running) == (stage != "receiving")
    assert left != []
    assert leftovers(again) == []
    assert names == ["mnist-10k"]


@on_linux
def test_an_import_whose_process_is_killed_is_told_and_leaves_nothing(own: Server, many: bytes) -> None:
    with begin(own, body(many)) as connection:
        until(lambda: phase(own) == "decoding")
        (process,) = importers(own)
        os.kill(process, signal.SIGKILL)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(100_000)

    assert answer.startswith(b"HTTP/1.1 500")
    assert b"ended with status -9" in answer
    assert leftovers(own) == []


@on_linux
def test_a_service_that_is_told_to_end_ends_its_import_too(
    start_server: StartServer, tmp_path: Path, many: bytes
) -> None:
    server = start_server(tmp_path)
    with begin(server, body(many)):
        until(lambda: phase(server) == "looking")
        (process,) = importers(server)
        freeze(process)  # it will never be done
        server.process.terminate()
        try:
            server.process.wait(300)
        except subprocess.TimeoutExpired:
            pytest.fail("it waits for an import that hangs")

    assert not lives(process)
    assert leftovers(server) == []


def get(server: Server, path: str) -> bytes:
    return http_get(f"{server.url}{path}").content
