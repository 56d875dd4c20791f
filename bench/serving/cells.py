"""What is measured: every cell of the tables, and how one server is taken through its cells. Prints nothing.

A cell is one load on one model. Before each, the same load runs a second uncounted; then one request goes through, so
that nothing of it is left in a queue.
"""

import contextlib
import json
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bench.serving import load, wrk
from bench.serving.servers import CONSTANT, Running, Server

WARM_UP_S = 1.0
BY_CHANCE = 0.001  # of the requests: random seeds come up twice now and then
OVERLOAD_FACTOR = 10.0
OVERLOAD_N = 64
AFTERWARDS = 1000  # so many numbers on, for seeds of its own


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number of connections, images and so on. `longer` multiplies the seconds: large requests are few."""

    name: str
    connections: int = 64
    n: int = 1
    format: Literal["png", "npy"] = "png"
    kind: wrk.Kind = "random"
    model: str = "bench32"
    longer: float = 1.0
    method: str | None = None  # None: as the server wants to be asked
    servers: Literal["all", "drawing", "ours"] = "drawing"

    def takes(self, server: Server) -> bool:
        if server is CONSTANT:
            return self.servers == "all"
        return server.is_ours or self.servers != "ours"


MANY = (16, 64)
FORMS: tuple[tuple[str, Literal["png", "npy"]], ...] = (("", "png"), ("npy-", "npy"))
# One connection before many: a batcher that adapts (BentoML's) holds a request that is alone for seconds after a crowd.
CELLS = (
    *(Cell(name=f"n1-c{c}", connections=c, servers="all") for c in (1, 16, 64)),
    *(Cell(name=f"n64-{form}c1", connections=1, n=64, format=kind, longer=2) for form, kind in FORMS),
    *(
        Cell(name=f"n64-{form}c{c}", connections=c, n=64, format=kind, longer=2)
        for form, kind in FORMS
        for c in (16, 64)
    ),
    Cell(name="n1-c64-post", method="POST", servers="ours"),
    Cell(name="same-c64", kind="same", servers="ours"),
    Cell(name="known-c64", kind="known", servers="ours"),
    Cell(name="n1-c16-256px", connections=16, model="bench256"),
)
OPEN_LOOP, OVERLOAD = "open-loop", "overload"
NAMES = (*(cell.name for cell in CELLS), OPEN_LOOP, OVERLOAD)


def models(cells: Iterable[Cell]) -> list[str]:
    """The models that are asked for, each once."""
    return list(dict.fromkeys(cell.model for cell in cells))


def measure(up: Running, cell: Cell, seconds: float, seed: int) -> dict[str, float]:
    """One cell of one server; LoadFailed when a request fails, or memory answers where pictures should be drawn."""
    method = cell.method or up.server.method
    asked: dict[str, Any] = {"seed": 1, "n": cell.n, "format": cell.format}
    first = up.ask(method, **asked)
    etag = first.headers.get("ETag", "") if cell.kind == "known" else ""
    if cell.kind == "known" and up.ask(method, {"If-None-Match": etag}, **asked).status_code != 304:
        raise wrk.LoadFailed(f"{up.server.name} does not answer 304 to an ETag of its own")
    one = wrk.Workload(
        connections=cell.connections,
        n=cell.n,
        format=cell.format,
        kind=cell.kind,
        model=up.model if up.server.is_ours else "",
        etag=etag,
    )
    seconds *= cell.longer
    _warm_up(up, method, one, seed_of(cell, seed, "warm-up"))
    hits = up.cache_hits()
    found = wrk.drive(up.url, method, up.server.path, one, seconds, seed_of(cell, seed, "measured"))
    remembered = up.cache_hits() - hits
    if cell.kind == "random" and remembered > BY_CHANCE * found["requests_per_s"] * seconds:
        raise wrk.LoadFailed(f"{up.server.name} answered {remembered:.0f} requests from memory")
    if cell.kind != "known" and found["bytes_per_request"] < len(first.content) / 2:
        raise wrk.LoadFailed(f"{up.server.name} sent {found['bytes_per_request']:.0f} bytes a request: no pictures")
    return found


def seed_of(cell: Cell, number: int, what: str) -> int:
    """Where the seeds of a measurement begin: no two of a server share any, or its memory would answer."""
    return zlib.crc32(f"{cell.name} {number} {what}".encode()) % 2**31


def _warm_up(up: Running, method: str, one: wrk.Workload, seed: int) -> None:
    # Large requests may not be answered within the second; if it is worse, the cell itself will tell.
    with contextlib.suppress(wrk.LoadFailed):
        wrk.drive(up.url, method, up.server.path, one, WARM_UP_S, seed)
    up.ask(method, seed=0, n=1, format="png")


def open_loop(up: Running, rate: float, seconds: float, seed: int) -> dict[str, Any]:
    """Latency of single images under `rate` requests/s that arrive as independent users' do."""
    up.ask(seed=0, n=1, format="png")
    outcome = load.offer("127.0.0.1", up.port, _requests(up, n=1, first=seed), load.poisson(rate, seconds, seed))
    return {"rate_per_s": rate, "seconds": seconds, **load.summary(outcome, seconds)}


def overload(up: Running, seconds: float, capacity_seconds: float, seed: int) -> dict[str, Any]:
    """OVERLOAD_FACTOR times what the server can do, in requests of OVERLOAD_N images; goodput beside the peak.

    The peak is measured before and after, and the mean of both counts: in a minute the machine changes.
    """
    cell = Cell(name=OVERLOAD, connections=16, n=OVERLOAD_N)
    peak_s = max(capacity_seconds, 3.0)
    before = measure(up, cell, peak_s, seed)["requests_per_s"]
    times = load.even(OVERLOAD_FACTOR * before, seconds)
    outcome = load.offer("127.0.0.1", up.port, _requests(up, n=OVERLOAD_N, first=seed), times)
    found = load.summary(outcome, seconds)
    goodput = found["goodput_per_s"]
    assert isinstance(goodput, float)
    time.sleep(1)
    alive = up.ask(seed=0, n=1, format="png").status_code == 200
    after = measure(up, cell, peak_s, seed + AFTERWARDS)["requests_per_s"]
    peak = (before + after) / 2
    return {
        "seconds": seconds,
        "peak_per_s": peak,
        "peaks_per_s": [before, after],
        "offered_per_s": OVERLOAD_FACTOR * before,
        "goodput_of_peak": goodput / peak,
        "draws_afterwards": alive,
        **found,
    }


def _requests(up: Running, n: int, first: int) -> load.Request:
    """Requests for single seeds that never repeat."""
    host, path = f"127.0.0.1:{up.port}", up.server.path

    def content(number: int) -> bytes:
        asked: dict[str, str | int] = {"seed": (first * 1_000_003 + number * n) % 2**31, "n": n, "format": "png"}
        fields = up.server.parameters(up.model, asked)
        if up.server.method == "GET":
            return load.get(host, f"{path}?{'&'.join(f'{name}={value}' for name, value in fields.items())}")
        return load.post(host, path, json.dumps(fields))

    return content


def take(server: Server, cells: Iterable[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.takes(server)]
