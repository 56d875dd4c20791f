"""`python -m worker.probe ORDER`: a few steps of a run's own loop, to say what it will take. Trains nothing for keeps.

ORDER is JSON: `resolved` (the numbers of the run), `dataset` (`count`, `height`, `width`, `channels`), `device`. Its
pictures are noise: no step takes longer for what is in them. A few tiny steps come first and tell how memory and time
grow with the batch; only what fits is then tried in full. What is known is said on stdout, a line of JSON each time
there is more. The process stands back behind all others, is the first to go when memory runs out, and ends at once when
its stdin is closed.
"""

import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.images import to_webp
from core.lifeline import end_with_the_parent
from core.memory import available_bytes, peak_resident_bytes, total_bytes
from models.networks import state_bytes
from models.sampling import draw_grid
from worker.batches import Batches
from worker.checkpointing import save_training
from worker.execution import Execution, decide
from worker.methods import method_of
from worker.saved_tensors import SavedTensors
from worker.state import TrainState, new_state
from worker.stopping import RollBack, StopTraining
from worker.trainer import Metrics, Trainer

NICENESS = 10
TINY = (2, 8)  # batches that tell what a picture more takes
WARM_UP, MOST_STEPS = 2, 50
MEASURE_S = 2.5  # of steps that count
PATIENCE_S = 8.0  # for the steps before them and those that count
TEMPORARY = 1.5  # memory of a step over that of what it saves for the way back, which leaves out what is soon let go
SHARE = 0.5  # of the memory that is free: more is not tried, for the sake of whoever else is on this machine


class Stopwatch:
    """A hook: times each step but the first, and ends the loop when that is enough."""

    def __init__(self, execution: Execution, warm_up: int, budget_s: float, most: int) -> None:
        self.execution, self.warm_up, self.budget_s, self.most = execution, warm_up, budget_s, most
        self.seconds: list[float] = []
        self._cpu_s: list[float] = []
        self._last = (time.perf_counter(), time.process_time())

    def after_report(self, state: TrainState, metrics: Metrics) -> None: ...

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        if self.execution.torch_device.type == "cuda":
            torch.cuda.synchronize()
        now = (time.perf_counter(), time.process_time())
        for times, this, last in zip((self.seconds, self._cpu_s), now, self._last, strict=True):
            times.append(this - last)
        self._last = now
        counted = self.seconds[self.warm_up :]
        if len(counted) >= self.most or (counted and sum(counted) >= self.budget_s):
            raise StopTraining("pause")

    @property
    def step_s(self) -> float:
        """The median of a step: another process that got in the way of one does not count."""
        return statistics.median(self.seconds[self.warm_up :])

    @property
    def core_share(self) -> float:
        """How much of the cores that it was meant for it got; 1 or nearly so where nobody else wanted them."""
        return sum(self._cpu_s[self.warm_up :]) / (self.execution.threads * sum(self.seconds[self.warm_up :]))


class Probe:
    """The networks of a run, and steps of them with batches of any size."""

    def __init__(self, resolved: dict[str, Any], dataset: dict[str, Any], execution: Execution) -> None:
        self.resolved, self.dataset, self.execution = {**resolved, "steps": 10**9}, dataset, execution
        self.state = new_state(self.resolved, execution)

    def run(self, batch_size: int, *, warm_up: int, budget_s: float = 0.0, most: int = 1) -> Stopwatch:
        """Steps of `batch_size` pictures: some that do not count, then `most`, or as many as fill `budget_s`."""
        watch = Stopwatch(self.execution, warm_up, budget_s, most)
        trainer = Trainer(self.state, method_of(self.resolved), self._batches(batch_size), [watch])
        with contextlib.suppress(StopTraining, RollBack):
            trainer.fit()
        return watch

    def _batches(self, batch_size: int) -> Batches:
        shape = tuple(self.dataset[side] for side in ("height", "width", "channels"))
        count = min(self.dataset["count"], 4 * batch_size)
        images_NHWC = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
        labels_N = np.arange(count) % self.state.num_classes if self.state.num_classes else None
        self.state.position = (0, 0)
        return Batches(images_NHWC, labels_N, batch_size, 0, self.execution.torch_device)

    def beside_s(self) -> tuple[float, float]:
        """Seconds that a grid of samples takes, and that a checkpoint does."""
        network, began = self.resolved["network"], time.perf_counter()
        to_webp(draw_grid(self.state.ema, network["latent_dim"], network["num_classes"]))
        drawn = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            save_training(Path(folder), self.state)
        return drawn - began, time.perf_counter() - drawn


