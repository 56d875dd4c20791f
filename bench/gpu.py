"""`make bench-gpu`: what is asked of a GPU, in under ten minutes. Not yet run on one.

The tests marked `gpu`; serving as a share of bare replays of the same network's CUDA graph; our training loop beside
the example's, and recipes. Prints a table and writes docs/benchmarks/gpu-NAME.json. Ends with status 2 without a GPU.

Shape suffixes: B batch, Z latent.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from bench.machine import ROOT, machine, revision, slug
from bench.serving import generator
from core.machine.processes import python_module
from models.sampling import to_uint8

RESULTS = ROOT / "docs" / "benchmarks"
MODEL = "bench32"
BATCHES = (1, 8, 32, 64)
CELLS = ("n1-c64", "n64-c16", "n64-npy-c16", "n1-c16-256px")
CONTESTANTS = ("example", "ours", "peak", "dcgan", "cgan", "sngan", "rpgan", "r3gan")


def replays_per_second(batch: int, seconds: float, model: str = MODEL) -> float:
    """Images/s of a CUDA graph that is replayed and nothing else: noise stays, pictures are not fetched."""
    config = generator.config_of(generator.SIZES[model])
    network = generator.make(config).to("cuda")
    z_BZ = torch.randn(batch, config.latent_dim, device="cuda")
    with torch.inference_mode():
        for _ in range(3):
            to_uint8(network(z_BZ))
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            to_uint8(network(z_BZ))
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            for _ in range(16):
                graph.replay()
            torch.cuda.synchronize()
            count += 16
        return count * batch / (time.perf_counter() - began)


def tests() -> bool:
    """Whether the tests marked `gpu` pass."""
    command = python_module("pytest", "-q", "-m", "gpu", "-n", "1")
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def results_of(module: str, *options: str) -> dict[str, Any]:
    """What another benchmark writes, with the service and the loops on the GPU."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "result.json"
        command = ["env", "GANYMEDE_DEVICE=cuda", *python_module(module, *options, "--json", written)]
        subprocess.run(command, cwd=ROOT, check=True)
        found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return found


def measure(seconds: float) -> dict[str, Any]:
    """Everything, in the order in which a failure costs least."""
    device = {"device": torch.cuda.get_device_name()}
    found: dict[str, Any] = {"schema": 1, "revision": revision(), "machine": {**machine(), **device}}
    found["tests_pass"] = tests()
    found["replay"] = {str(batch): replays_per_second(batch, seconds / 4) for batch in BATCHES}
    of_a_round = ("--rounds", "1", "--seconds", str(seconds))
    serving = results_of("bench.serving", "--peers", "--only", *CELLS, "--no-limits", *of_a_round)
    training = results_of("bench.training", "--device", "cuda", "--only", *CONTESTANTS, *of_a_round)
    found |= {"serving": serving["cells"], "training": training["contestants"]}
    return found


def table(found: dict[str, Any]) -> str:
    """Images/s of each cell, and its share of the fastest replay; images/s of each loop."""
    fastest = max(found["replay"].values())
    lines = [f"{found['machine']['device']}; tests marked gpu: {'passed' if found['tests_pass'] else 'FAILED'}"]
    lines += [f"replay, batch {batch:>2} {rate:14,.0f} images/s" for batch, rate in found["replay"].items()]
    for cell, servers in found["serving"].items():
        rate = servers["Ganymede"]["images_per_s"]
        share = "" if "256" in cell else f"  {rate / fastest:.0%} of replay"
        lines.append(f"{cell:<16} {rate:14,.0f} images/s{share}")
    contestants = {name: each for name, each in found["training"].items() if "images_per_second" in each}
    lines += [f"train {name:<10} {each['images_per_second']:14,.0f} images/s" for name, each in contestants.items()]
    ratio = contestants["ours"]["images_per_second"] / contestants["example"]["images_per_second"]
    return "\n".join([*lines, f"our loop: {ratio:.2f} times the example's"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a cell, and of a loop")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print("No CUDA device is here: make bench-gpu measures nothing without one.", file=sys.stderr)
        sys.exit(2)
    found = measure(asked.seconds)
    print("\n" + table(found))
    place = RESULTS / f"gpu-{slug({'cpu': found['machine']['device'], 'cores': found['machine']['cores']})}.json"
    place.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if not found["tests_pass"]:
        sys.exit("tests marked gpu failed")


if __name__ == "__main__":
    main()
