"""An hour of everything at once: `python -m bench.mixed_load [--minutes 60]`.

Broker, API and worker as processes of their own. Clients draw without pause, others hang up; runs train one after the
other and publish versions that are loaded while they are drawn; every third run is canceled; datasets are imported,
looked at and deleted. What nobody needs is deleted as an operator would: runs but for the newest few, their versions.

Meanwhile it notes what each process holds (memory, descriptors, threads), and what the store holds beside what
retention allows it. Prints early and late of each, and writes docs/benchmarks/mixed-load-<machine>.json.
"""

import argparse
import contextlib
import io
import json
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.machine import ROOT, machine, revision, slug
from bench.proc import children, command_line, threads
from bench.service import OwnService
from bench.store_size import StoreSize, measure

RESULTS = ROOT / "docs" / "benchmarks"
MODEL, DATASET = "mixed", "mixed-pictures"
RUNS_KEPT, VERSIONS_KEPT = 5, 6  # by the operator; a run itself keeps KEEP
KEEP, STEPS = 2, 200
PICTURES = 2000
DRAWERS = 3
SAMPLES = 120  # in all
OF_THE_API = {"engine": "app.engine", "import": "core.datasets"}
RUN: dict[str, Any] = {
    "recipe": "cgan",
    "dataset": "mnist-10k",
    "model": MODEL,
    "config": {"steps": STEPS, "width": 16, "batch_size": 16, "latent_dim": 4, "extractor": "none", "augment": "none"},
    "publish": {"every_steps": STEPS // 4, "keep": KEEP},
    "stop": {"action": "alert"},
}
RUN["config"]["checkpoint_every"] = STEPS // 10


@dataclass(frozen=True)
class Held:
    """What one process holds."""

    resident_mb: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Sample:
    """All of it, at a time."""

    at_s: float
    processes: dict[str, Held]
    store: StoreSize


def held(pid: int) -> Held:
    facts = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Held(round(int(facts["VmRSS"].split()[0]) / 1024, 1), descriptors, threads(pid))


def processes(service: OwnService) -> dict[str, int]:
    """Those of the service by what they do; a trainer and an import are there now and then."""
    api, worker, broker = service.pid("api"), service.pid("worker"), service.broker.process
    found = {"api": api, "worker": worker} | ({"broker": broker.pid} if broker else {})
    for pid in children(api):
        words = command_line(pid)
        found |= {name: pid for name, part in OF_THE_API.items() if part in words}
    found.update(("trainer", pid) for pid in children(worker))
    return found


class MixedLoad:
    """The clients. Each kind is a thread that does one thing after the other until it is over."""

    def __init__(self, service: OwnService) -> None:
        self.service, self.is_over = service, threading.Event()
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        kinds = [self.draw] * DRAWERS + [self.hang_up, self.train, self.import_pictures]
        self._threads = [threading.Thread(target=self._again, args=(kind,)) for kind in kinds]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.is_over.set()
        for thread in self._threads:
            thread.join()

    def _again(self, work: Callable[[httpx.Client], None]) -> None:
        with self.service.client() as client:
            while not self.is_over.is_set():
                try:
                    work(client)
                except (httpx.HTTPError, KeyError, OSError) as error:
                    self.note(f"{work.__name__}: {type(error).__name__}")

    def note(self, what: str) -> None:
        with self._lock:
            self.seen[what] += 1

    def ask(self, client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
        answer = client.request(method, path, **options)
        kind = path.split("/")[1].split("?")[0]
        self.note(f"{method} /{kind} {answer.status_code}")
        return answer

    def draw(self, client: httpx.Client) -> None:
        model = random.choice(("digits", "avatars", MODEL))
        self.ask(client, "GET", "/generate", params={"model": model, "seed": random.getrandbits(31), "n": 4})

    def hang_up(self, _client: httpx.Client) -> None:
        with socket.create_connection(("127.0.0.1", self.service.port)) as connection:
            target = f"/generate?model=digits&seed={random.getrandbits(31)}&n=64"
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.is_over.wait(0.2 * random.random())
        self.note("hung up")
        self.is_over.wait(1)

    def train(self, client: httpx.Client) -> None:
        """One run; then delete what nobody needs."""
        run = self.ask(client, "POST", "/train", json={**RUN, "seed": random.getrandbits(16)}).json()["id"]
        stops_at = STEPS // 2 if random.random() < 1 / 3 else None
        while not self.is_over.is_set():
            body = client.get(f"/train/{run}").json()
            if body["status"] in ("succeeded", "failed", "canceled"):
                self.note(f"run {body['status']}")
                break
            if stops_at is not None and body["progress"]["step"] >= stops_at:
                self.ask(client, "POST", f"/train/{run}/cancel")
                stops_at = None
            self.is_over.wait(0.5)
        ended = client.get("/train", params={"status": ["succeeded", "failed", "canceled"], "limit": 100})
        over = ended.json()["data"] if ended.status_code == 200 else []
        for old in over[RUNS_KEPT:]:
            self.ask(client, "DELETE", f"/train/{old['id']}")
        versions = client.get(f"/models/{MODEL}/versions", params={"limit": 100}).json().get("data", [])
        for old in versions[VERSIONS_KEPT:]:
            self.ask(client, "DELETE", f"/models/{MODEL}/versions/{old['version']}")

    def import_pictures(self, client: httpx.Client) -> None:
        buffer = io.BytesIO()
        rng = np.random.default_rng()
        np.savez(buffer, images=rng.integers(0, 256, (PICTURES, 16, 16, 1), np.uint8))
        files = {"file": ("pictures.npz", buffer.getvalue())}
        self.ask(client, "POST", "/datasets", data={"name": DATASET}, files=files)
        self.ask(client, "GET", f"/datasets/{DATASET}/preview")
        self.ask(client, "DELETE", f"/datasets/{DATASET}")
        self.is_over.wait(5)


def take(service: OwnService, began: float) -> Sample:
    found: dict[str, Held] = {}
    for name, pid in processes(service).items():
        with contextlib.suppress(OSError, KeyError):  # it ended meanwhile
            found[name] = held(pid)
    return Sample(round(time.monotonic() - began, 1), found, measure(service.store.root, KEEP, VERSIONS_KEPT))


def summary(samples: list[Sample]) -> dict[str, Any]:
    """Early (the second tenth) beside late (the last): medians of each process; and the store at its largest."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth] or samples, samples[-tenth:]
    told: dict[str, Any] = {}
    for name in ("api", "engine", "worker", "broker"):
        of = {field: [_median(part, name, field) for part in (early, late)] for field in Held.__annotations__}
        told[name] = of | {"memory_ratio": round(of["resident_mb"][1] / of["resident_mb"][0], 3)}
    told["store"] = {
        "largest_bytes": max(sample.store.held_bytes for sample in samples),
        "above_what_is_allowed": [asdict(sample.store) for sample in samples if not sample.store.is_within],
        "late": asdict(samples[-1].store),
    }
    return told


def _median(samples: list[Sample], name: str, field: str) -> float:
    values = [getattr(sample.processes[name], field) for sample in samples if name in sample.processes]
    return statistics.median(values) if values else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    seconds = 60 * parser.parse_args().minutes
    samples: list[Sample] = []
    with (
        tempfile.TemporaryDirectory(prefix="ganymede-mixed-") as folder,
        OwnService.running(Path(folder), "api", "worker") as service,
    ):
        load, began = MixedLoad(service), time.monotonic()
        load.start()
        try:
            while time.monotonic() - began < seconds:
                time.sleep(min(seconds / SAMPLES, 30))
                samples.append(take(service, began))
        finally:
            load.stop()
    measured_on = machine()
    found = {"machine": measured_on, "revision": revision(), "minutes": round(seconds / 60, 1), **summary(samples)}
    found |= {"asked": dict(sorted(load.seen.items())), "samples": [asdict(sample) for sample in samples]}
    (RESULTS / f"mixed-load-{slug(measured_on)}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "samples"}, indent=1))
    sys.exit(bool(found["store"]["above_what_is_allowed"]))


if __name__ == "__main__":
    main()
