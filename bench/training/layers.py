"""Where a step of our loop with the example's networks spends its time: `python -m bench.training.layers`.

Each operation is timed as torch dispatches it, on the CPU, where it has ended when it returns. A share of the peak is
as on the page of benchmarks: floating-point operations a second beside those of a product of large matrices.

Shape suffixes: O channels out, I channels in, H height, W width.
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from bench.dataset import read_bundled
from bench.machine import ROOT, machine, revision, slug
from bench.training import contestant, ours

RESULTS = ROOT / "docs" / "benchmarks"
SHOWN = 0.01  # of a step's time; what takes less is summed up
REST = "all else"


@dataclass
class Cost:
    """What one kind of operation takes, of all steps."""

    seconds: float = 0.0
    operations: float = 0.0
    calls: int = 0


class TimedOperations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums up time and floating-point operations by name and, of convolutions, shape."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.costs: dict[str, Cost] = defaultdict(Cost)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        began = time.perf_counter()
        out = func(*args, **(kwargs or {}))
        cost = self.costs[name_of(func, args)]
        cost.seconds += time.perf_counter() - began
        cost.calls += 1
        count = flop_registry.get(func.overloadpacket)
        cost.operations += count(*args, **(kwargs or {}), out_val=out) if count else 0
        return out


def name_of(func: Any, args: Any) -> str:
    """An operation as the table has it."""
    name = str(func.overloadpacket).removeprefix("aten.")
    if name == "convolution":
        return f"{_layer(args[1], is_transposed=args[6])} forward"
    if name == "convolution_backward":
        inputs, weights, _ = args[10]
        of = " and ".join(what for what, is_wanted in (("inputs", inputs), ("weights", weights)) if is_wanted)
        return f"{_layer(args[2], is_transposed=args[7])} gradient of {of}"
    return name


def _layer(weight_OIHW: torch.Tensor, *, is_transposed: bool) -> str:
    kind = "transposed convolution" if is_transposed else "convolution"
    wide, narrow = weight_OIHW.shape[:2] if is_transposed else weight_OIHW.shape[1::-1]
    return f"{kind} {wide} to {narrow}"


def rows(costs: dict[str, Cost], peak: float) -> list[dict[str, Any]]:
    """A row for each kind, the longest first: share of the time, and of the peak where operations are counted."""
    whole = sum(cost.seconds for cost in costs.values())
    long = {name: cost for name, cost in costs.items() if cost.seconds >= SHOWN * whole}
    rest = sum(cost.seconds for name, cost in costs.items() if name not in long)
    found = [
        {
            "name": name,
            "of_time": round(cost.seconds / whole, 4),
            "of_peak": round(cost.operations / cost.seconds / peak, 3) if cost.operations else None,
        }
        for name, cost in sorted(long.items(), key=lambda item: -item[1].seconds)
    ]
    return [*found, {"name": REST, "of_time": round(rest / whole, 4), "of_peak": None}]


def measure(steps: int, peak_seconds: float) -> dict[str, Any]:
    """Profile so many steps after three; float32 or bfloat16 as the machine has it."""
    digits = read_bundled()
    run = ours.prepare_example(digits.images[..., None], digits.labels.astype(np.int64), "cpu")
    state, method, batches = run
    state.set_rates()
    for _ in range(3):
        method.step(state, batches)
    with TimedOperations() as timed:
        for _ in range(steps):
            method.step(state, batches)
    precision = state.execution.precision
    peak = contestant.peak(getattr(torch, precision), "cpu", peak_seconds)
    return {"precision": precision, "peak_flops": peak, "rows": rows(timed.costs, peak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10, help="of measuring the peak")
    asked = parser.parse_args()
    found = {"machine": machine(), "revision": revision(), **measure(asked.steps, asked.seconds)}
    (RESULTS / f"layers-{slug(found['machine'])}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for row in found["rows"]:
        of_peak = "" if row["of_peak"] is None else f"{row['of_peak']:.0%}"
        print(f"{row['name']:<60} {row['of_time']:6.1%} {of_peak:>6}")


if __name__ == "__main__":
    main()
