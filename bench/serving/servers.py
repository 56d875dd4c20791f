"""Starts and stops the servers that are compared: one at a time, on a free loopback port. Knows no load.

Ganymede is `python -m app` with a store of its own and no Redis: it draws without one. A peer runs in a folder that
holds the weights alone.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from bench.proc import descendants, engine_of, lives
from ganymede.supervisor import free_port
from models.version import WEIGHTS_FILE

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
READY_WITHIN_S, STOPS_WITHIN_S = 180.0, 20.0
PLACEHOLDER = "{port}"

Asked = Mapping[str, str | int]


class ServerFailed(Exception):
    """A server did not start, or did not draw; the text has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """How one contestant is started and asked."""

    name: str
    command: tuple[str, ...]  # after the Python; {port} stands for the port
    python: Path = PEERS_PYTHON
    method: str = "GET"  # how it wants to be asked
    path: str = "/generate"
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = False

    def parameters(self, model: str, asked: Asked) -> dict[str, str | int]:
        """Peers serve one model and cannot be told which."""
        return {**asked, "model": model} if self.is_ours else dict(asked)


def _peer(name: str, module: str, *options: str, method: str = "POST") -> Server:
    return Server(name=name, command=("-m", f"bench.serving.peers.{module}", *options), method=method)


OURS = Server(
    name="Ganymede",
    command=("-m", "app"),
    python=Path(sys.executable),
    environment={"OMP_WAIT_POLICY": "PASSIVE"},  # as `ganymede up` starts it
    is_ours=True,
)
CONSTANT = Server(
    name="constant PNG", command=("-m", "bench.serving.peers.constant", PLACEHOLDER), python=Path(sys.executable)
)
PEERS = (
    _peer("FastAPI", "fastapi_plain", PLACEHOLDER, method="GET"),
    _peer("FastAPI + threads", "fastapi_pool", PLACEHOLDER, method="GET"),
    _peer("LitServe", "litserve_batched", PLACEHOLDER),
    _peer("mosec", "mosec_batched", "--address", "127.0.0.1", "--port", PLACEHOLDER, "--timeout", "120000"),
    Server(
        name="BentoML",
        command=(
            *("-m", "bentoml", "serve", "bench.serving.peers.bentoml_batched:Generate"),
            *("--host", "127.0.0.1", "--port", PLACEHOLDER),
        ),
        method="POST",
        environment={"BENTOML_DO_NOT_TRACK": "True"},
    ),
)


class Running:
    """A server that is up and draws `model`."""

    def __init__(self, server: Server, model: str, port: int, pid: int) -> None:
        self.server, self.model, self.port, self.pid = server, model, port, pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def engine_pid(self) -> int:
        """The process that draws for ours."""
        return engine_of(self.pid)

    def ask(self, method: str | None = None, headers: Mapping[str, str] | None = None, **asked: Any) -> httpx.Response:
        """One request, outside of any measurement."""
        parameters = self.server.parameters(self.model, asked)
        method = method or self.server.method
        with httpx.Client(base_url=self.url, timeout=120, trust_env=False) as client:
            if method == "GET":
                return client.get(self.server.path, params=parameters, headers=headers)
            return client.post(self.server.path, json=parameters, headers=headers)

    def cache_hits(self) -> float:
        """Answers that ours has given without drawing them; of the others 0: they remember nothing."""
        if not self.server.is_ours:
            return 0.0
        with httpx.Client(base_url=self.url, timeout=120, trust_env=False) as client:
            told = client.get("/metrics").text
        return sum(map(float, re.findall(r'^ganymede_cache_hits_total\{kind="\w+"\} (\S+)$', told, re.MULTILINE)))


@contextlib.contextmanager
def running(server: Server, model: str, weights: Path, folder: Path, home: Path) -> Iterator[Running]:
    """The server, ready to draw; it and all its processes are gone at the end.

    weights: the folder of the published version. folder: for its log, and as its working directory.
    home: GANYMEDE_HOME of ours.

    Raises:
        ServerFailed: it ended, or does not draw within READY_WITHIN_S.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    port = free_port()
    own = {"GANYMEDE_HOME": str(home), "GANYMEDE_PORT": str(port), "GANYMEDE_DEFAULT_MODEL": model}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **server.environment, **(own if server.is_ours else {})}
    command = [str(server.python), *(part.replace(PLACEHOLDER, str(port)) for part in server.command)]
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            up = Running(server, model, port, process.pid)
            _wait(up, process, log)
            yield up
        finally:
            _stop(process)


def _wait(up: Running, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    said = "no answer"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = up.ask(seed=0, n=1, format="png")
            if answer.status_code == httpx.codes.OK:
                return
            said = f"{answer.status_code} {answer.text[:200]}"
        except httpx.TransportError as error:
            said = repr(error)
        time.sleep(0.2)
    log.seek(0)
    tail = log.read()[-2000:].decode(errors="replace")
    raise ServerFailed(f"{up.server.name} does not draw ({said}, status {process.poll()}); the end of its log:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then end it and whatever it started: some peers give their workers sessions of their own."""
    family = [process.pid, *descendants(process.pid)]
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN_S)
    deadline = time.monotonic() + STOPS_WITHIN_S
    while any(map(lives, family[1:])) and process.poll() is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in filter(lives, family):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
