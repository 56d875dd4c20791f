"""Random numbers of a step, as a function of (seed, branch, step, what for): no generator's state has to be kept.

A run that goes on from a checkpoint draws what it would have drawn, and several processes what one would have drawn.
Knows no network.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from worker.training.distributed import ALONE, World


class Purpose(IntEnum):
    """What numbers are for; each purpose has a stream of its own. Values are never given to another purpose."""

    NOISE = 0
    MIXING = 1  # of real and fake, for the gradient penalty
    POSTERIOR = 2  # of a VAE
    AUGMENTATION = 3  # of what the discriminator sees
    MASK = 4  # of what is to be completed
    LABELLED = 5  # which pictures a classifier is told the labels of
    LAYERS = 6  # noise between the layers of a classifier


class Moment(NamedTuple):
    """Where a run stands. `update` counts the discriminator's updates within a step; the generator's comes last."""

    seed: int
    branch: int
    step: int
    update: int = 0


def stream(moment: Moment, purpose: Purpose, device: torch.device) -> torch.Generator:
    """The numbers of that moment for that purpose. The same on every CPU; a GPU has numbers of its own."""
    # hashed: torch's CPU generator takes only the low 32 bits of its seed
    words = np.random.SeedSequence([*moment[:3]], spawn_key=(purpose, moment.update)).generate_state(1, np.uint64)
    generator = torch.Generator(device)
    generator.manual_seed(int(words[0]) >> 1)
    return generator


@dataclass(frozen=True, slots=True)
class Draws:
    """Numbers for the pictures of this process: its share of what one process would draw for the whole batch."""

    source: torch.Generator
    world: World = ALONE

    def uniform(self, count: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Of U(0, 1), for `count` pictures each of this process and of every other."""
        size = (count * self.world.size, *shape)
        return self.world.share(torch.rand(size, generator=self.source, device=self.source.device, dtype=dtype))

    def normal(self, count: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Of N(0, 1), for `count` pictures each of this process and of every other."""
        size = (count * self.world.size, *shape)
        return self.world.share(torch.randn(size, generator=self.source, device=self.source.device, dtype=dtype))
