"""A service with a HOME of its own: processes to be started, hit and ended one by one. Knows not what hits them."""

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx

from core.machine.lifeline import die_with_parent
from core.machine.processes import python_module
from core.store import Store
from ganymede.broker import Broker
from ganymede.supervisor import free_port

ANSWERS_WITHIN_S = 300.0  # the API, after its start, on a busy machine
STOPS_WITHIN_S = 300.0
PARTS = {"api": "app", "worker": "worker"}


class ServiceFailed(Exception):
    """A process did not do what it had to; the text says which, and where its log is."""


class OwnService:
    """Broker, API and worker. `settings` are environment variables, without their prefix."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home, self.port = home, free_port()
        self.broker = Broker(home / "broker", home / "s")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own = {
            "HOME": str(home),
            "PORT": str(self.port),
            "REDIS_URL": f"unix://{self.broker.socket_path}",
            "DEVICE": "cpu",
            **settings,
        }
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GANYMEDE_")}
        self.environment |= {f"GANYMEDE_{name}": value for name, value in own.items()}
        self.environment["OMP_WAIT_POLICY"] = "PASSIVE"  # as `ganymede up` starts them

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Store:
        return Store(Path(self.environment.get("GANYMEDE_STORE", str(self.home / "store"))))

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=120, **options)  # type: ignore[arg-type]

    def start(self, part: str, **environment: str) -> None:
        """Start the API or the worker; what it prints goes to HOME/<part>.log."""
        with (self.home / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                python_module(PARTS[part]),
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=functools.partial(die_with_parent, os.getpid(), signal.SIGTERM),
            )

    def pid(self, part: str) -> int:
        return self.processes[part].pid

    def lives(self, part: str) -> bool:
        return part in self.processes and self.processes[part].poll() is None

    def end(self, part: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal that ends it, and wait for that."""
        process = self.processes.pop(part)
        process.send_signal(number)
        try:
            process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServiceFailed(f"the {part} did not end within {STOPS_WITHIN_S:g} s") from None

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            with contextlib.suppress(httpx.TransportError), self.client() as client:
                client.get("/livez")
                return
            if not self.lives("api") or time.monotonic() > deadline:
                raise ServiceFailed(f"the API does not answer; its log is {self.home / 'api.log'}")
            time.sleep(0.1)

    @classmethod
    @contextlib.contextmanager
    def running(cls, home: Path, *parts: str, **settings: str) -> Iterator[Self]:
        """The broker and these parts; all are gone at the end."""
        service = cls(home, **settings)
        service.broker.start()
        try:
            for part in parts:
                service.start(part)
            if "api" in parts:
                service.wait_until_it_answers()
            yield service
        finally:
            service.stop()

    def stop(self) -> None:
        for part in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(part), signal.SIGCONT)
            self.end(part)
        self.broker.stop()
