"""Who hangs up while a run is measured leaves no process behind; nor does a service that ends. On a real server."""

import contextlib
import json
import os
import socket
import time
from pathlib import Path

import pytest

from tests.fixtures import Server, StartServer, http_get, until
from tests.processes import children, command_line, lives, on_linux

BODY = {"recipe": "cgan", "dataset": "mnist-10k"}

pytestmark = [on_linux, pytest.mark.slow]


def ask(server: Server, **changes: object) -> socket.socket:
    content = json.dumps({**BODY, **changes}).encode()
    connection = socket.create_connection((server.host, server.port))
    head = "POST /train/validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return connection


def measuring(server: Server) -> list[int]:
    return [child for child in children(server.process.pid) if "worker.probe" in command_line(child)]


def places(server: Server) -> set[tuple[int, int]]:
    """Niceness and oom_score_adj of what measures."""
    found = set()
    for process in measuring(server):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            niceness = os.getpriority(os.PRIO_PROCESS, process)
            found.add((niceness, int(Path(f"/proc/{process}/oom_score_adj").read_text())))
    return found


def test_who_hangs_up_ends_the_measurement_unless_others_wait_for_it(server: Server) -> None:
    first, second = ask(server), ask(server, seed=3)
    until(lambda: len(measuring(server)) == 1)
    (process,) = measuring(server)

    first.close()
    time.sleep(0.3)
    is_still_there = lives(process)
    second.close()

    assert is_still_there
    until(lambda: not lives(process))
    assert measuring(server) == []
    assert http_get(f"{server.url}/livez").status_code == 200


def test_a_measurement_runs_behind_all_others_and_is_the_first_to_go_when_memory_runs_out(server: Server) -> None:
    behind = min(os.getpriority(os.PRIO_PROCESS, server.process.pid) + 10, 19)

    with contextlib.ExitStack() as waiting:  # several: on a busy machine one may be given up before it is seen
        for batch_size in (32, 48, 64, 80):
            waiting.enter_context(ask(server, config={"batch_size": batch_size}))
        until(lambda: (behind, 1000) in places(server))
        answered = http_get(f"{server.url}/livez")

    assert answered.status_code == 200
    until(lambda: measuring(server) == [])


@pytest.mark.parametrize("signal", ["kill", "terminate"])
def test_no_measurement_outlives_its_service(start_server: StartServer, signal: str) -> None:
    own = start_server()
    with ask(own):
        until(lambda: len(measuring(own)) == 1)
        (process,) = measuring(own)

        getattr(own.process, signal)()
        own.process.wait(300)

        until(lambda: not lives(process))
