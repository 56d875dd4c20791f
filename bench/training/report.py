"""The results as tables: for the terminal, and docs/benchmarks.md from the JSON files. Measures nothing."""

from pathlib import Path
from typing import Any

from bench.machine import described
from bench.markdown import pipes
from bench.records import read_records
from bench.training import whole

SCHEMA = 1
EXAMPLE, OURS, PEAK = "example", "ours", "peak"
GIGA = 1e9

Result = dict[str, Any]
Row = tuple[str, ...]

BEGINS = """
## Training

    make bench-training                                # everything: some ten minutes on two cores
    make bench-training ARGS="--only example ours"     # the two loops alone

- "example": the loop of PyTorch's public [DCGAN example](https://github.com/pytorch/examples/tree/main/dcgan), written
  from what it does, on the bundled digits at 64 px, as its option `--dataset mnist` has them: networks of width 64,
  batch 64, Adam, BCE, a DataLoader of two workers, float32, every loss asked for at every step.
- "ours": the same networks, loss, batch, rates and pictures in Ganymede's loop. A test gives both loops the same noise
  and the same pictures: in float32 a step of each ends in the same weights, within rounding. What is ours: bfloat16
  where the CPU computes in it, channels last, fused Adam, no gradients of the discriminator's weights while the
  generator learns, pictures resized once (when they are imported), no number asked for between two reports; and an
  average of the generator, which the example has not.
- The recipes train on the bundled digits at 28 px, as "auto" sets them; files are not written.
- A share of the peak: floating-point operations of a step (products of matrices and convolutions, as torch counts them)
  by its time, against the product of two matrices of 2,048 x 2,048 in the same number format in the same round. What
  gradient penalties add by their second derivative is counted; a padded channel is not.
- Hooks: what numbers, grids, evaluations, checkpoints and versions take of the time of a whole run of about a minute,
  trained by the worker's own job; what is prepared before the first step is not counted. A longer run evaluates and
  draws more rarely, so its share is smaller.
- Each measurement is a process of its own; all are taken in turn, round after round. Medians.
"""


def rows(result: Result) -> list[Row]:
    """A row for each contestant but the peak."""
    contestants = result["contestants"]
    table: list[Row] = [("", "images/s", "of each round", "memory", "format", "share of the peak", "hooks")]
    for name, found in contestants.items():
        if name != PEAK:
            memory = f"{found['memory'] / 2**20:,.0f} MiB" if "memory" in found else ""
            each = " ".join(f"{rate:,.0f}" for rate in found["rounds"])
            share = _share(found, contestants.get(PEAK))
            hooks = f"{whole.share(found['whole']):.1%}" if "whole" in found else ""
            rate = f"{found['images_per_second']:,.0f}"
            table.append((name, rate, each, memory, found.get("precision", ""), share, hooks))
    return table


def _share(found: dict[str, Any], peak: dict[str, Any] | None) -> str:
    if peak is None or "operations_per_image" not in found:
        return ""
    flops = found["operations_per_image"] * found["images_per_second"]
    return f"{flops / peak[found['precision'] + '_flops']:.0%}"


def facts(result: Result) -> list[Row]:
    """Where it was measured, the ratio of the two loops, the peak."""
    host, contestants = result["machine"], result["contestants"]
    where = host["device"] or described(host)
    found: list[Row] = [("machine", f"{where}, {host['system']}, Python {host['python']}, torch {host['torch']}")]
    found.append(("date, revision", f"{result['date']}, {result['revision']}"))
    found.append(("rounds", f"{result['rounds']} of {result['seconds']:g} s; medians"))
    if EXAMPLE in contestants and OURS in contestants:
        ratio = contestants[OURS]["images_per_second"] / contestants[EXAMPLE]["images_per_second"]
        found.append(("images/s: ours / the example, the same networks", f"{ratio:.2f}"))
    for kind, flops in contestants.get(PEAK, {}).items():
        found.append((f"peak, {kind.removesuffix('_flops')}", f"{flops / GIGA:,.0f} GFLOP/s"))
    return found


def one_line(found: dict[str, Any]) -> str:
    """A measurement while it runs."""
    if "images_per_second" in found:
        return f"{found['images_per_second']:8,.1f} images/s"
    return ", ".join(f"{name.removesuffix('_flops')} {value / GIGA:,.0f} GFLOP/s" for name, value in found.items())


def text(result: Result) -> str:
    """For a terminal."""
    lines = []
    for table in (facts(result), rows(result)):
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table] + [""]
    return "\n".join(lines)


def section(folder: Path) -> str:
    """The part of docs/benchmarks.md about training."""
    results = read_records(folder, "training-*.json")
    assert all(result["schema"] == SCHEMA for result in results), "a result of another schema"
    return BEGINS + ("".join(map(_markdown, results)) if results else "\nNothing has been recorded yet.\n")


def _markdown(result: Result) -> str:
    host = result["machine"]
    where = host["device"] or described(host)
    return f"\n### Training on {where}\n\n{pipes([('', ''), *facts(result)])}\n{pipes(rows(result))}"
