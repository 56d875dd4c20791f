"""`python -m bench.training`: our loop beside the example's on the same networks, and the speed of every recipe.

Each measurement is a process of its own, and all are taken in turn, round after round: the machine's speed changes.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine, revision, slug
from bench.training import report, whole
from bench.training.report import EXAMPLE, OURS, PEAK
from core.machine.processes import python_module
from models.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "benchmarks"
NAMES = (EXAMPLE, OURS, PEAK, *RECIPES)

Figures = dict[str, Any]


def measure(name: str, asked: argparse.Namespace) -> Figures:
    """One measurement of one contestant."""
    command = python_module("bench.training.contestant", name, "--device", asked.device)
    command += ["--seconds", str(asked.seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: Figures = json.loads(done.stdout)
    return found


def medians(rounds: list[Figures]) -> Figures:
    """Number by number; of images/s also each round's."""
    merged = dict(rounds[-1])
    for name, value in merged.items():
        if isinstance(value, float):
            merged[name] = statistics.median(one[name] for one in rounds)
    if "images_per_second" in merged:
        merged["rounds"] = [round(one["images_per_second"], 1) for one in rounds]
    return merged


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure training. Results go to docs/benchmarks/.")
    parser.add_argument("--only", nargs="*", choices=NAMES, default=list(NAMES), metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--device", default="cpu", help="cpu, or cuda")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a measurement, after five steps")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", type=float, default=60.0, help="about how many seconds of a whole run; 0: none")
    parser.add_argument("--json", type=Path, help="where the result goes; default: docs/benchmarks/, by machine")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, keep."""
    asked = parse(arguments)
    found: dict[str, list[Figures]] = defaultdict(list)
    for number in range(asked.rounds):
        print(f"round {number + 1} of {asked.rounds}", flush=True)
        for name in asked.only:
            figures = measure(name, asked)
            found[name].append(figures)
            print(f"  {name:<10} {report.one_line(figures)}", flush=True)
    measured: dict[str, Any] = {name: medians(rounds) for name, rounds in found.items()}
    for name in [name for name in measured if name in RECIPES and asked.whole]:
        measured[name]["whole"] = run = whole.measure(name, int(asked.whole * measured[name]["images_per_second"]))
        print(f"  {name:<10} hooks take {whole.share(run):.1%} of a run of {run['loop']:.0f} s", flush=True)
    device = torch.cuda.get_device_name() if asked.device != "cpu" else ""
    result: dict[str, Any] = {
        "schema": report.SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "revision": revision(),
        "machine": {**machine(), "python": platform.python_version(), "system": platform.system(), "device": device},
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "contestants": measured,
    }
    print("\n" + report.text(result))
    name = "gpu" if device else slug(result["machine"])
    place = asked.json or RESULTS / f"training-{name}.json"
    place.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print(f"\nwritten to {place}; `python docs/generate.py` puts it into docs/benchmarks.md")


if __name__ == "__main__":
    main()
