"""How a network learns to complete: from pictures with holes, which the discriminator sees completed.

Adversarial, with two terms beside: the distance to the real picture in the hole (Pathak et al. 2016, arXiv 1604.07379),
and to what the discriminator makes of it (feature matching, Salimans et al. 2016, arXiv 1606.03498).

Shape suffixes: B batch, Z latent, F features, C channels, H height, W width.
"""

import torch
from torch import Tensor

from models.discriminator import Discriminator, with_planes
from models.masks import draw_masks
from models.noise import SEEDS
from models.unet import Generator
from worker.training.adversarial import Adversarial, WeightedTerm, frozen
from worker.training.randomness import Purpose
from worker.training.state import TrainState

RECONSTRUCTION, MATCHING = 10.0, 1.0  # weights


class Completion(Adversarial):
    """The fakes are real pictures, completed."""

    def fakes(self, state: TrainState, real_BCHW: Tensor, label_B: Tensor | None, update: int) -> Tensor:
        assert isinstance(state.generator, Generator)
        noise_BZ = state.noise(len(real_BCHW), update)
        return state.generator.complete(noise_BZ, label_B, real_BCHW, known(state, real_BCHW, update))

    def terms(
        self, state: TrainState, real_BCHW: Tensor, fake_BCHW: Tensor, label_B: Tensor | None
    ) -> dict[str, WeightedTerm]:
        hole_B1HW = 1 - known(state, real_BCHW, self.n_critic - 1)
        distance_BCHW = (fake_BCHW - real_BCHW).abs() * hole_B1HW
        hole_l1 = distance_BCHW.sum() / (hole_B1HW.sum() * real_BCHW.shape[1])
        with frozen(state.counterpart), state.execution.autocast():
            real_BF, fake_BF = (_features(state, images, label_B) for images in (real_BCHW, fake_BCHW))
        matching = (real_BF.detach() - fake_BF).float().abs().mean()
        terms = {"hole_l1": WeightedTerm(RECONSTRUCTION, hole_l1), "matching": WeightedTerm(MATCHING, matching)}
        return terms | super().terms(state, real_BCHW, fake_BCHW, label_B)


def known(state: TrainState, real_BCHW: Tensor, update: int) -> Tensor:
    """Draw the masks (B, 1, H, W) of an update: 1 where a pixel is known."""
    share_B = state.draws(Purpose.MASK, update).uniform(len(real_BCHW), dtype=torch.float64)
    seeds = (share_B * SEEDS).long().tolist()
    return torch.from_numpy(draw_masks(seeds, real_BCHW.shape[-1])[:, None]).to(real_BCHW)


def _features(state: TrainState, images_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
    assert isinstance(state.counterpart, Discriminator)
    features_BF: Tensor = state.counterpart.trunk(with_planes(images_BCHW, label_B, state.counterpart.num_planes))
    return features_BF
