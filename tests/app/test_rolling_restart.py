"""Two APIs that share a store and a listening socket: one takes over from the other, and no request is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures import PLAIN

START = "exec 3<&{fd}; exec {python} -P -m app"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket, as a supervisor holds it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        yield listening


class Api:
    """One API process, started as systemd starts it."""

    def __init__(self, home: Path, broker_url: str, listener: socket.socket) -> None:
        told = home.parent / "n"
        told.unlink(missing_ok=True)
        own = {"HOME": str(home), "REDIS_URL": broker_url, "DEVICE": "cpu", "ENGINE_THREADS": "1"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GANYMEDE_")}
        environment |= {f"GANYMEDE_{name}": value for name, value in own.items()}
        environment |= {"LISTEN_FDS": "1", "NOTIFY_SOCKET": str(told)}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(str(told))
            notices.settimeout(300)
            self.process = subprocess.Popen(
                ["bash", "-c", START.format(fd=listener.fileno(), python=sys.executable)],
                env=environment,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
            assert notices.recv(100) == b"READY=1"

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(300) in (0, -signal.SIGTERM)  # uvicorn raises it again, when all is done


class Caller(threading.Thread):
    """Asks without pause, on one connection or on a new one each time, and counts."""

    def __init__(self, url: str, number: int, *, keeps_alive: bool) -> None:
        super().__init__(daemon=True)
        self.url, self.number, self.keeps_alive = url, number, keeps_alive
        self.is_over = threading.Event()
        self.answered, self.lost = 0, list[str]()

    def run(self) -> None:
        headers = {} if self.keeps_alive else {"Connection": "close"}
        with httpx.Client(base_url=self.url, headers=headers, **PLAIN) as client:
            while not self.is_over.is_set():
                try:
                    answer = client.get("/generate", params={"seed": self.number, "format": "png"})
                except httpx.TransportError as error:
                    self.lost.append(repr(error))
                else:
                    self.answered += answer.status_code == 200
                    self.lost += [] if answer.status_code == 200 else [answer.text]


@pytest.mark.slow
def test_a_rolling_restart_under_load_loses_no_request(
    tmp_path: Path, broker_url: str, listener: socket.socket
) -> None:
    url = "http://{}:{}".format(*listener.getsockname())
    clients = [Caller(url, number, keeps_alive=number % 2 == 0) for number in range(4)]
    apis = [Api(tmp_path / "home", broker_url, listener)]
    try:
        for client in clients:
            client.start()
        for _ in range(3):
            apis.append(Api(tmp_path / "home", broker_url, listener))
            apis.pop(0).end()
            before = sum(client.answered for client in clients)
            while sum(client.answered for client in clients) < before + 100 and not any(c.lost for c in clients):
                time.sleep(0.01)
    finally:
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.join()
        for api in apis:
            api.end()

    assert [client.lost for client in clients] == [[]] * 4
    assert all(client.answered > 50 for client in clients)


@pytest.mark.slow
def test_a_socket_beyond_this_machine_needs_a_key_whatever_the_settings_say(tmp_path: Path, broker_url: str) -> None:
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        listening.listen()
        ended = subprocess.run(
            ["bash", "-c", START.format(fd=listening.fileno(), python=sys.executable)],
            env={**os.environ, "GANYMEDE_HOME": str(tmp_path), "GANYMEDE_REDIS_URL": broker_url, "LISTEN_FDS": "1"},
            pass_fds=[listening.fileno()],
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert ended.returncode != 0
    assert "would let anyone who reaches this machine" in ended.stderr
