"""`python -m worker.probe ORDER`: a few steps of a run's own loop, to say what it will take. Trains nothing for keeps.

ORDER is JSON: `resolved` (the numbers of the run), `dataset` (`count`, `height`, `width`, `channels`), `device`, and
`patience_s`, which all steps together may take. Its pictures are noise: no step takes longer for what is in them.

A few tiny steps come first and tell how memory and time grow with the batch; only what fits is then tried in full.
Beside other work these are slow whatever their size: where they told to try less than the whole batch, larger parts
follow for as long as there is time. What is known is said on stdout, a line of JSON each time there is more.

The process stands back behind all others, is the first to go when memory runs out, and ends at once when its stdin is
closed. Shape suffixes: N images, H height, W width, C channels.
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel

from core.machine.lifeline import end_with_the_parent
from core.machine.memory import available_bytes, peak_resident_bytes, total_bytes
from core.media.images import to_webp
from core.resolved import ResolvedConfig
from core.runs.measured import Measured, MeasuredStep
from ganymede.schemas.validation import MemoryBody
from models.networks import network_config, state_bytes
from models.sampling import sheet
from worker.checkpoints.checkpointing import save_training
from worker.training.batches import Batches
from worker.training.execution import Execution, decide
from worker.training.methods import method_of
from worker.training.saved_tensors import SavedTensors
from worker.training.state import TrainState, new_state
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Metrics, Trainer

NICENESS = 10
TINY = (2, 8)  # batches that tell what a picture more takes
WARM_UP, MOST_STEPS = 2, 50
MEASURE_S = 2.5  # of steps that count
TINY_S = 0.3  # of steps of a tiny batch
BLOCKS = 3  # of steps that count; how far their means are apart tells how sure a step is
SURE = 1.25  # so far off is a step that nothing got in the way of
TEMPORARY = 1.5  # memory of a step over that of what it saves for the way back, which leaves out what is soon let go
SHARE = 0.5  # of the memory that is free: more is not tried, for the sake of whoever else is on this machine


class Pictures(BaseModel):
    """Number and sizes of the pictures to learn from."""

    count: int
    height: int
    width: int
    channels: int


class ProbeRequest(BaseModel):
    """The order on the command line."""

    resolved: ResolvedConfig
    dataset: Pictures
    device: str
    patience_s: float


class Stopwatch:
    """A hook that times each step but the first, and ends the loop when that is enough."""

    def __init__(self, execution: Execution, warm_up: int, budget_s: float, most: int) -> None:
        self.execution, self.warm_up, self.budget_s, self.most = execution, warm_up, budget_s, most
        self.seconds: list[float] = []
        self._cpu_s: list[float] = []
        self._waited_s: list[float] = []
        self._last = _clocks()

    def after_report(self, state: TrainState, metrics: Metrics) -> None: ...

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        if self.execution.torch_device.type == "cuda":
            torch.cuda.synchronize()
        now = _clocks()
        for times, this, last in zip((self.seconds, self._cpu_s, self._waited_s), now, self._last, strict=True):
            times.append(this - last)
        self._last = now
        counted = self.counted
        if len(counted) >= self.most or (counted and sum(counted) >= self.budget_s):
            raise StopTraining("pause")

    @property
    def counted(self) -> list[float]:
        """Seconds of the steps that count."""
        return self.seconds[self.warm_up :]

    @property
    def step_s(self) -> float:
        """Mean seconds of a step: beside other work some steps wait, and all count."""
        return statistics.fmean(self.counted)

    @property
    def range_s(self) -> tuple[float, float]:
        """Bounds of a step's seconds: with the cores to itself, and beside the worst work seen."""
        counted = self.counted
        size = -(-len(counted) // BLOCKS)
        means = [statistics.fmean(counted[start : start + size]) for start in range(0, len(counted), size)]
        share = self.core_share if self.execution.torch_device.type == "cpu" else 1.0
        return min(means) * share / SURE, max(means) * SURE

    @property
    def core_share(self) -> float:
        """The share of the wanted core time that it got; about 1 if nobody else wanted cores."""
        had_s, waited_s = (sum(times[self.warm_up :]) for times in (self._cpu_s, self._waited_s))
        return had_s / (had_s + waited_s) if had_s else 1.0


def _clocks() -> tuple[float, float, float]:
    """Return seconds passed, computed by this process, and waited for a core by its threads (Linux only)."""
    waited_ns = 0
    for stat in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread ended
            waited_ns += int(stat.read_text().split()[1])
    return time.perf_counter(), time.process_time(), waited_ns / 1e9


class Growth:
    """Measures how long a step takes with more pictures."""

    def __init__(self) -> None:
        self._least_s: dict[int, float] = {}  # the quickest step by batch

    def note(self, batch_size: int, watch: Stopwatch) -> None:
        self._least_s[batch_size] = min(watch.counted)  # the fewest got in the way of the quickest

    def step_s(self, batch_size: int) -> float:
        """Extrapolate along the line through the two largest measured batches."""
        smaller, larger = sorted(self._least_s)[-2:]
        a_picture = (self._least_s[larger] - self._least_s[smaller]) / (larger - smaller)
        return self._least_s[larger] + max(0.0, a_picture) * (batch_size - larger)

    def describe(self, asked: int, batch_size: int, watch: Stopwatch) -> MeasuredStep:
        """Extrapolate from steps of `batch_size` to the requested batch, with bounds."""
        at_most = asked / batch_size  # each picture takes as long as before
        ratio = min(at_most, max(at_most / 2, self.step_s(asked) / self.step_s(batch_size)))
        least_s, most_s = watch.range_s
        return MeasuredStep(
            batch_size=batch_size,
            step_s=watch.step_s * ratio,
            least_step_s=least_s * ratio,
            most_step_s=most_s * at_most,
            steps_measured=len(watch.counted),
            core_share=watch.core_share,
        )


class Probe:
    """The networks of a run, stepped with batches of any size."""

    def __init__(self, resolved: ResolvedConfig, dataset: Pictures, execution: Execution) -> None:
        self.resolved, self.dataset, self.execution = resolved.changed(steps=10**9), dataset, execution
        self.state = new_state(self.resolved, execution)

    def run(self, batch_size: int, *, warm_up: int, budget_s: float = 0.0, most: int = 1) -> Stopwatch:
        """Make steps of `batch_size` pictures: some that do not count, then `most`, or as many as fill `budget_s`."""
        watch = Stopwatch(self.execution, warm_up, budget_s, most)
        trainer = Trainer(self.state, method_of(self.resolved), self._batches(batch_size), [watch])
        with contextlib.suppress(StopTraining, RollBack):
            trainer.fit()
        return watch

    def _batches(self, batch_size: int) -> Batches:
        shape = (self.dataset.height, self.dataset.width, self.dataset.channels)
        count = min(self.dataset.count, 4 * batch_size)
        images_NHWC = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
        labels_N = np.arange(count) % self.state.num_classes if self.state.num_classes else None
        self.state.position = (0, 0)
        return Batches(images_NHWC, labels_N, batch_size, 0, self.execution.torch_device)

    def beside_s(self) -> tuple[float, float]:
        """Return seconds of a grid of samples, and of a checkpoint."""
        began = time.perf_counter()
        to_webp(sheet(self.state.ema, network_config(self.resolved)))
        drawn = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            save_training(Path(folder), self.state)
        return drawn - began, time.perf_counter() - drawn


def measure(resolved: ResolvedConfig, dataset: Pictures, device: str, patience_s: float) -> None:
    """Report what a run takes, first as estimated, then as measured."""
    execution = decide(device, resolved.precision)
    execution.apply()
    if execution.torch_device.type != "cpu":
        os.nice(NICENESS)  # on a CPU it is done
    fixed = state_bytes(resolved)
    memory = MemoryBody(bytes=fixed, machine_bytes=_machine_bytes(execution), is_measured=False)
    known = Measured(**asdict(execution), memory=memory)
    if fixed > SHARE * _free_bytes(execution):
        say(known)
        return
    probe = Probe(resolved, dataset, execution)
    asked = resolved.batch_size
    until, growth = time.perf_counter() + patience_s, Growth()
    bytes_of = _reckoned(probe, (peak_resident_bytes() or 0) + fixed, growth)
    memory.bytes = bytes_of(asked)
    say(known)
    for batch_size, watch in _tried(
        probe, growth, lambda size: bytes_of(size) <= SHARE * _free_bytes(execution), until
    ):
        known.step = growth.describe(asked, batch_size, watch)
        if batch_size == asked:
            peak = _peak_bytes(execution)
            memory.bytes, memory.is_measured = peak or memory.bytes, peak is not None
        say(known)
    known.sample_s, known.checkpoint_s = probe.beside_s()
    say(known)


def _tried(probe: Probe, growth: Growth, fits: Callable[[int], bool], until: float) -> Iterator[tuple[int, Stopwatch]]:
    """Yield measured steps of the whole batch, or of the largest parts that fit into memory and time (`until`)."""
    asked, tried = probe.resolved.batch_size, 0
    parts = [asked >> halvings for halvings in range(max(1, asked.bit_length() - 1))]
    while tried < asked:
        left_s = until - time.perf_counter()
        first_s = left_s / (WARM_UP + 1)  # at most for a step: one has to count
        possible = [size for size in parts if size > tried and fits(size) and growth.step_s(size) <= first_s]
        if not possible and tried:
            return
        tried = possible[0] if possible else parts[-1]
        watch = probe.run(tried, warm_up=WARM_UP, budget_s=MEASURE_S, most=MOST_STEPS)
        if not watch.counted:  # its numbers stopped being finite
            return
        growth.note(tried, watch)
        yield tried, watch


def _reckoned(probe: Probe, fixed: int, growth: Growth) -> Callable[[int], int]:
    """Return bytes of a step as a function of the batch, from two tiny ones, whose times `growth` notes."""
    saved = []
    for batch_size in TINY:
        kept = SavedTensors()
        with kept:
            probe.run(batch_size, warm_up=0)
        saved.append(kept.peak_bytes)
        growth.note(batch_size, probe.run(batch_size, warm_up=0, budget_s=TINY_S, most=MOST_STEPS))
    a_picture = (saved[1] - saved[0]) / (TINY[1] - TINY[0])
    beside = saved[0] - a_picture * TINY[0]
    return lambda batch_size: int(fixed + beside + TEMPORARY * a_picture * batch_size)


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


def say(known: Measured) -> None:
    sys.stdout.write(known.model_dump_json() + "\n")
    sys.stdout.flush()


def main(order: str) -> None:
    end_with_the_parent()
    with contextlib.suppress(OSError):  # Linux alone
        Path("/proc/self/oom_score_adj").write_text("1000")
    asked = ProbeRequest.model_validate_json(order)
    measure(asked.resolved, asked.dataset, asked.device, asked.patience_s)


if __name__ == "__main__":
    main(sys.argv[1])
