"""The parts of docs/benchmarks.md about single operations of a step, and about what the service's processes do."""

from pathlib import Path
from typing import Any

from docs.pages.records import section, where

LAYERS = """
### A step of training, operation by operation

`python -m bench.training.layers`: our loop with the example's networks. One operation gives the gradients of inputs and
weights. A share of the peak is as above.
"""
PROCESSES = """
## What a request takes of each process

`python -m bench.cpu_per_request`: 64 connections ask for one image each, of random seeds; CPU seconds of 1,000
requests. Two services: what two whole ones, each with half of the connections, answer together.
[Decision 0009](decisions/0009-one-http-process.md) goes by it.
"""
PROFILE = """
## Where the time of a request goes

`python -m bench.serving.profile`: samples of the stacks of both processes under load, one image a request. A sample
counts for the innermost part that its stack names; one that waits is left out. Cores: how many each process keeps busy.
"""
LOADS = {"bench32": "1 image, 32 px", "bench256": "1 image, 256 px"}


def profile_section(folder: Path) -> str:
    """Of each machine where stacks were sampled; empty where none were."""
    return section(PROFILE, folder, "profile", _profile)


def _profile(result: dict[str, Any]) -> str:
    lines = [f"{where(result)}.", ""]
    for model, found in result["loads"].items():
        rate = f"{found['requests_per_s']:,.0f} requests/s"
        lines += [f"### {LOADS[model]}, {found['connections']} connections: {rate}", ""]
        lines += ["| process | cores | what it does | of its busy time |", "|---|---|---|---|"]
        for process, shares in found["shares"].items():
            who = f"| {process} | {found['cores'][process]:.2f}"
            lines += [f"{who} | {room} | {share:.0%} |" for room, share in shares.items() if share >= 0.01]
        lines.append("")
    return "\n".join(["", *lines])


def layers_section(folder: Path) -> str:
    """Of each machine where the operations were timed; empty where none was."""
    return section(LAYERS, folder, "layers", _layers)


def _layers(result: dict[str, Any]) -> str:
    peak = f"the peak is {result['peak_flops'] / 1e9:,.0f} GFLOP/s in {result['precision']}"
    lines = [f"{where(result)}; {peak}.", "", "| operation | of the time | of the peak |", "|---|---|---|"]
    for row in result["rows"]:
        of_peak = "" if row["of_peak"] is None else f"{row['of_peak']:.0%}"
        lines.append(f"| {row['name']} | {row['of_time']:.1%} | {of_peak} |")
    return "\n".join(["", *lines, ""])


def processes_section(folder: Path) -> str:
    """Of each machine where CPU time was counted; empty where none was."""
    return section(PROCESSES, folder, "cpu-per-request", _processes)


def _processes(result: dict[str, Any]) -> str:
    head = ["model", "requests/s", "API", "engine process", "wrk", "of the machine's cores", "two services"]
    lines = [f"{where(result)}.", "", f"| {' | '.join(head)} |", "|---|---|---|---|---|---|---|"]
    for model, found in result["models"].items():
        each = [f"{found[name]:.2f} s" for name in ("api_s", "engine_s", "wrk_s")]
        cells = [model, f"{found['requests_per_s']:,.0f}", *each, f"{found['share_of_cores']:.0%}"]
        cells.append(f"{found['two_requests_per_s']:,.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["", *lines, ""])