def measure(resolved: dict[str, Any], dataset: dict[str, Any], device: str) -> None:
    """Say what a run takes: at first as reckoned, then as measured."""
    execution = decide(device, resolved["precision"])
    execution.apply()
    if execution.torch_device.type != "cpu":
        os.nice(NICENESS)  # on a CPU it is done
    told: dict[str, Any] = {"execution": execution.to_json(), "machine_bytes": _machine_bytes(execution)}
    fixed = state_bytes(resolved)
    if fixed > SHARE * _free_bytes(execution):
        say(**told, bytes=fixed, is_measured=False)
        return
    probe = Probe(resolved, dataset, execution)
    asked = resolved["batch_size"]
    bytes_of, seconds_of = _reckoned(probe, (peak_resident_bytes() or 0) + fixed)
    told |= {"bytes": bytes_of(asked), "is_measured": False}
    say(**told)
    batch_size = asked
    while batch_size > 2 and (
        bytes_of(batch_size) > SHARE * _free_bytes(execution) or (WARM_UP + 1) * seconds_of(batch_size) > PATIENCE_S
    ):
        batch_size = max(2, batch_size // 2)
    watch = probe.run(batch_size, warm_up=WARM_UP, budget_s=MEASURE_S, most=MOST_STEPS)
    told |= {"batch_size": batch_size, "step_s": watch.step_s * asked / batch_size}
    told |= {"steps_measured": len(watch.seconds) - WARM_UP, "core_share": min(1.0, watch.core_share)}
    if batch_size == asked:
        told |= {"bytes": _peak_bytes(execution) or told["bytes"], "is_measured": _peak_bytes(execution) is not None}
    say(**told)
    sample_s, checkpoint_s = probe.beside_s()
    say(**told, sample_s=sample_s, checkpoint_s=checkpoint_s)


def _reckoned(probe: Probe, fixed: int) -> tuple[Callable[[int], int], Callable[[int], float]]:
    """Bytes, from what two tiny batches save for the way back, and seconds of a step as functions of the batch."""
    saved, seconds = [], []
    for batch_size in TINY:
        with SavedTensors() as kept:
            probe.run(batch_size, warm_up=0)
        saved.append(kept.peak_bytes)
        seconds.append(probe.run(batch_size, warm_up=0).step_s)
    more = TINY[1] - TINY[0]
    a_picture, a_picture_s = (saved[1] - saved[0]) / more, max(0.0, seconds[1] - seconds[0]) / more
    beside, beside_s = saved[0] - a_picture * TINY[0], seconds[1] - a_picture_s * TINY[1]
    return (
        lambda batch_size: int(fixed + beside + TEMPORARY * a_picture * batch_size),
        lambda batch_size: beside_s + a_picture_s * batch_size,
    )


def _machine_bytes(execution: Execution) -> int:
    if execution.torch_device.type == "cuda":
        return int(torch.cuda.get_device_properties(execution.torch_device).total_memory)
    return total_bytes()


def _free_bytes(execution: Execution) -> int:
    if execution.torch_device.type == "cuda":
        return int(torch.cuda.mem_get_info(execution.torch_device)[0])
    return available_bytes()


def _peak_bytes(execution: Execution) -> int | None:
    if execution.torch_device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(execution.torch_device))
    return peak_resident_bytes()


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(order: str) -> None:
    end_with_the_parent()
    with contextlib.suppress(OSError):  # Linux alone
        Path("/proc/self/oom_score_adj").write_text("1000")
    asked = json.loads(order)
    measure(asked["resolved"], asked["dataset"], asked["device"])


if __name__ == "__main__":
    main(sys.argv[1])
