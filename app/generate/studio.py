"""The API's side of its painter: starts the process, has it draw, and starts it again when it is gone. Knows no queue.

Shape suffixes: B images of a batch, Z latent.
"""

import contextlib
import itertools
import logging
import socket
import subprocess
import sys
import threading
import weakref
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.generate.wire import receive, receive_block, send
from core.images import Images

HANGS_AFTER_S = 60.0  # a command without an answer: the process is ended
LEAVES_WITHIN_S = 5.0
TRIES = 3  # of a batch; it may be the batch that the painter dies of

log = logging.getLogger(__name__)


class PainterLost(Exception):
    """The process went away, or hung, with a command of ours."""


class Studio:
    """One painter with a connection for each thread that draws, and one for what is loaded and dropped."""

    def __init__(self, threads: int) -> None:
        self.threads = threads + 1  # a version that is loaded is tried beside what is drawn
        self._loaded: dict[int, dict[str, Any]] = {}  # the commands by which it got what it has
        self._keys = itertools.count()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._life = 0  # rises with each process
        self._free: list[Connection] = []  # the one used last is the last: its thread's caches are the warmest
        self._office: Connection | None = None
        self._busy = threading.Lock()  # of the office
        self._is_closing = False

    def start(self) -> None:
        """Start the process; it is asked when it is there."""
        with self._starting:
            self._start()

    def close(self) -> None:
        """Hang up, and wait for the process to end."""
        with self._starting:
            self._is_closing = True
            self._end()

    def load(self, folder: Path, precision: str) -> "RemoteForward":
        """Have the painter read the weights of a folder; it keeps them for as long as the answer lives.

        Raises:
            RuntimeError: it cannot read them.
        """
        key = next(self._keys)
        command = {"do": "load", "key": key, "folder": str(folder), "precision": precision}
        self._ask_office(command)
        self._loaded[key] = command
        forward = RemoteForward(self, key)
        weakref.finalize(forward, self._forget, key)
        return forward

    def ask(
        self, command: dict[str, Any], z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """The painter's answer to a command about a batch. One that goes away is asked again when it is back.

        Raises:
            PainterLost: it went away each time.
            RuntimeError: it cannot draw this.
        """
        labels: Any = b"" if label_B is None else np.ascontiguousarray(label_B)
        command = {**command, "shape": z_BZ.shape}
        for _ in range(TRIES - 1):
            try:
                return self._ask(command, np.ascontiguousarray(z_BZ), labels)
            except PainterLost as error:
                log.warning("%s; its batch is drawn again", error)
        return self._ask(command, np.ascontiguousarray(z_BZ), labels)

    def _ask(self, command: dict[str, Any], *blocks: Any) -> tuple[dict[str, Any], list[bytearray]]:
        with self._starting:
            life, connection = self._life, self._free.pop()
        try:
            answer, received = _ask(connection, command, *blocks)
        except PainterLost:
            self._revive(life)
            raise
        with self._starting:
            if life == self._life:
                self._free.append(connection)
        _check(answer)
        return answer, received

    def _ask_office(self, command: dict[str, Any]) -> None:
        for is_last in (False, True):
            life = self._life
            try:
                with self._busy:
                    assert self._office is not None
                    answer, _ = _ask(self._office, command)
            except PainterLost:
                self._revive(life)
                if is_last:
                    raise
            else:
                _check(answer)
                return

    def _forget(self, key: int) -> None:
        """Called when a forward is collected, on whatever thread: it must not wait for the painter."""
        self._loaded.pop(key, None)
        threading.Thread(target=self._drop, args=(key,), daemon=True).start()

    def _drop(self, key: int) -> None:
        with contextlib.suppress(PainterLost, RuntimeError, AssertionError):
            self._ask_office({"do": "drop", "key": key})

    def _revive(self, life: int) -> None:
        """Start another process, if nobody did since `life`, and have it read what the last one had."""
        with self._starting:
            if life != self._life or self._is_closing:
                return
            self._end()
            self._start()
            assert self._office is not None
            for command in list(self._loaded.values()):
                answer, _ = _ask(self._office, command)
                if "error" in answer:
                    log.error("the painter could not read %s again: %s", command["folder"], answer["error"])

    def _start(self) -> None:
        ours, theirs = zip(*(socket.socketpair() for _ in range(self.threads + 1)), strict=True)
        descriptors = [end.fileno() for end in theirs]
        command = [sys.executable, "-m", "app.generate.painter", *map(str, descriptors)]
        self._process = subprocess.Popen(command, pass_fds=descriptors)
        for end in theirs:
            end.close()
        self._office, *self._free = (Connection(end.detach()) for end in ours)
        self._life += 1

    def _end(self) -> None:
        for connection in (*self._free, *([self._office] if self._office else [])):
            connection.close()
        if self._process is not None:
            try:
                self._process.wait(LEAVES_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class RemoteForward:
    """A forward pass that the painter runs."""

    def __init__(self, studio: Studio, key: int) -> None:
        self._studio, self._key = studio, key

    def __call__(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        answer, blocks = self._studio.ask({"do": "draw", "key": self._key}, z_BZ, label_B)
        return np.frombuffer(blocks[0], np.uint8).reshape(answer["shape"])

    def png(
        self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None, count: int
    ) -> tuple[list[bytes], float]:
        """The first `count` images as PNG files, and the seconds that took."""
        answer, blocks = self._studio.ask({"do": "png", "key": self._key, "count": count}, z_BZ, label_B)
        return [bytes(block) for block in blocks], answer["encode_s"]


def _ask(connection: Connection, command: dict[str, Any], *blocks: Any) -> tuple[dict[str, Any], list[bytearray]]:
    try:
        send(connection, command, *blocks)
        if not connection.poll(HANGS_AFTER_S):
            raise PainterLost(f"the painter did not answer within {HANGS_AFTER_S:g} s")
        answer = receive(connection)
        return answer, [receive_block(connection) for _ in range(answer.get("blocks", 0))]
    except (EOFError, OSError) as error:
        raise PainterLost(f"the painter went away ({type(error).__name__})") from None


def _check(answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise RuntimeError(f"the painter: {answer['error']}")
