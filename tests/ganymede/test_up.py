"""`ganymede up` for real: the API, a worker and the broker in processes of their own. No training."""

import io
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from rich.console import Console

import models
from core.settings import Settings
from ganymede import Client
from ganymede.broker import Broker
from ganymede.supervisor import free_port
from ganymede.up import introduce, why_not_ready
from tests.fixtures import http_get
from tests.ganymede.conftest import Launch, Run
from tests.ganymede.contract import Answer, Contract

STARTER = Path(models.__file__).parent / "starter" / "digits"


pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")]


def answers(port: int) -> bool:
    try:
        return http_get(f"http://127.0.0.1:{port}/livez").status_code == 200
    except httpx.TransportError:
        return False


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_where_it_keeps_all_is_told_in_one_line_however_narrow(tmp_path: Path) -> None:
    home = tmp_path / "a long [red] name"
    said = io.StringIO()

    introduce(Console(file=said, width=40), Settings(home=home), 4.1)

    assert f"all it keeps: {home}/\n" in said.getvalue()


def test_a_home_whose_name_is_in_no_known_encoding_is_told(tmp_path: Path) -> None:
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")

    introduce(Console(file=said), Settings(home=tmp_path / os.fsdecode(b"\xff")), 4.1)

    said.seek(0)
    assert f"all it keeps: {tmp_path}/\\xff/\n" in said.read()


def test_it_serves_is_alone_on_its_home_and_ends_all_it_started(launch: Launch, run: Run) -> None:
    port = free_port()
    up = launch(port)
    up.wait_for(lambda: answers(port))
    up.wait_for(lambda: up.children().keys() == {"app", "worker", "valkey"})
    children = up.children()
    degraded = http_get(f"http://127.0.0.1:{port}/readyz").json()["degraded"]

    second = run("up", home=str(up.home), port=str(free_port()))
    other = run("up", home=str(up.home.with_name("other")), port=str(port))
    os.kill(children["app"], signal.SIGKILL)
    up.wait_for(lambda: up.children().get("app", children["app"]) != children["app"])
    revived = up.children()
    up.process.terminate()

    assert up.process.wait(300) == 0, up.said()
    assert "the API ended with status -9; starting it again" in up.said()
    assert "redis" not in degraded
    assert (second.returncode, other.returncode) == (1, 1)
    assert f"Ganymede is running on {up.home} already" in second.stderr
    assert f"127.0.0.1:{port}" in other.stderr
    assert "GANYMEDE_PORT" in other.stderr
    assert (revived["worker"], revived["valkey"]) == (children["worker"], children["valkey"])
    assert all(is_gone(pid) for pid in (*children.values(), *revived.values()))


def test_a_kill_ends_api_and_worker_and_the_next_one_takes_over_the_broker(launch: Launch) -> None:
    port = free_port()
    up = launch(port)
    up.wait_for(lambda: answers(port))
    up.wait_for(lambda: up.children().keys() == {"app", "worker", "valkey"})
    children = up.children()

    up.process.kill()
    up.process.wait()
    heir = launch(free_port())
    heir.wait_for(lambda: is_gone(children["app"]) and is_gone(children["worker"]))
    broker = Broker(up.home / "broker", Settings(home=up.home).broker_socket)
    still_there = broker.answers() and not is_gone(children["valkey"])
    heir.wait_for(lambda: "app" in heir.children())
    heir.process.send_signal(signal.SIGINT)

    assert heir.process.wait(300) == 0, heir.said()
    assert still_there
    assert is_gone(children["valkey"])
    assert not broker.lives()


def test_a_default_model_that_is_not_there_is_said_once_and_then_that_it_is(launch: Launch) -> None:
    port = free_port()
    up = launch(port, default_model="mine")
    up.wait_for(lambda: "does not draw yet" in up.said())
    up.wait_for(lambda: up.children().keys() == {"app", "worker", "valkey"})

    with Client(f"http://127.0.0.1:{port}") as client:
        client.models.add("mine", STARTER / "generator.safetensors", STARTER / "manifest.json")
    up.wait_for(lambda: "Ganymede is ready" in up.said())

    assert (
        up.said().count("there is no model 'mine'; train it, import it, or name another in GANYMEDE_DEFAULT_MODEL") == 1
    )
    assert up.said().count("does not draw yet") == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer({"status": "not_ready", "reason": "the engine is not running", "degraded": []}, 503), "not running"),
        (
            Answer({"status": "not_ready", "reason": "digits has no version 9", "degraded": []}, 503),
            "train it, import it",
        ),
        (Answer("<h1>Misdirected</h1>", 421), "answers with status 421"),
    ],
)
def test_what_it_waits_for_is_said_with_what_to_do(contract: Contract, answer: Answer, told: str) -> None:
    contract.on("GET", "/readyz", answer)

    why = why_not_ready(Settings(port=int(contract.url.rpartition(":")[2])))

    assert why is not None
    assert told in why
    assert ("GANYMEDE_DEFAULT_MODEL" in why) is ("version 9" in why)


class Ready(BaseHTTPRequestHandler):
    """Answers that it is ready, whatever is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


def test_a_proxy_in_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()

        assert why_not_ready(Settings(port=server.server_port)) is None
