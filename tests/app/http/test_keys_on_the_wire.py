"""Keys through a real socket: headers that no client library sends, streams that end with their key, what is logged."""

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.keys import KeysFile, KeyWanted
from ganymede.schemas.keys import KeyScope
from tests.fixtures import Server, StartServer


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def make(file: KeysFile, *scopes: KeyScope, **wanted: Any) -> str:
    return file.create(KeyWanted.model_validate({"scopes": scopes, **wanted})).text.get_secret_value()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keyed")


@pytest.fixture(scope="module")
def served(start_server: StartServer, home: Path) -> Server:
    file = KeysFile(home / "api-keys.json")
    make(file, KeyScope.ADMIN, name="first")
    return start_server(home, GANYMEDE_ACCESS_LOG="true")


@pytest.fixture
def file(home: Path) -> KeysFile:
    return KeysFile(home / "api-keys.json")


def exchange(server: Server, request: bytes) -> tuple[int, dict[str, Any]]:
    with socket.create_connection((server.host, server.port), 300) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), json.loads(body)


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ("Authorization: Bearer KEY\r\nAuthorization: Bearer KEY", 401, "more than once"),
        ("Authorization: Bearer KEY\r\nauthorization: Bearer x", 401, "more than once"),
        ("Authorization: Bearer x\r\nAuthorization: Bearer KEY", 401, "more than once"),
        ("Authorization: Bearer " + "A" * 2**20, 401, "1048583 bytes"),
        ("Authorization: Bearer KEY\r\n x", 400, "one line"),
        ("Authorization: Bearer \xff\xfe", 401, "no key"),
        ("Authorization: Bearer \u0661", 401, "no key"),
        ("X-Authorization: Bearer KEY", 401, "a key is needed"),
        ("Cookie: Authorization=KEY", 401, "a key is needed"),
    ],
)
def test_a_header_that_attacks_is_refused_plainly(
    served: Server, file: KeysFile, headers: str, status: int, told: str
) -> None:
    key = make(file, KeyScope.READ)
    lines = headers.replace("KEY", key)

    got, body = exchange(
        served, f"GET /train HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n\r\n".encode()
    )

    assert got == status, body
    assert told in body["detail"]
    assert key[17:] not in json.dumps(body)


@pytest.mark.parametrize("path", ["/events", "RUN"])
@pytest.mark.parametrize("how", ["revoked", "expired", "damaged"])
def test_a_stream_ends_with_the_key_that_opened_it(served: Server, file: KeysFile, path: str, how: str) -> None:
    admin = make(file, KeyScope.ADMIN)
    ends = datetime.now(UTC) + timedelta(seconds=2) if how == "expired" else None
    key = make(file, KeyScope.READ, expires_at=ends)
    whole = file.path.read_bytes()
    with served.client() as client:
        if path == "RUN":
            body = {"recipe": "cgan", "dataset": "mnist-10k"}
            path = f"/train/{client.post('/train', json=body, headers=bearer(admin)).json()['id']}/events"
        headers = {**bearer(key), "Accept": "text/event-stream"}
        try:
            with client.stream("GET", path, headers=headers, timeout=60) as stream:
                chunks = stream.iter_text()
                assert stream.status_code == 200
                next(chunks)  # at once: what ends it comes before anybody has looked again
                if how == "revoked":
                    file.revoke(key)
                if how == "damaged":
                    file.path.write_text("{}")
                for _ in chunks:
                    pass  # it ends
        finally:
            if how == "damaged":
                file.path.write_bytes(whole)
        if how != "damaged":
            assert client.get(path, headers=headers).status_code == 401


def test_a_key_is_in_no_log_no_status_and_no_process_list(served: Server, file: KeysFile) -> None:
    key = make(file, KeyScope.ADMIN)
    with served.client() as client:
        for path in ("/status", "/train", "/models/x", "/nothing", "/metrics", "/queue"):
            assert key[17:] not in client.get(path, headers=bearer(key)).text
        client.get(f"/train?key={key}")
        client.post("/train", content=b"{", headers={**bearer(key), "Content-Type": "application/json"})
    command_line = Path(f"/proc/{served.process.pid}/cmdline")

    log = (served.store.parent / "log").read_text()
    assert "gnm_" in log  # who asked is told by the public part
    assert key[17:] not in log
    assert not command_line.exists() or key[17:] not in command_line.read_text()


def test_many_keys_come_and_go_while_requests_do(served: Server, file: KeysFile) -> None:
    admin = make(file, KeyScope.ADMIN)
    deadline = time.monotonic() + 1
    with served.client() as client:
        while time.monotonic() < deadline:
            key = make(file, KeyScope.READ)
            assert client.get("/train", headers=bearer(key)).status_code == 200
            file.revoke(key)
            assert client.get("/train", headers=bearer(key)).status_code == 401
            assert client.get("/train", headers=bearer(admin)).status_code == 200
