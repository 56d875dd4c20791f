"""One step of a classifier that learns from labels, from pictures without labels, and from drawn ones.

Salimans et al. 2016 (arXiv 1606.03498). The discriminator names the class of labelled pictures, and tells real ones
from drawn ones by the sum of its classes (models/classifier.py); the generator is to draw pictures whose features are
in the mean those of real ones (feature matching, section 3.1).

Shape suffixes: B batch, K classes, F features, C channels, H height, W width.
"""

import torch
from torch import Tensor

from models.classifier import ClassDiscriminator, Disturb
from models.discriminator import DiscriminatorOutput
from worker.training.adversarial import Adversarial, accuracies, frozen
from worker.training.objectives import classification
from worker.training.randomness import Draws, Purpose
from worker.training.state import Reported, TrainState, descend

UNLABELLED = 0.5  # weight of each of both terms that know no label


class SemiSupervised(Adversarial):
    """The objective is non-saturating: the log of the sum of the classes is a score as any other."""

    def _update_discriminator(
        self, state: TrainState, real_BCHW: Tensor, fake_BCHW: Tensor, label_B: Tensor | None, update: int
    ) -> Reported:
        source, disturb = state.draws(Purpose.AUGMENTATION, update), disturbance(state.draws(Purpose.LAYERS, update))
        seen = [self.augment(images, state.augmentation, source) for images in (real_BCHW, fake_BCHW)]
        with state.execution.autocast():
            real, fake = (_judged(state, images, disturb) for images in seen)
        named = real
        if state.labelled is not None:
            known_BCHW, label_B = state.labelled.at(state.draws(Purpose.LABELLED, update).uniform(len(real_BCHW)))
            with state.execution.autocast():
                named = _judged(state, self.augment(known_BCHW, state.augmentation, source), disturb)
        assert named.class_BK is not None
        assert label_B is not None
        loss = self.objective.discriminator(real.score_B, fake.score_B)
        class_loss = classification(named.class_BK, label_B)
        is_right_B = named.class_BK.detach().argmax(dim=1) == label_B
        reported = {"d_loss": loss, "d_class_loss": class_loss, "class_accuracy": is_right_B.float().mean()}
        reported |= accuracies(self.objective, real, fake) | self._certainty(state, real, fake)
        (reported["d_gradient"],) = descend(state, class_loss + UNLABELLED * loss, state.counterpart_optimizer)
        return reported

    def _update_generator(
        self,
        state: TrainState,
        real_BCHW: Tensor,
        fake_BCHW: Tensor,
        label_B: Tensor | None,  # noqa: ARG002
    ) -> Reported:
        source = state.draws(Purpose.AUGMENTATION, self.n_critic)
        disturb = disturbance(state.draws(Purpose.LAYERS, self.n_critic))  # features as the discriminator knows them
        seen = [self.augment(images, state.augmentation, source) for images in (fake_BCHW, real_BCHW)]
        with frozen(state.counterpart), state.execution.autocast():
            fake, real = (_judged(state, images, disturb) for images in seen)
        assert fake.feature_BF is not None
        assert real.feature_BF is not None
        matching = (real.feature_BF.detach().mean(dim=0) - fake.feature_BF.mean(dim=0)).square().mean()
        (gradient,) = descend(state, matching, state.generator_optimizer)
        return {"g_loss": matching, "g_gradient": gradient}


def disturbance(draws: Draws) -> Disturb:
    """Return what adds noise of this moment, to each picture its own, whatever the number of processes."""

    def disturb(numbers: Tensor, deviation: float) -> Tensor:
        noise = draws.normal(len(numbers), *numbers.shape[1:]).to(numbers.dtype)
        return torch.add(numbers, noise, alpha=deviation)

    return disturb


def _judged(state: TrainState, images_BCHW: Tensor, disturb: Disturb) -> DiscriminatorOutput:
    assert isinstance(state.counterpart, ClassDiscriminator)
    judgement: DiscriminatorOutput = state.counterpart(images_BCHW, None, disturb)
    return judgement
