"""One step of a GAN: updates of the discriminator, then one of the generator. Knows no files, no hooks, no end.

Shape suffixes: B batch, K classes, C channels, H height, W width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.discriminator import DiscriminatorOutput
from worker.training.augmentation import Augmentation
from worker.training.batches import Batches
from worker.training.mode_seeking import likeness
from worker.training.objectives import Objective, classification
from worker.training.randomness import Purpose
from worker.training.regularisers import Judged, Regulariser
from worker.training.state import Reported, TrainState, descend


class WeightedTerm(NamedTuple):
    """A part of a loss, and how much it counts."""

    weight: float
    value: Tensor


class Adversarial:
    """An objective, and perhaps a penalty on the discriminator, which learns `n_critic` times a step.

    With a penalty the discriminator's passes are made in float32: they are differentiated twice. The discriminator sees
    every picture as `augment` has it; its penalty goes by the gradient at the pictures before that, through `augment`,
    as in StyleGAN2-ADA and R3GAN. It comes with one update in `penalty_every`, as many times as heavy; only that update
    is made in float32 (lazy regularisation, Karras et al. 2020, arXiv 1912.04958, section 3.1).

    mode_seeking: weight of worker/training/mode_seeking.py's term in the generator's loss.
    """

    def __init__(
        self,
        objective: Objective,
        penalty: Regulariser | None = None,
        n_critic: int = 1,
        augment: Augmentation | None = None,
        penalty_every: int = 1,
        mode_seeking: float = 0.0,
    ) -> None:
        self.objective, self.penalty, self.n_critic = objective, penalty, n_critic
        self.augment = augment or Augmentation()
        self.penalty_every, self.mode_seeking = penalty_every, mode_seeking

    def step(self, state: TrainState, batches: Batches) -> Reported:
        """The last fakes of the discriminator also serve the generator."""
        for update in range(self.n_critic):
            real_BCHW, label_B = state.take(batches)
            is_last = update == self.n_critic - 1
            with torch.set_grad_enabled(is_last), state.execution.autocast():
                fake_BCHW = self.fakes(state, real_BCHW, label_B, update)
            reported = self._update_discriminator(state, real_BCHW, fake_BCHW.detach(), label_B, update)
        return reported | self._update_generator(state, real_BCHW, fake_BCHW, label_B)

    def fakes(self, state: TrainState, real_BCHW: Tensor, label_B: Tensor | None, update: int) -> Tensor:
        """Draw what the discriminator shall take for real."""
        fake_BCHW: Tensor = state.generator(state.noise(len(real_BCHW), update), label_B)
        return fake_BCHW

    def terms(
        self,
        state: TrainState,  # noqa: ARG002
        real_BCHW: Tensor,
        fake_BCHW: Tensor,
        label_B: Tensor | None,
    ) -> dict[str, WeightedTerm]:
        """What the generator pays beside the objective's loss, as it is reported."""
        if not self.mode_seeking:
            return {}
        return {"likeness": WeightedTerm(self.mode_seeking, likeness(fake_BCHW.float(), real_BCHW, label_B))}

    def _update_discriminator(
        self, state: TrainState, real_BCHW: Tensor, fake_BCHW: Tensor, label_B: Tensor | None, update: int
    ) -> Reported:
        number = state.step * self.n_critic + update
        penalty = self.penalty if number % self.penalty_every == 0 else None
        needs_gradients = penalty is not None
        source = state.draws(Purpose.AUGMENTATION, update)
        real_BCHW, fake_BCHW = (images.detach().requires_grad_(needs_gradients) for images in (real_BCHW, fake_BCHW))
        seen = [self.augment(images, state.augmentation, source) for images in (real_BCHW, fake_BCHW)]
        with state.execution.autocast(allowed=not needs_gradients):
            real, fake = (state.counterpart(images, label_B) for images in seen)
        loss = self.objective.discriminator(real.score_B, fake.score_B)
        reported = {"d_loss": loss, "d_real": _mean(self.objective, real), "d_fake": _mean(self.objective, fake)}
        reported |= accuracies(self.objective, real, fake)
        reported |= self._certainty(state, real, fake)
        if real.class_BK is not None:
            class_loss = classification(real.class_BK, label_B) + classification(fake.class_BK, label_B)
            reported["d_class_loss"] = class_loss
            loss = loss + class_loss
        if penalty is not None:
            mixing_B = state.draws(Purpose.MIXING, update).uniform(len(real_BCHW))

            def score(images_BCHW: Tensor) -> Tensor:
                images_BCHW = self.augment(images_BCHW, state.augmentation, source)
                return state.counterpart(images_BCHW, label_B).score_B

            judged = Judged(real_BCHW, fake_BCHW, real.score_B, fake.score_B, score, mixing_B)
            reported["penalty"] = penalised = self.penalty_every * penalty(judged)
            loss = loss + state.penalty_weight * penalised
        (reported["d_gradient"],) = descend(state, loss, state.counterpart_optimizer)
        return reported

    def _update_generator(
        self, state: TrainState, real_BCHW: Tensor, fake_BCHW: Tensor, label_B: Tensor | None
    ) -> Reported:
        terms = self.terms(state, real_BCHW, fake_BCHW, label_B)
        reported: Reported = {name: term.value for name, term in terms.items()}
        source = state.draws(Purpose.AUGMENTATION, self.n_critic)
        fake_BCHW = self.augment(fake_BCHW, state.augmentation, source)
        if self.objective.is_relative:
            real_BCHW = self.augment(real_BCHW, state.augmentation, source)
        with frozen(state.counterpart), state.execution.autocast():
            fake = state.counterpart(fake_BCHW, label_B)
            real_B = state.counterpart(real_BCHW, label_B).score_B if self.objective.is_relative else None
        loss = self.objective.generator(fake.score_B, real_B)
        reported["g_loss"] = loss
        for term in terms.values():
            loss = loss + term.weight * term.value
        if fake.class_BK is not None:
            reported["g_class_loss"] = class_loss = classification(fake.class_BK, label_B)
            loss = loss + class_loss
        (reported["g_gradient"],) = descend(state, loss, state.generator_optimizer)
        return reported

    def _certainty(self, state: TrainState, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Reported:
        """Report how sure the discriminator is of real pictures, and let the augmentation adapt."""
        sign_B = self.objective.signs(real.score_B.detach(), fake.score_B.detach())
        if sign_B is None:
            return {}
        p = self.augment.lead(state.augmentation, sign_B, state.world)
        return {"r_t": sign_B.mean()} | ({} if p is None else {"augment_p": p})


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass and leave none, which saves a third of the work; its power iterations rest."""
    network.requires_grad_(False).eval()
    try:
        yield
    finally:
        network.requires_grad_(True).train()


def _mean(objective: Objective, judgement: DiscriminatorOutput) -> Tensor:
    return objective.shown(judgement.score_B.detach()).mean()


def accuracies(objective: Objective, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Reported:
    """Return the shares of real and fake pictures on the discriminator's right side."""
    if objective.boundary is None:
        return {}
    return {
        "d_real_accuracy": (real.score_B.detach() > objective.boundary).float().mean(),
        "d_fake_accuracy": (fake.score_B.detach() < objective.boundary).float().mean(),
    }
