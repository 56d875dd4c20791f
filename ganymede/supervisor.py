"""Starts the broker, the API and the worker, keeps them alive, ends them in order. Knows nothing of what they do."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.machine.lifeline import die_with_parent
from core.machine.processes import python_module
from core.settings import Settings
from core.store import files
from ganymede.broker import Broker, BrokerError

LOOK_EVERY_S = 0.25
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # before a dead process is started again
STEADY_AFTER_S = 60.0  # then its next death is a first one
DEATHS_AT_START = 5  # of a process that has never been steady; it will not be
API_STOPS_WITHIN_S, WORKER_STOPS_WITHIN_S = 30.0, 60.0

Say = Callable[[str], None]


class CannotStart(Exception):
    """The service cannot be started here and now; the text says why and what to do."""


@dataclass
class Child:
    """A process that is restarted when it ends by itself."""

    name: str
    module: str
    stops_within_s: float
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = FIRST_PAUSE_S
    due_at: float = 0.0
    started_at: float = field(default=0.0)
    deaths_at_start: int = 0
    was_steady: bool = False

    def start(self, environment: Mapping[str, str]) -> None:
        on_linux = sys.platform == "linux"  # elsewhere nothing would be left of it after exec
        self.process = subprocess.Popen(
            python_module(self.module),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the others in order
            preexec_fn=functools.partial(die_with_parent, os.getpid(), signal.SIGTERM) if on_linux else None,
        )
        self.started_at = time.monotonic()

    def look_after(self, environment: Mapping[str, str], say: Say) -> None:
        """Restart it after a pause that doubles with each quick death; CannotStart if it was never steady."""
        status = None if self.process is None else self.process.poll()
        if status is not None:
            is_steady = time.monotonic() - self.started_at > STEADY_AFTER_S
            self.was_steady = self.was_steady or is_steady
            self.deaths_at_start += 1
            if self.deaths_at_start >= DEATHS_AT_START and not self.was_steady:
                raise CannotStart(
                    f"the {self.name} cannot start: it ended {DEATHS_AT_START} times, at last with status {status};"
                    " what it said, above, tells why"
                )
            self.pause_s = FIRST_PAUSE_S if is_steady else min(self.pause_s * 2, LONGEST_PAUSE_S)
            say(f"the {self.name} ended with status {status}; starting it again in {self.pause_s:g} s")
            self.process, self.due_at = None, time.monotonic() + self.pause_s
        if self.process is None and time.monotonic() >= self.due_at:
            self.start(environment)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stops_within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """The whole service of one HOME. Leaving this context ends every process it started."""

    def __init__(self, settings: Settings, say: Say, environment: Mapping[str, str] | None = None) -> None:
        self.settings, self.say = settings, say
        # API and worker share the cores: a thread that waits must sleep, not spin (docs/decisions/0003)
        forking = {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"} if sys.platform == "darwin" else {}
        inherited = {"OMP_WAIT_POLICY": "PASSIVE", **forking, **os.environ, **(environment or {})}
        # An empty entry of PYTHONPATH is the current folder: mostly a slip, as in PYTHONPATH=$PYTHONPATH:more.
        named = [folder for folder in inherited.get("PYTHONPATH", "").split(os.pathsep) if folder]
        self.environment = {**inherited, "PYTHONPATH": os.pathsep.join(named)}
        self.broker = None if settings.redis_url else Broker(settings.broker_path, settings.broker_socket)
        self._broker_due_at = 0.0
        self.api = Child("API", "app", API_STOPS_WITHIN_S)
        self.worker = Child("worker", "worker", WORKER_STOPS_WITHIN_S)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start all processes; end them in order: API, worker (it writes a checkpoint), broker.

        Raises:
            CannotStart: the port is taken, or another supervisor works on this HOME.
            BrokerError: the embedded broker cannot be had.
        """
        home = self.settings.home.absolute()
        home.mkdir(parents=True, exist_ok=True)
        with files.try_lock_file(home / "up.lock") as is_mine:
            if not is_mine:
                raise CannotStart(f"Ganymede is running on {_shown(home)} already; GANYMEDE_HOME names another folder")
            check_port(self.settings.host, self.settings.port)
            try:
                if self.broker is not None:
                    self.broker.start()
                self.api.start(self.environment)
                self.worker.start(self.environment)
                yield
            finally:
                self.stop()

    def look_after(self) -> None:
        """Restart dead processes; called a few times a second."""
        self._look_after_broker()
        for child in (self.api, self.worker):
            child.look_after(self.environment, self.say)

    def stop(self) -> None:
        for child in (self.api, self.worker):
            child.stop()
        if self.broker is not None:
            self.broker.stop()

    def _look_after_broker(self) -> None:
        if self.broker is None or self.broker.lives() or time.monotonic() < self._broker_due_at:
            return
        self.say("the broker ended; starting it again")
        try:
            self.broker.start()
        except BrokerError as error:  # the API draws without it
            self.say(f"{error}; trying again in {LONGEST_PAUSE_S:g} s")
            self._broker_due_at = time.monotonic() + LONGEST_PAUSE_S


def check_port(host: str, port: int) -> None:
    """Raise CannotStart if nothing can listen at `host`:`port`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:  # the latter: a name that cannot be looked up
            why = error.strerror if isinstance(error, OSError) else error
            raise CannotStart(f"cannot listen on {host}:{port} ({why}); GANYMEDE_PORT names another port") from None


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def until_asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Make Ctrl-C and SIGTERM set a flag instead of ending this process; yield the flag."""
    signals: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _frame: signals.append(got)) for number in numbers]
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def base_url(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{settings.port}"


def relative_home(settings: Settings) -> str:
    """Return HOME as printable text, whatever its encoding."""
    home = settings.home.absolute()
    home = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    return _shown(home)


def _shown(path: Path) -> str:
    return bytes(path).decode(errors="backslashreplace")
