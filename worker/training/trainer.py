"""The training loop. It knows networks, how they learn from batches, and when to tell of it; no Redis, files or HTTP.

How they learn is a Method: adversarial.py has that of all GANs, variational.py that of a VAE. Whatever watches or
stops a run is a Hook. Shape suffixes: M losses and other numbers of a step.
"""

import time
from collections.abc import Sequence
from math import isfinite
from typing import Protocol

import torch
from torch import nn

from worker.training.batches import Batches
from worker.training.state import Reported, TrainState
from worker.training.stopping import RollBack

REFUSED = "refused"  # steps that were not made, as their loss or gradient was no finite number

Metrics = dict[str, float]


class Hook(Protocol):
    """Called between steps. A hook stops the run by raising StopTraining, and sends it back by RollBack
    (worker/training/stopping.py)."""

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        """React to new, finite numbers; later hooks see what a hook adds to them."""

    def after_step(self, state: TrainState, is_last: bool) -> None:
        """One step is done."""


class Method(Protocol):
    def step(self, state: TrainState, batches: Batches) -> Reported:
        """Update the networks once, from as many batches as needed; reported tensors wait for no device."""


class Trainer:
    """Makes step after step, and calls the hooks in between."""

    def __init__(self, state: TrainState, method: Method, batches: Batches, hooks: Sequence[Hook]) -> None:
        self.state, self.method, self.batches, self.hooks = state, method, batches, hooks
        self._sum: Reported = {}
        self._steps, self._images = 0, 0  # summed up
        self._since = time.perf_counter()

    def fit(self) -> None:
        """Train up to the last step; the result is the generator's average."""
        state = self.state
        report_every = (state.resolved.report_every, state.resolved.evaluate_every)
        self.batches.position = state.position
        while not state.is_at_end:
            taken = self.batches.taken
            state.set_rates()
            reported = self.method.step(state, self.batches)

            state.step += 1
            images = self.batches.taken - taken
            state.images_seen += images
            state.position = self.batches.position
            state.update_ema(images)
            self._add(reported, images)

            if state.is_at_end or any(state.step % every == 0 for every in report_every):
                self._report()  # after which this may be the last step
            is_last = state.is_at_end
            for hook in self.hooks:
                hook.after_step(state, is_last)

    def _add(self, reported: Reported, images: int) -> None:
        reported = {**reported, REFUSED: self.state.broken}
        self._sum = {name: self._sum.get(name, 0) + value.detach() for name, value in reported.items()}
        self._steps += 1
        self._images += images

    def _report(self) -> None:
        """Average the numbers since the last report: the only place that waits for the device."""
        means_M = torch.stack([*self._sum.values()]) / self._steps
        self.state.world.average([means_M])
        means = means_M.tolist()
        metrics: Metrics = dict(zip(self._sum, means, strict=True))
        refused = round(metrics.pop(REFUSED) * self._steps)
        if refused or not all(map(isfinite, means)):
            first = f"in step {self.state.step - refused + 1}" if refused else f"by step {self.state.step}"
            raise RollBack(f"a loss or a gradient stopped being a finite number {first}")
        now = time.perf_counter()
        metrics["images_per_second"] = self._images / (now - self._since)
        self._sum, self._steps, self._images, self._since = {}, 0, 0, now
        for hook in self.hooks:
            hook.after_report(self.state, metrics)


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
