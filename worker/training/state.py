"""All that training changes: networks, average, optimisers, counters. Knows no files (worker/checkpoints does).

Random numbers, batch order and learning rates are functions of (seed, branch, step), so nothing of them is kept.

Shape suffixes: B batch, C channels, H height, W width.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.resolved import ResolvedConfig
from ganymede.schemas.diagnosis import FrozenRecord, Remedy, TakenRemedy, Verdict
from ganymede.schemas.states import Best
from models.classifier import ClassDiscriminator
from models.networks import build_networks
from models.subjects import Subjects
from worker.training.augmentation import augmentation_of
from worker.training.batches import Batches, Labelled, Position
from worker.training.distributed import ALONE, World
from worker.training.execution import Execution
from worker.training.optimizer import EagerAdam
from worker.training.randomness import Draws, Moment, Purpose, stream
from worker.training.schedules import FIRST_BETA2, LAST_PENALTY, SCHEDULES, moved

EMA_RAMP_UP = 0.05  # of the images seen: an early average must not remember the untrained network (StyleGAN2-ADA)

Reported = dict[str, Tensor]  # scalars of one step, on the device


class Rollback(FrozenRecord):
    """A way back that a run took: from where, to where, and what it goes on with: other learning rates, or a remedy."""

    reason: str
    from_branch: int
    from_step: int
    branch: int
    step: int
    lr_scale: float
    generator_lr: float
    discriminator_lr: float
    verdict: Verdict | None = None  # that the remedy is taken against
    remedy: Remedy | None = None


@dataclass(kw_only=True)
class TrainState:
    """Networks on their device, and where training stands.

    settled: the numbers of the run, which never change. resolved: those that it goes by: remedies changed some.
    lr_scale: of both learning rates, beside their schedule; a rollback without a remedy halves it.
    without_better: evaluations since the best one, or since the run went back.
    last_step: that of `resolved`, or an earlier one at which the run ends.
    broken: 1 from the first step on whose loss or gradient was no finite number, else 0; a scalar on the device. While
        it is 1 no optimiser moves anything: it is their `found_inf`, which fused Adam reads on the device.
    subjects: what a network that completes, or classifies, is shown where it is watched and scored; None of any other.
    labelled: the pictures whose labels are learnt from; None: every picture of a batch.
    confusion: of a classifier, as the newest evaluation found it: by true class how often each class was named.
    world: the processes that train together. Each has its share of a batch and of its random numbers, which are drawn
        as for one process; all have the same weights, averages and counters.
    """

    settled: ResolvedConfig
    execution: Execution
    generator: nn.Module
    counterpart: nn.Module  # what the generator learns from: a discriminator, or the encoder of a VAE
    ema: nn.Module  # what is published: the average of `averaged`
    generator_optimizer: torch.optim.Optimizer
    counterpart_optimizer: torch.optim.Optimizer
    augmentation: Tensor  # (3,): what worker/training/augmentation.py keeps
    branch: int = 0
    step: int = 0
    images_seen: int = 0
    position: Position = (0, 0)
    lr_scale: float = 1.0
    rollbacks: list[Rollback] = field(default_factory=list)
    best: Best | None = None
    without_better: int = 0
    subjects: Subjects | None = None
    labelled: Labelled | None = None
    confusion: list[list[int]] | None = None
    world: World = ALONE
    last_step: int = field(init=False)
    broken: Tensor = field(init=False)
    resolved: ResolvedConfig = field(init=False)

    def __post_init__(self) -> None:
        self.resolved = remedied(self.settled, self.rollbacks)
        self.last_step = self.settled.steps
        self.broken = torch.zeros((), device=self.execution.torch_device)
        for optimizer in (self.generator_optimizer, self.counterpart_optimizer):
            optimizer.found_inf = self.broken  # type: ignore[attr-defined]

    @property
    def averaged(self) -> nn.Module:
        """The network whose average is published."""
        return self.counterpart if isinstance(self.counterpart, ClassDiscriminator) else self.generator

    @property
    def remedies(self) -> list[TakenRemedy]:
        """Those taken, oldest first."""
        places = {"verdict", "from_branch", "from_step", "branch", "step"}
        return [
            TakenRemedy.model_validate({**each.remedy.model_dump(), **each.model_dump(include=places)})
            for each in self.rollbacks
            if each.remedy
        ]

    def go_on_with(self, rollbacks: Sequence[Rollback]) -> None:
        """Adopt the changes of these rollbacks; another augmentation begins anew."""
        before = self.resolved.augment
        self.rollbacks, self.resolved = [*rollbacks], remedied(self.settled, rollbacks)
        if self.resolved.augment != before:
            self.augmentation.copy_(augmentation_of(self.resolved).begin(self.execution.torch_device))

    @property
    def num_classes(self) -> int:
        return self.resolved.network.num_classes

    @property
    def is_at_end(self) -> bool:
        return self.step >= self.last_step

    @property
    def done(self) -> float:
        """How far schedules are, 0 to 1; a limit that ends the run sooner moves none of them."""
        return self.step / self.resolved.steps

    @property
    def is_annealed(self) -> bool:
        """Whether more than the learning rates moves; not in runs of an earlier build."""
        return self.resolved.annealing == "cosine"

    @property
    def penalty_weight(self) -> float:
        """Of the current step."""
        weight = self.resolved.penalty_weight or 0.0
        return moved(weight, LAST_PENALTY * weight, self.done) if self.is_annealed else weight

    def take(self, batches: Batches) -> tuple[Tensor, Tensor | None]:
        """Return the next real images (B, C, H, W) and, for conditional networks, their labels (B,)."""
        real_BCHW, label_B = batches.next()
        return real_BCHW, label_B if self.num_classes else None

    def noise(self, count: int, update: int = 0, purpose: Purpose = Purpose.NOISE) -> Tensor:
        """Draw standard normal noise (B, Z) of the current step."""
        return self.draws(purpose, update).normal(count, self.resolved.latent_dim)

    def draws(self, purpose: Purpose, update: int = 0) -> Draws:
        """Return the random numbers of the current step for one purpose."""
        moment = Moment(self.resolved.seed, self.branch, self.step, update)
        return Draws(stream(moment, purpose, self.execution.torch_device), self.world)

    def statistics(self, *optimizers: torch.optim.Optimizer) -> Iterator[Tensor]:
        """Yield running means and variances of the batch norms that these optimizers' networks have."""
        owners = {self.generator_optimizer: self.generator, self.counterpart_optimizer: self.counterpart}
        for optimizer in optimizers:
            for name, buffer in owners[optimizer].named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    yield buffer

    def set_rates(self) -> None:
        """Set the learning rates of the current step, and what Adam remembers."""
        factor = SCHEDULES[self.resolved.lr_schedule](self.done) * self.lr_scale
        beta1, beta2 = self.resolved.beta1, self.resolved.beta2
        if self.is_annealed:
            beta2 = moved(min(FIRST_BETA2, beta2), beta2, self.done)
        optimizers = (self.generator_optimizer, self.counterpart_optimizer)
        for optimizer, rate in zip(optimizers, self.resolved.learning_rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"], group["betas"] = rate * factor, (beta1, beta2)

    @torch.no_grad()
    def update_ema(self, images: int) -> None:
        """Move the average towards the network; its half-life, in images, begins small for new weights."""
        half_life: float = self.resolved.ema_half_life
        if not self.resolved.init:
            ramp = self.images_seen * EMA_RAMP_UP
            half_life = moved(0.0, half_life, self.done) if self.is_annealed else min(half_life, ramp)
        weight = 1 - 0.5 ** (images / half_life) if half_life > 0 else 1.0
        pairs = zip(self.ema.state_dict().values(), self.averaged.state_dict().values(), strict=True)
        averaged, current = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        torch._foreach_lerp_(averaged, current, weight)


def remedied(settled: ResolvedConfig, rollbacks: Sequence[Rollback]) -> ResolvedConfig:
    """Return the numbers of a run as its remedies left them."""
    return settled.after(each.remedy for each in rollbacks if each.remedy)


def new_state(resolved: ResolvedConfig, execution: Execution, world: World = ALONE) -> TrainState:
    """Build networks with weights of the run's seed; the global random state is left alone."""
    generator, counterpart = (
        network.to(execution.torch_device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in _seeded_networks(resolved)
    )
    betas = (resolved.beta1, resolved.beta2)
    return TrainState(
        settled=resolved,
        execution=execution,
        world=world,
        generator=generator,
        counterpart=counterpart,
        ema=_published(generator, counterpart),
        generator_optimizer=EagerAdam(generator.parameters(), resolved.generator_lr, betas, fused=True),
        counterpart_optimizer=EagerAdam(counterpart.parameters(), resolved.discriminator_lr, betas, fused=True),
        augmentation=augmentation_of(resolved).begin(execution.torch_device),
    )


def start_over(state: TrainState) -> None:
    """Reset networks and optimisers to the beginning; branch, learning rates and rollbacks stay."""
    generator, counterpart = _seeded_networks(state.settled)
    state.generator.load_state_dict(generator.state_dict())
    state.counterpart.load_state_dict(counterpart.state_dict())
    state.ema.load_state_dict(state.averaged.state_dict())
    state.confusion = None
    for optimizer in (state.generator_optimizer, state.counterpart_optimizer):
        optimizer.load_state_dict({"state": {}, "param_groups": optimizer.state_dict()["param_groups"]})
    state.step, state.images_seen, state.position = 0, 0, (0, 0)
    state.broken.zero_()
    state.augmentation.copy_(augmentation_of(state.resolved).begin(state.execution.torch_device))


def _published(generator: nn.Module, counterpart: nn.Module) -> nn.Module:
    if isinstance(counterpart, ClassDiscriminator):
        return counterpart.published()
    return copy.deepcopy(generator).eval().requires_grad_(False)


def _seeded_networks(resolved: ResolvedConfig) -> tuple[nn.Module, nn.Module]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(resolved.seed)
        return build_networks(resolved)


def descend(state: TrainState, loss: Tensor, *optimizers: torch.optim.Optimizer) -> list[Tensor]:
    """Step each optimizer down the gradient of `loss`; return the L2 norms of their gradients.

    Each of several processes has the loss of its share; they descend the mean gradient. If a number is not finite,
    `state` is broken: neither this nor any later step is made.
    """
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    loss = loss.detach().float().clone()
    if state.world.size > 1:
        gradients = (gradient for optimizer in optimizers for gradient in _gradients(optimizer))
        state.world.average([loss, *gradients, *state.statistics(*optimizers)])
    norms = [torch.stack(torch._foreach_norm(_gradients(optimizer))).norm() for optimizer in optimizers]
    is_finite = torch.stack([loss, *norms]).isfinite().all()
    torch.maximum(state.broken, is_finite.logical_not().float(), out=state.broken)
    for optimizer in optimizers:
        optimizer.step()
    return norms


def _gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    return [weight.grad for weight in weights if weight.grad is not None]
