"""The GAN training loop. It knows two networks, an objective and batches; it knows no Redis, no files and no HTTP.

Whatever watches or stops a run is a Hook.

Shape suffixes: B batch, C channels, H height, W width.
"""

import time
from collections.abc import Sequence
from math import isfinite
from typing import Protocol

import torch
from torch import Tensor, nn

from core.errors import TrainingFailed
from worker.batches import Batches
from worker.objectives import Objective
from worker.state import TrainState

Metrics = dict[str, float]


class Hook(Protocol):
    """Called between steps. A hook stops the run by raising worker.stopping.StopTraining."""

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        """There are new numbers; they are finite."""

    def after_step(self, state: TrainState, is_last: bool) -> None:
        """One step is done."""


class Trainer:
    """Alternating updates of discriminator and generator, one of each a step."""

    def __init__(self, state: TrainState, objective: Objective, batches: Batches, hooks: Sequence[Hook]) -> None:
        self.state, self.objective, self.batches, self.hooks = state, objective, batches, hooks
        self._sum: Tensor | None = None
        self._summed = 0  # steps
        self._since = time.perf_counter()

    def fit(self) -> None:
        """Train up to the last step; the average of the generator is the result."""
        state, steps, report_every = self.state, self.state.resolved["steps"], self.state.resolved["report_every"]
        self.batches.position = state.position
        while state.step < steps:
            real_BCHW, label_B = self.batches.next()
            self._add(self._step(real_BCHW, label_B))

            state.step += 1
            state.images_seen += len(real_BCHW)
            state.position = self.batches.position
            state.update_ema(len(real_BCHW))

            is_last = state.step == steps
            if state.step % report_every == 0 or is_last:
                self._report(len(real_BCHW))
            for hook in self.hooks:
                hook.after_step(state, is_last)

    def _step(self, real_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
        """One update of each network; the fakes of the first serve the second. Returns what is reported, unsynced."""
        state, autocast = self.state, self.state.execution.autocast
        label_B = label_B if state.num_classes else None
        with autocast():
            fake_BCHW = state.generator(state.noise(len(real_BCHW)), label_B)
            real_B = state.discriminator(real_BCHW, label_B).float()
            fake_B = state.discriminator(fake_BCHW.detach(), label_B).float()
        d_loss = self.objective.discriminator(real_B, fake_B)
        _descend(state.discriminator_optimizer, d_loss)

        state.discriminator.requires_grad_(False)  # its gradients are not wanted now: a third of the work
        with autocast():
            judged_B = state.discriminator(fake_BCHW, label_B).float()
        g_loss = self.objective.generator(judged_B)
        _descend(state.generator_optimizer, g_loss)
        state.discriminator.requires_grad_(True)

        reported = (d_loss, g_loss, real_B.sigmoid().mean(), fake_B.sigmoid().mean())
        return torch.stack([value.detach() for value in reported])

    def _add(self, reported: Tensor) -> None:
        self._sum = reported if self._sum is None else self._sum + reported
        self._summed += 1

    def _report(self, batch_size: int) -> None:
        """Average what was measured since the last report: the one place where the device is waited for."""
        assert self._sum is not None
        steps, means = self._summed, (self._sum / self._summed).tolist()
        self._sum, self._summed = None, 0
        metrics = dict(zip(("d_loss", "g_loss", "d_real", "d_fake"), means, strict=True))
        if not all(map(isfinite, means)):
            raise TrainingFailed(
                "diverged",
                f"a loss stopped being a finite number before step {self.state.step}; a lower learning rate may help",
                retryable=False,
            )
        now = time.perf_counter()
        metrics["images_per_second"] = steps * batch_size / (now - self._since)
        self._since = now
        for hook in self.hooks:
            hook.after_report(self.state, metrics)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
