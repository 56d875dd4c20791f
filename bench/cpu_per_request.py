"""What each process takes of a request: `python -m bench.cpu_per_request`. Whether a second event loop would help.

64 connections ask for one image each, of other seeds, of a DCGAN of 32 px and of a smaller one of 16 px. Prints, as
medians of the rounds, requests/s, the CPU seconds that 1,000 requests take of the API, of its engine process and of
wrk, and the share of the machine's cores that they take together: where it is near 1, another process gains little.
Then two whole services, each with half of the connections, draw from the same store: what they answer together.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.machine import ROOT, machine, revision, slug
from bench.proc import cpu_seconds
from bench.serving import generator, wrk
from bench.serving.servers import OURS, Running, running
from core.machine.cores import available_cores

CONNECTIONS = 64
MODELS = {"bench32": 32, "bench16": 16}  # pixels a side
RESULTS = ROOT / "docs" / "benchmarks"


def measure(up: Running, model: str, seconds: float, rounds: int) -> dict[str, float]:
    """Medians of one model."""
    engine = up.engine_pid
    load = wrk.Workload(connections=CONNECTIONS, model=model)
    wrk.drive(up.url, "GET", up.server.path, load, seconds, 0)
    found = [_once(up, engine, load, seconds, number) for number in range(1, rounds + 1)]
    return {name: round(statistics.median(each[name] for each in found), 3) for name in found[0]}


def _once(up: Running, engine: int, load: wrk.Workload, seconds: float, number: int) -> dict[str, float]:
    before, at = (cpu_seconds(up.pid), cpu_seconds(engine), _of_children()), time.perf_counter()
    rate = wrk.drive(up.url, "GET", up.server.path, load, seconds, number * 1_000_003)["requests_per_s"]
    taken_s = time.perf_counter() - at
    after = (cpu_seconds(up.pid), cpu_seconds(engine), _of_children())
    used = [late - early for early, late in zip(before, after, strict=True)]
    thousands = rate * taken_s / 1000
    per_1000 = dict(zip(("api_s", "engine_s", "wrk_s"), (each / thousands for each in used), strict=True))
    return {"requests_per_s": rate, **per_1000, "share_of_cores": sum(used) / (taken_s * available_cores())}


def measure_two(both: Sequence[Running], model: str, seconds: float, rounds: int) -> float:
    """Requests/s of two services together, a half of the connections each; the median."""
    load = wrk.Workload(connections=CONNECTIONS // 2, model=model)

    def rate(of: int, number: int) -> float:
        seed = (2 * number + of) * 1_000_003
        return wrk.drive(both[of].url, "GET", both[of].server.path, load, seconds, seed)["requests_per_s"]

    with ThreadPoolExecutor(2) as pool:
        found = [sum(pool.map(rate, (0, 1), (number, number))) for number in range(rounds + 1)]
    return round(statistics.median(found[1:]), 3)


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "revision": revision(), "models": {}}
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder:
        for model, side in MODELS.items():
            home = Path(folder) / model
            weights = generator.publish(home / "store", {model: side})[model]
            with running(OURS, model, weights, home / "api", home) as up:
                of_model = measure(up, model, asked.seconds, asked.rounds)
                with running(OURS, model, weights, home / "second", home) as second:
                    of_model["two_requests_per_s"] = measure_two((up, second), model, asked.seconds, asked.rounds)
            found["models"][model] = of_model
            print(model, json.dumps(of_model), flush=True)
    target = RESULTS / f"cpu-per-request-{slug(found['machine'])}.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
