"""`make bench-serving`: Ganymede and its peers, the same weights, one machine, rounds that take turns. Prints tables.

    python -m bench.serving [--peers LitServe mosec] [--only n1-c64 n64-c16] [--seconds 5] [--rounds 3] [--quick]

Only one server runs at a time. In each round every server is started, taken through its cells, and ended; medians over
the rounds are reported. docs/benchmarks.md says how to read them.

Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import io
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.machine import machine, revision, slug
from bench.serving import cells, generator, report, wrk
from bench.serving.servers import CONSTANT, OURS, PEERS, PEERS_PYTHON, ROOT, Running, Server, ServerFailed, running
from core.machine.processes import python_module

AGREE_WITHIN = 3  # grey levels between a peer's picture and ours, which may be drawn in another precision
PACKAGES = ("litserve", "mosec", "bentoml", "fastapi", "uvicorn", "uvloop", "torch", "numpy", "pillow")
RESULTS = ROOT / "docs" / "benchmarks"


class BenchmarkRun:
    """One run of the benchmark: its store, and what has been measured so far."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.cells = [cell for cell in cells.CELLS if cell.name in asked.only]
        self.home = folder / "home"
        self.weights = generator.publish(self.home / "store")
        self.measured: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        self.limits: dict[str, list[float]] = defaultdict(list)
        self.failed: list[str] = []
        self.agreement: dict[str, int] = {}
        self.ours_NHWC: dict[str, npt.NDArray[np.int16]] = {}
        self.overload: dict[str, Any] | None = None

    def round(self, number: int, contestants: Sequence[Server]) -> None:
        for server in contestants:
            own = cells.take(server, self.cells)
            is_open = cells.OPEN_LOOP in self.asked.only and server is not CONSTANT
            for model in cells.models(own) or ["bench32"]:
                if any(cell.model == model for cell in own) or (is_open and model == "bench32"):
                    self._serve(server, model, [cell for cell in own if cell.model == model], number)
            if server is OURS and self.asked.limits:  # at once: the machine is not the same a minute later
                for way, rate in bare_pass(self.weights["bench32"], self.asked.seconds).items():
                    self.limits[way].append(rate)

    def _serve(self, server: Server, model: str, own: Sequence[cells.Cell], number: int) -> None:
        place = self.folder / f"{server.name.replace(' ', '-')}-{model}"
        try:
            with running(server, model, self.weights[model], place, self.home) as up:
                self._check(up)
                for cell in own:
                    self._keep(cell.name, up, lambda cell=cell: cells.measure(up, cell, self.asked.seconds, number * 2))
                if model == "bench32" and server is not CONSTANT and cells.OPEN_LOOP in self.asked.only:
                    seconds = 2 * self.asked.seconds
                    self._keep(cells.OPEN_LOOP, up, lambda: cells.open_loop(up, self.asked.rate, seconds, number))
        except ServerFailed as error:
            self._fail(str(error))

    def _keep(self, cell: str, up: Running, measure: Any) -> None:
        try:
            found = measure()
        except wrk.LoadFailed as error:
            self._fail(f"{up.server.name}, {cell}: {error}")
            return
        self.measured[cell][up.server.name].append(found)
        print(f"  {up.server.name:<18} {cell:<14} {report.one_line(found)}", flush=True)

    def _fail(self, what: str) -> None:
        """A cell without a number is told as such, there and at the end."""
        self.failed.append(what)
        print(f"  FAILED {what}", flush=True)

    def _check(self, up: Running) -> None:
        """Whether it draws what ours draws: same noise, same weights, the file read back."""
        if up.server is CONSTANT:
            return
        answer = up.ask(seed=7, n=4, format="npy")
        images_NHWC = np.lib.format.read_array(io.BytesIO(answer.content), allow_pickle=False).astype(np.int16)
        if up.server.is_ours:
            self.ours_NHWC[up.model] = images_NHWC
        if up.model not in self.ours_NHWC:
            return
        off = int(np.abs(images_NHWC - self.ours_NHWC[up.model]).max())
        if off > AGREE_WITHIN:
            raise ServerFailed(f"{up.server.name} draws other pictures than ours: {off} grey levels off")
        known = self.agreement.get(up.server.name)
        self.agreement[up.server.name] = max(off, known or 0)
        if known is None:
            print(f"  {up.server.name:<18} draws what Ganymede draws, within {off} grey levels", flush=True)

    def drown(self) -> None:
        """The overload, once: ours alone."""
        try:
            with running(OURS, "bench32", self.weights["bench32"], self.folder / "overload", self.home) as up:
                self.overload = cells.overload(up, self.asked.overload_seconds, 2 * self.asked.seconds, seed=1)
        except (ServerFailed, wrk.LoadFailed) as error:
            self._fail(f"overload: {error}")

    def result(self, versions: dict[str, str]) -> dict[str, Any]:
        return {
            "schema": report.SCHEMA,
            "date": datetime.now(UTC).date().isoformat(),
            "revision": revision(),
            "machine": {**machine(), "python": platform.python_version(), "system": platform.system()},
            "versions": versions,
            "seconds": self.asked.seconds,
            "rounds": self.asked.rounds,
            "rate": self.asked.rate,
            "agreement": self.agreement,
            "cells": {cell: {s: medians(f) for s, f in by.items()} for cell, by in self.measured.items()},
            "limits": {way: statistics.median(rates) for way, rates in self.limits.items()},
            "rounds_limits": {way: [round(rate) for rate in rates] for way, rates in self.limits.items()},
            "overload": self.overload,
            "failed": self.failed,
        }


