"""What 200 reloads and 1,000 hang-ups leave behind: `python -m bench.endurance [--reloads 200] [--hang-ups 1000]`.

Starts `python -m app` as `ganymede up` does, with its engine process, and measures it from outside.

Reloads: processes of their own ask without pause while version after version is published. It prints the answers by
status, the versions that were drawn, and the memory of each process after the 20th reload and after the last.

Hang-ups: each client sends a request for 64 pictures that nobody has drawn and closes its connection, some at once and
some while it is drawn. It prints how many pictures were drawn after the last one went, and memory and descriptors of
each process beside what they were after a tenth of the hang-ups.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import socket
import statistics
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx
import torch

from bench.machine import ROOT, machine, revision, slug
from bench.serving import generator
from bench.serving.servers import OURS, Running, running
from core.registry import Registry
from core.store import Store

MODEL = "bench32"
CLIENTS = 4
FIRST_RELOADS = 20  # after which the memory is compared with
SETTLES_S, READINGS = 3.0, 9
AT_ONCE = 16  # connections that hang up beside one another
WAITS_S = (0.0, 0.002, 0.01, 0.05)  # before a client hangs up
RESULTS = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True)
class Usage:
    """What one process holds."""

    resident_mb: float
    descriptors: int


def usage(pid: int) -> Usage:
    """The median of a few readings."""
    resident = []
    for _ in range(READINGS):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        resident.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        time.sleep(SETTLES_S / READINGS)
    return Usage(round(statistics.median(resident), 1), len(list(Path(f"/proc/{pid}/fd").iterdir())))


def usages(up: Running) -> dict[str, Usage]:
    """Of the API and its engine process."""
    return {"api": usage(up.pid), "engine": usage(up.engine_pid)}


def keep_asking(url: str, first: int, over: Event, answers: "multiprocessing.Queue[Counter[str]]") -> None:
    """A client: one request after the other, each of a seed of its own."""
    seen: Counter[str] = Counter()
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        seed = first
        while not over.is_set():
            seed += CLIENTS
            answer = client.get("/generate", params={"model": MODEL, "seed": seed, "n": 4})
            seen[f"status {answer.status_code}"] += 1
            seen[f"version {answer.headers.get('Model-Version')}"] += 1
    answers.put(seen)


def reload(up: Running, store: Path, reloads: int) -> dict[str, Any]:
    """Publish one version after the other, each when the one before it is drawn, while clients ask."""
    context = multiprocessing.get_context("spawn")
    over, answers = context.Event(), context.Queue()
    clients = [context.Process(target=keep_asking, args=(up.url, first, over, answers)) for first in range(CLIENTS)]
    for client in clients:
        client.start()
    registry, config = Registry(Store(store)), generator.config_of(generator.SIZES[MODEL])
    network, held = generator.make(config), {}
    for number in range(1, reloads + 1):
        with torch.no_grad():
            network.to_image.weight.mul_(1.001)
        version = generator.publish_version(registry, MODEL, config, network, step=1 + number).name
        _until(lambda version=version: up.ask(seed=0).headers.get("Model-Version") == version)  # type: ignore[misc]
        if number in (min(FIRST_RELOADS, reloads), reloads):
            held[number] = usages(up)
    over.set()
    seen = sum((answers.get() for _ in clients), Counter[str]())
    for client in clients:
        client.join()
    statuses = {key.split()[1]: count for key, count in seen.items() if key.startswith("status")}
    versions = sum(key.startswith("version") for key in seen)
    return {"reloads": reloads, "statuses": statuses, "versions_drawn": versions, **_compared(*held.values())}


def hang_up(up: Running, count: int) -> dict[str, Any]:
    """Ask for pictures and go away, so many times; then look at what is still drawn, and what is held."""
    rng, before, held = random.Random(0), _metric(up, "ganymede_batch_size_sum"), []
    for number in range(0, count, AT_ONCE):
        _ask_and_leave(up, range(number, min(number + AT_ONCE, count)), rng.choice(WAITS_S))
        if number // AT_ONCE == count // AT_ONCE // 10:
            _until(lambda: _metric(up, "ganymede_queue_images") == 0)
            held.append(usages(up))
    left = time.monotonic()
    at_last = _metric(up, "ganymede_batch_size_sum")
    _until(lambda: _metric(up, "ganymede_queue_images") == 0)
    emptied_s = time.monotonic() - left
    held.append(usages(up))  # this takes seconds, in which nothing may be drawn
    after = _metric(up, "ganymede_batch_size_sum")
    time.sleep(SETTLES_S)
    return {
        "hang_ups": count,
        "pictures_asked": 64 * count,
        "pictures_drawn": int(at_last - before),
        "pictures_drawn_after_the_last": int(after - at_last),
        "pictures_drawn_seconds_later": int(_metric(up, "ganymede_batch_size_sum") - after),
        "queue_empty_after_s": round(emptied_s, 3),
        **_compared(*held),
    }


def _ask_and_leave(up: Running, numbers: range, wait_s: float) -> None:
    connections = []
    for number in numbers:
        connection = socket.create_connection(("127.0.0.1", up.port))
        first = 1_000_000 + 64 * number
        target = f"/generate?model={MODEL}&seed={first}&n=64&format=npy"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{up.port}\r\n\r\n".encode())
        connections.append(connection)
    time.sleep(wait_s)
    for number, connection in zip(numbers, connections, strict=True):
        if number % 2:  # every other one by a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _metric(up: Running, name: str) -> float:
    text = httpx.get(f"{up.url}/metrics", timeout=60, trust_env=False).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def _until(holds: Callable[[], bool], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("nothing changed for two minutes")
        time.sleep(0.02)


def _compared(early: dict[str, Usage], late: dict[str, Usage]) -> dict[str, Any]:
    return {
        name: {
            "early": asdict(early[name]),
            "late": asdict(late[name]),
            "memory_ratio": round(late[name].resident_mb / early[name].resident_mb, 3),
        }
        for name in early
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--hang-ups", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder:
        home = Path(folder) / "home"
        weights = generator.publish(home / "store", {MODEL: generator.SIZES[MODEL]})[MODEL]
        with running(OURS, MODEL, weights, Path(folder) / "api", home) as up:
            hang_ups = hang_up(up, asked.hang_ups)
            reloads = reload(up, home / "store", asked.reloads)
    measured_on = machine()
    found = {"machine": measured_on, "revision": revision(), "reloads": reloads, "hang_ups": hang_ups}
    target = RESULTS / f"endurance-{slug(measured_on)}.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
