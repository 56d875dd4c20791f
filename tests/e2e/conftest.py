"""A whole service as a user starts it: `ganymede up` in its own process, on a free port, with its own home."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ganymede.supervisor import free_port
from tests.fixtures import http_client, until
from tests.processes import children, command_line

READY_WITHIN_S = 120.0
SMALL = {"batch_size": 4, "width": 16, "latent_dim": 8}


@dataclass
class Service:
    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def client(self) -> httpx.Client:
        return http_client(f"http://127.0.0.1:{self.port}")

    def child(self, module: str) -> int:
        """The pid of `python -m module`."""
        return next(pid for pid in children(self.process.pid) if f"-m {module} " in command_line(pid))

    def horse(self) -> int:
        """The pid of the process that trains."""
        return int(until(lambda: next(iter(children(self.child("worker"))), 0), 300, "a work horse", 0.1))

    def train(self, steps: int, model: str, publish: dict[str, Any] | None = None, **config: Any) -> str:
        body = {
            "recipe": "cgan",
            "dataset": "mnist-10k",
            "model": model,
            "config": {"extractor": "none", **SMALL, "steps": steps, **config},
            "publish": publish or {},
        }
        with self.client as client:
            answer = client.post("/train", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        with self.client as client:
            body: dict[str, Any] = client.get(f"/train/{run_id}").json()
        return body

    def reaches(self, run_id: str, step: int, within_s: float = 600.0) -> dict[str, Any]:
        """Wait until the run has got to `step`."""
        reached: dict[str, Any] = until(
            lambda: (body := self.run(run_id))["progress"]["step"] >= step and body, within_s, f"step {step}", 0.1
        )
        return reached

    def ends(self, run_id: str, within_s: float = 600.0) -> dict[str, Any]:
        ended: dict[str, Any] = until(
            lambda: (body := self.run(run_id))["is_terminal"] and body, within_s, f"the end of {run_id}", 0.1
        )
        return ended

    def is_ready(self) -> bool:
        try:
            with self.client as client:
                return client.get("/readyz").json()["status"] == "ready"
        except (httpx.TransportError, json.JSONDecodeError):
            return False


def start(home: Path) -> Service:
    port = free_port()
    environment = {**os.environ, "GANYMEDE_HOME": str(home), "GANYMEDE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-c", "from ganymede.cli import app; app()", "up"], env=environment)
    service = Service(home, port, process)
    until(service.is_ready, READY_WITHIN_S, "the service is ready", 0.1)
    return service


def stop(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    service.process.wait(100)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    started = start(tmp_path_factory.mktemp("home"))
    yield started
    stop(started)
