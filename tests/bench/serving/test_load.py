"""The open-loop generator against a small real server that stalls, refuses and hangs up."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from bench.serving import load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
BUSY_SILENT = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
HANG_UP = b""

Answer = Callable[[int], bytes]  # the number of the request, by its path, to what is sent


async def _finish(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=5)


@contextmanager
def serving(answer: Answer, stalls: float = 0.0) -> Iterator[int]:
    """A server on a loop of its own; it stands still for `stalls` seconds when the first request comes."""
    loop, ready, port = asyncio.new_event_loop(), threading.Event(), [0]
    is_first = [True]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if is_first[0]:
                    is_first[0] = False
                    time.sleep(stalls)  # the whole loop: nobody is answered meanwhile
                content = answer(int(head.split()[1][1:]))
                if content == HANG_UP:
                    break
                writer.write(content)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
        port[0] = server.sockets[0].getsockname()[1]
        return server

    def run() -> None:
        server = loop.run_until_complete(start())
        loop.call_soon(ready.set)  # once it runs for good: it can be stopped then
        loop.run_forever()
        loop.run_until_complete(_finish(server))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    yield port[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def offer(port: int, due_s: np.ndarray) -> load.Outcome:
    return load.offer("127.0.0.1", port, lambda number: load.get("localhost", f"/{number}"), due_s)


def test_even_arrivals_come_at_the_rate_and_poisson_ones_on_average() -> None:
    even, poisson = load.even(100, 2), load.poisson(100, 50)

    assert even[:3].tolist() == [0, 0.01, 0.02]
    assert len(even) == 200
    assert len(poisson) / poisson[-1] == pytest.approx(100, rel=0.1)
    assert np.diff(poisson).std() == pytest.approx(0.01, rel=0.1)  # of an exponential: as large as the mean


def test_requests_never_leave_early_and_those_of_a_few_milliseconds_leave_together() -> None:
    with serving(lambda number: OK) as port:
        outcome = offer(port, load.even(2000, 0.2))

    late_s = np.array(outcome.sent_late_s)

    assert len(late_s) == 400
    assert (late_s >= 0).all()
    assert np.median(late_s) > 1 / 2000  # later than the next one was due: several left at once


def test_a_stall_counts_for_every_request_that_was_due_while_it_lasted() -> None:
    with serving(lambda number: OK, stalls=0.5) as port:
        outcome = offer(port, load.even(200, 0.5))

    latency_s = np.array(outcome.latency_s)

    assert outcome.codes == [200] * 100
    # Due evenly within the stall, they wait for 0.25 s of it on average. A closed loop would have told of one.
    assert (latency_s > 0.1).sum() >= 70
    assert np.median(latency_s) > 0.2


def test_refusals_and_broken_connections_are_told_apart_from_answers() -> None:
    kinds = [OK, BUSY, BUSY_SILENT, HANG_UP]
    with serving(lambda number: kinds[number % 4]) as port:
        outcome = offer(port, load.even(200, 0.2))

    found = load.summary(outcome, seconds=1000.0)

    assert found["codes"] == {"0": 10, "200": 10, "429": 10, "503": 10}
    assert found["refused_with_retry_after"] == 0.5
    assert found["goodput_per_s"] == 10 / 1000
    assert found["unanswered"] == 0


def test_an_answer_after_the_time_is_up_is_no_goodput() -> None:
    outcome = load.Outcome(codes=[200, 200], latency_s=[0.1, 9.0], ended_s=[0.5, 9.5], has_retry_after=[False] * 2)

    found = load.summary(outcome, seconds=1.0)

    assert found["goodput_per_s"] == 1
    assert found["p99_ms"] == pytest.approx(9000, rel=0.02)


def test_nobody_at_the_other_end_is_a_failure_of_each_request() -> None:
    with serving(lambda number: OK) as port:
        pass

    outcome = offer(port, load.even(100, 0.05))

    assert outcome.codes == [load.FAILED] * 5
