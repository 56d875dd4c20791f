"""Random numbers of a step, as a function of (seed, branch, step, what for): no generator's state has to be kept.

A run that goes on from a checkpoint draws what it would have drawn. Knows no network.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch


class Purpose(IntEnum):
    """What numbers are for; each purpose has a stream of its own. Values are never given to another purpose."""

    NOISE = 0
    MIXING = 1  # of real and fake, for the gradient penalty
    POSTERIOR = 2  # of a VAE
    AUGMENTATION = 3  # of what the discriminator sees


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
