"""What the tests of the command share: a short folder for sockets, the command in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from ganymede.broker import Broker
from ganymede.cli import app
from ganymede.client import connection
from ganymede.supervisor import free_port
from tests.fixtures import http_get
from tests.ganymede import hostile
from tests.ganymede.contract import Contract, serving

GANYMEDE = [sys.executable, "-c", "from ganymede.cli import app; app()"]

Ganymede = Callable[..., Result]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name, also on macOS."""
    folder = Path(tempfile.mkdtemp(prefix="gny-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(**settings: str) -> dict[str, str]:
    """This process's environment, with these Ganymede settings and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GANYMEDE_")}
    return plain | {f"GANYMEDE_{name.upper()}": value for name, value in settings.items()}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `ganymede` to its end, in an empty folder."""

    def run_to_end(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*GANYMEDE, *words],
            env=environment(**settings),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run_to_end


@pytest.fixture
def contract() -> Iterator[Contract]:
    """A server that answers as the test scripts it."""
    with serving() as server:
        yield server


@pytest.fixture
def ganymede(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> Ganymede:
    """Runs a command against the scripted service, in this process."""
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    for name in ("GANYMEDE_URL", "GANYMEDE_PORT"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*words: str, url: str = contract.url) -> Result:
        return CliRunner().invoke(app, [*words, "--url", url], catch_exceptions=False)

    return invoke


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[str]:
    """The address of a real API without a worker: it draws the bundled digits, and runs stay queued."""
    home, port = tmp_path_factory.mktemp("api"), free_port()
    settings = environment(home=str(home), port=str(port), redis_url=f"unix://{broker.socket_path}")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "app"], env=settings, stdout=log, stderr=log)
    deadline = time.monotonic() + 300
    while not _is_ready(f"http://127.0.0.1:{port}"):
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline, (home / "log").read_text()
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(300)


def _is_ready(url: str) -> bool:
    try:
        return http_get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


class Up:
    """A running `ganymede up`, in a folder full of names that Python must not find there."""

    def __init__(self, home: Path, log: Path, port: int, **settings: str) -> None:
        self.home, self.log, self.port = home, log, port
        self.cwd = hostile.folder(log.with_suffix(""))
        self.seen: dict[int, list[str]] = {}  # children: when each began
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from ganymede.cli import app; app()", "up"],  # as its script does
                env=environment(home=str(home), port=str(port), **settings),
                cwd=self.cwd,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, look: Callable[[], bool], within_s: float = 300.0) -> None:
        """Until `look()`; shows the log if it takes too long, or if the command ends before."""
        deadline = time.monotonic() + within_s
        while not look():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def children(self) -> dict[str, int]:
        """Process ids of what it started: `app` and `worker` by module name, the broker as `valkey`."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and _stat(entry)[1:2] == [str(self.process.pid)]:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found[words[3].decode() if words[1:3] == [b"-P", b"-m"] else "valkey"] = int(entry.name)
                self.seen[int(entry.name)] = _stat(entry)[19:20]
        return found

    def end(self) -> None:
        """End it, and what a failed test has left of its children."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(300)
        for pid, began_at in self.seen.items():
            if began_at and _stat(Path(f"/proc/{pid}"))[19:20] == began_at:  # else it is another process by now
                os.kill(pid, signal.SIGKILL)


Launch = Callable[..., Up]


def _stat(entry: Path) -> list[str]:
    """State, parent and so on of a process, from the third field of /proc/PID/stat; empty when it has gone."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@pytest.fixture
def launch(short: Path) -> Iterator[Launch]:
    """Starts `ganymede up` on a HOME of its own; whatever it started is ended after the test."""
    started: list[Up] = []

    def begin(port: int, **settings: str) -> Up:
        started.append(Up(short / "home", short / f"up-{len(started)}.log", port, **settings))
        return started[-1]

    yield begin
    for up in started:
        up.end()
