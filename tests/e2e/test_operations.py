"""What operations.md prints beside curl: the parts started one by one, a backup and its restoring."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ganymede.broker import find_server
from ganymede.supervisor import free_port
from tests.e2e.conftest import SMALL, start, stop
from tests.fixtures import http_client, until

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/api.md", "docs/operations.md")
PRINTED = [
    line
    for page in PAGES
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    for line in re.sub(r"\\\n|\n  ", " ", block).splitlines()
]
TRIED = {
    "curl ": "test_readme.py",
    "ganymede ": "test_readme.py",
    ". .venv/bin/activate": "puts `ganymede` on the PATH",
    "make ": "CI calls them",
    "docker compose ": "needs Docker and an image registry",
    ".venv/bin/ganymede keys ": "tests/ganymede/test_keys.py",
    "GANYMEDE_REDIS_URL=": "here",
    "tar ": "here",
    "cp -p ": "here",
    "git pull ": "an update",
    "rm -rf var/store && tar ": "here",
    "QUEUE=": "here",
    ".venv/bin/rq info ": "here",
    "python3 -m venv dashboard ": "needs a package index",
    "dashboard/bin/rq-dashboard ": "needs what the line before installs",
}


def printed(beginning: str) -> str:
    """The one printed command that begins so."""
    (found,) = (line for line in PRINTED if line.startswith(beginning))
    return found


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[int]:
    """An empty Valkey on TCP, as somebody else would keep it."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen([str(find_server()), *options], stdout=subprocess.DEVNULL)
    yield port
    server.terminate()
    server.wait(300)


@pytest.mark.parametrize("line", PRINTED)
def test_every_printed_command_is_tried_somewhere(line: str) -> None:
    assert line.startswith(tuple(TRIED)), line


@pytest.mark.slow
def test_the_parts_can_be_started_one_by_one(tmp_path: Path, redis_port: int) -> None:
    commands = [line for line in PRINTED if line.startswith("GANYMEDE_REDIS_URL=")]
    port = free_port()
    environment = {**os.environ, "GANYMEDE_HOME": str(tmp_path / "home"), "GANYMEDE_PORT": str(port)}
    ours = [
        command.replace(".venv/bin/python", f"exec {shlex.quote(sys.executable)}").replace("6379", str(redis_port))
        for command in commands
    ]

    parts = [subprocess.Popen(["bash", "-c", command], cwd=ROOT, env=environment) for command in ours]
    try:
        with http_client(f"http://127.0.0.1:{port}") as client:
            until(lambda: _answers(client, "/readyz"), 300, "the API is ready")
            workers = until(lambda: client.get("/workers").json()["data"], 300, "the worker is there")
            degraded = client.get("/readyz").json()["degraded"]
        look = "\n".join([printed("QUEUE="), printed(".venv/bin/rq info ")]).replace(
            ".venv/bin", str(Path(sys.executable).parent)
        )
        there = {**environment, "GANYMEDE_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"}
        told = subprocess.run(["bash", "-c", look], cwd=ROOT, env=there, capture_output=True, text=True, timeout=300)
    finally:
        for part in parts:
            part.send_signal(signal.SIGTERM)
        ended = [part.wait(300) for part in parts]

    assert [command.split()[-1] for command in commands] == ["app", "worker"]
    assert [worker["is_alive"] for worker in workers] == [True]
    assert degraded == []
    assert "1 workers, " in told.stdout, told
    assert ended[1] == 0


@pytest.mark.slow
def test_a_backup_brings_models_and_runs_back(tmp_path: Path) -> None:
    service = start(tmp_path / "var")
    run_id = service.train(steps=20, model="kept", publish={"every_steps": 10}, **SMALL)
    service.ends(run_id)
    with service.client as client:
        before = client.get("/generate?model=kept@2&seed=7&label=3").content
    stop(service)

    (tmp_path / "var" / "api-keys.json").write_text('{"schema": 1, "keys": []}')
    for command in (printed("cp -p "), printed("tar "), printed("rm -rf var/store && tar ")):
        subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    service = start(tmp_path / "var")
    with service.client as client:
        after = client.get("/generate?model=kept@2&seed=7&label=3").content
    run = service.run(run_id)
    stop(service)

    assert (tmp_path / "ganymede-store.tar.gz").stat().st_size > 10_000
    assert (tmp_path / "ganymede-api-keys.json").read_bytes() == (tmp_path / "var" / "api-keys.json").read_bytes()
    assert before.startswith(b"\x89PNG")
    assert after == before
    assert run["status"] == "succeeded"


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False
