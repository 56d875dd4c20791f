"""The open-loop generator: requests leave at times fixed beforehand, answered or not. Knows no server.

A request's latency counts from the time it was meant to leave, also when the generator or a full set of connections
held it up; so a server that stalls cannot make its load wait with it (coordinated omission). A thread sleeps until each
time and hands the request to the event loop, those of a few milliseconds together: the generator shares the machine
with what it measures, and to wake up for each of a thousand requests a second would cost more than to send them.
`sent_late_ms` tells when that was not enough: then the generator, not the server, was measured.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import uvloop

MAX_CONNECTIONS = 4096
TICK_S = 0.005  # at least, between two times that requests leave
PATIENCE_S = 60.0  # for answers, after the last request has left
FAILED = 0  # instead of a status: no connection, or it broke

Request = Callable[[int], bytes]  # the number of a request to its bytes on the wire


@dataclass
class Outcome:
    """What became of each request, in the order of the answers."""

    codes: list[int] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)  # after the start
    has_retry_after: list[bool] = field(default_factory=list)
    sent_late_s: list[float] = field(default_factory=list)
    unanswered: int = 0

    def add(self, code: int, due: float, began: float, has_retry_after: bool) -> None:
        now = time.perf_counter()
        self.codes.append(code)
        self.latency_s.append(now - due)
        self.ended_s.append(now - began)
        self.has_retry_after.append(has_retry_after)


def even(rate: float, seconds: float) -> npt.NDArray[np.float64]:
    """Seconds after the start at which requests leave: one each 1 / rate."""
    return np.arange(int(rate * seconds)) / rate


def poisson(rate: float, seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """As `even`, with the irregular gaps of independent users."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds)))


def get(host: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def post(host: str, path: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


def offer(host: str, port: int, request: Request, due_s: Sequence[float] | npt.NDArray[np.float64]) -> Outcome:
    """Send request i at `due_s[i]` seconds after the start, wait for the answers, say what became of each."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Generator(host, port, request).run(due_s))


class _Connection(asyncio.Protocol):
    """One connection, one request at a time. An answer needs a Content-Length, or must have no body."""

    def __init__(self, generator: "_Generator") -> None:
        self.generator = generator
        self.received = bytearray()
        self.due: float | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def send(self, content: bytes, due: float) -> None:
        assert self.transport is not None
        self.due = due
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0 or self.due is None:
            return
        head = bytes(self.received[:end]).lower()
        code = int(head[9:12])
        if len(self.received) < end + 4 + _body_length(head, code):
            return
        self.received.clear()
        due, self.due = self.due, None
        self.generator.answered(self, code, due, b"\r\nretry-after:" in head)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.generator.lost(self)


def _body_length(head: bytes, code: int) -> int:
    if code in (204, 304):
        return 0
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise ValueError("an answer without Content-Length; this generator reads no chunks")
    return int(rest.partition(b"\r\n")[0])


class _Generator:
    def __init__(self, host: str, port: int, request: Request) -> None:
        self.host, self.port, self.request = host, port, request
        self.outcome = Outcome()
        self.idle: list[_Connection] = []
        self.waiting: deque[tuple[int, float]] = deque()  # requests for which there is no connection
        self.num_open = 0
        self.num_sent = 0
        self.began = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self, due_s: Sequence[float] | npt.NDArray[np.float64]) -> Outcome:
        loop = asyncio.get_running_loop()
        self.began = time.perf_counter() + 0.05
        times = [self.began + float(due) for due in due_s]
        thread = threading.Thread(target=self._leave, args=(loop, times), daemon=True)
        thread.start()
        deadline = (times[-1] if times else self.began) + PATIENCE_S
        while len(self.outcome.codes) < len(times) and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        thread.join()
        self.outcome.unanswered = len(times) - len(self.outcome.codes)
        for connection in self.idle:
            assert connection.transport is not None
            connection.transport.close()
        return self.outcome

    def _leave(self, loop: asyncio.AbstractEventLoop, times: list[float]) -> None:
        numbered = deque(enumerate(times))
        while numbered:
            time.sleep(max(0.0, numbered[0][1] - time.perf_counter()))
            now, due = time.perf_counter(), list[tuple[int, float]]()
            while numbered and numbered[0][1] <= now:
                due.append(numbered.popleft())
            loop.call_soon_threadsafe(self._send_all, due)
            time.sleep(TICK_S)

    def _send_all(self, due: list[tuple[int, float]]) -> None:
        for number, at in due:
            self._send(number, at)

    def _send(self, number: int, due: float) -> None:
        if self.idle:
            self._send_on(self.idle.pop(), number, due)
        elif self.num_open < MAX_CONNECTIONS:
            self.num_open += 1
            task = asyncio.get_running_loop().create_task(self._connect(number, due))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            self.waiting.append((number, due))

    def _send_on(self, connection: _Connection, number: int, due: float) -> None:
        self.outcome.sent_late_s.append(time.perf_counter() - due)
        connection.send(self.request(number), due)

    async def _connect(self, number: int, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), self.host, self.port)
        except OSError:
            self.num_open -= 1
            self.outcome.add(FAILED, due, self.began, has_retry_after=False)
            return
        self._send_on(connection, number, due)

    def answered(self, connection: _Connection, code: int, due: float, has_retry_after: bool) -> None:
        self.outcome.add(code, due, self.began, has_retry_after)
        if self.waiting:
            self._send_on(connection, *self.waiting.popleft())
        else:
            self.idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        self.num_open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.due is not None:
            self.outcome.add(FAILED, connection.due, self.began, has_retry_after=False)
        if self.waiting:
            self._send(*self.waiting.popleft())


def summary(outcome: Outcome, seconds: float) -> dict[str, object]:
    """Codes, goodput (200s within `seconds`, each second), latency of the 200s, and how late requests left, in ms."""
    codes = np.array(outcome.codes, int)
    good = codes == 200
    refused = (codes == 429) | (codes == 503)
    latency_s = np.array(outcome.latency_s)[good]
    in_time = np.array(outcome.ended_s)[good] <= seconds
    return {
        "offered": len(codes) + outcome.unanswered,
        "codes": {str(code): count for code, count in sorted(Counter(outcome.codes).items())},
        "unanswered": outcome.unanswered,
        "goodput_per_s": float(in_time.sum() / seconds),
        **{f"p{q}_ms": float(np.percentile(latency_s, q) * 1000) if good.any() else None for q in (50, 90, 99)},
        "refused_with_retry_after": float(np.array(outcome.has_retry_after)[refused].mean()) if refused.any() else None,
        "sent_late_p99_ms": float(np.percentile(outcome.sent_late_s, 99) * 1000) if outcome.sent_late_s else None,
    }