def medians(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Number by number; with more than one round also each round's requests/s, to show the spread."""
    merged = dict(found[-1])
    for name, value in found[-1].items():
        values = [one[name] for one in found if one[name] is not None]
        if isinstance(value, int | float) and values:
            merged[name] = statistics.median(values)
    if "requests_per_s" in merged:
        merged["rounds_requests_per_s"] = [round(one["requests_per_s"], 2) for one in found]
    return merged


def bare_pass(weights: Path, seconds: float) -> dict[str, float]:
    command = python_module("bench.serving.limits", weights, "--seconds", min(seconds, 1.0))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def peer_versions() -> dict[str, str]:
    code = f"import importlib.metadata as m, json; print(json.dumps({{p: m.version(p) for p in {PACKAGES!r}}}))"
    done = subprocess.run([str(PEERS_PYTHON), "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peers", nargs="*", choices=names, default=names, help="beside Ganymede; none: ours alone")
    parser.add_argument("--only", nargs="+", choices=cells.NAMES, default=list(cells.NAMES), metavar="CELL")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a cell; twice that for n = 64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=100.0, help="requests/s of the open-loop cell")
    parser.add_argument("--overload-seconds", type=float, default=60.0)
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="skip the bare forward pass")
    parser.add_argument("--quick", action="store_true", help="one round of a second: whether it works, no result")
    parser.add_argument("--json", type=Path, help="where the result goes; default: docs/benchmarks/, by machine")
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.seconds, asked.rounds, asked.overload_seconds = 1.0, 1, 5.0
    return asked


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, keep."""
    asked = parse(arguments)
    if not wrk.is_here():
        print(wrk.HOW_TO_INSTALL, file=sys.stderr)
        sys.exit(2)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it ends the server it runs, as Ctrl-C does
    contestants = [OURS, CONSTANT, *(peer for peer in PEERS if peer.name in asked.peers)]
    versions = peer_versions() if asked.peers else {}
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder:
        session = BenchmarkRun(asked, Path(folder))
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds}", flush=True)
            session.round(number, contestants)
        if cells.OVERLOAD in asked.only:
            session.drown()
        result = session.result(versions)
    print("\n" + report.text(result))
    place = asked.json or (None if asked.quick else RESULTS / f"serving-{slug(result['machine'])}.json")
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        print(f"\nwritten to {place}; `python docs/generate.py` puts it into docs/benchmarks.md")
    if session.failed:
        sys.exit(f"{len(session.failed)} measurements failed:\n" + "\n".join(session.failed))


if __name__ == "__main__":
    main()
