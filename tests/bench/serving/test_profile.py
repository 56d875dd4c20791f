"""What a sampled stack is counted for."""

import pytest

from bench.serving.profile import room_of, shares

API = "MainThread;Runner.run (asyncio/runners.py:118);cycle (uvicorn/protocols/http/impl.py:422)"
ROUTE = f"{API};Guard.__call__ (app/http/guard.py:85);generate (app/generate/route.py:96)"


@pytest.mark.parametrize(
    ("stack", "room"),
    [
        (API, "HTTP: uvicorn, httptools, the socket"),
        (ROUTE, "parameters, cache, answer"),
        (f"{ROUTE};raw_decode (json/decoder.py:353)", "parameters, cache, answer"),
        (f"{ROUTE};Batcher.submit (app/engine/batcher.py:90)", "batches and queues"),
        (f"{ROUTE};Connection.exchange (app/engine/ipc.py:62)", "messages between the processes"),
        ("Thread-1;forward (models/packing.py:29);__call__ (torch/_ops.py:1279)", "the network"),
        ("Thread-1;run (somebody/elses.py:1)", "all else"),
    ],
)
def test_a_sample_counts_for_the_innermost_part_that_its_stack_names(stack: str, room: str) -> None:
    assert room_of(stack.split(";")) == room


def test_what_waits_counts_for_nothing_and_shares_are_of_the_rest() -> None:
    waits = "Thread-2;receive (app/engine/ipc.py:44);_exactly (app/engine/ipc.py:101)"

    told = shares(f"{ROUTE} 3\n{API} 1\n{waits} 96\n")

    assert told == {"parameters, cache, answer": 0.75, "HTTP: uvicorn, httptools, the socket": 0.25}
