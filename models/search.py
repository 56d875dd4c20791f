"""Completion without training for it: the noise from which a generator draws a picture that fits what is known.

Yeh et al. 2017 (arXiv 1607.07539): Adam on the noise alone, against two losses. The context loss is the weighted
difference of the known pixels (models/context.py). The prior loss keeps the picture likely; there the discriminator
judges it, which no published version has. In its place the noise is held to what noise is: nearly all of a standard
normal vector lies near |z| = sqrt(Z), so who leaves that leaves what the generator has learnt. Bora et al. 2017 (arXiv
1703.03208) pay for |z|^2, and Menon et al. 2020 (PULSE, arXiv 2003.03808) hold z to that sphere; here it is a penalty.

Each draft descends alone, in a batch of one, so it ends with the same numbers whoever searches beside it.

Shape suffixes: Z latent, H height, W width, C channels, A = C + 1 of a picture with a hole; 1 a single row.
"""

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from core.media.images import Images
from models.context import Descent, Vector, context_weights

LEARNING_RATE = 0.03
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Kingma and Ba 2015 (arXiv 1412.6980)
PRIOR_WEIGHT = 0.1


def descend(generator: nn.Module, now: Descent, picture_HWA: Images, steps: int, within_s: float) -> Descent:
    """Go on until `steps` steps are made in all, or until `within_s` is over; one step at least.

    In how many parts it is done changes no number.
    """
    began = time.perf_counter()
    device = next(generator.parameters()).device
    label_1 = None if now.label is None else torch.tensor([now.label], device=device)
    weight_11HW, wanted_1CHW = _context(picture_HWA, device)
    while now.step < steps:
        with torch.enable_grad():
            z_1Z = torch.from_numpy(now.noise).to(device).requires_grad_()
            context = (weight_11HW * (generator(z_1Z, label_1).float() - wanted_1CHW).abs()).sum()
            prior = (z_1Z.norm() / math.sqrt(z_1Z.numel()) - 1) ** 2
            (slope_1Z,) = torch.autograd.grad(context + PRIOR_WEIGHT * prior, z_1Z)
        now = _adam(now, slope_1Z.cpu().numpy(), context.item() / 2)
        if time.perf_counter() - began > within_s:
            break
    return now


def _adam(now: Descent, slope_1Z: Vector, distance: float) -> Descent:
    """Take one step of Adam; torch's own keeps its moments where they cannot be sent on."""
    step = now.step + 1
    mean_1Z = BETA1 * now.mean + (1 - BETA1) * slope_1Z
    square_1Z = BETA2 * now.square + (1 - BETA2) * slope_1Z**2
    scale_1Z: Vector = np.sqrt(square_1Z / (1 - BETA2**step)) + np.float32(EPSILON)
    change_1Z: Vector = np.divide(mean_1Z, scale_1Z * (1 - BETA1**step))
    noise_1Z = now.noise - LEARNING_RATE * change_1Z
    return Descent(noise_1Z, mean_1Z, square_1Z, now.label, step, distance)


def _context(picture_HWA: Images, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return weights that add up to 1 over pixels and channels, and what is wanted, in [-1, 1]."""
    weight_HW = context_weights(picture_HWA[..., -1] == 255)
    channels = picture_HWA.shape[-1] - 1
    weight_11HW = torch.from_numpy(weight_HW / (weight_HW.sum() * channels)).to(device)[None, None]
    wanted_CHW = torch.from_numpy(picture_HWA[..., :-1].astype(np.float32)).to(device).permute(2, 0, 1)
    return weight_11HW, wanted_CHW[None] / 127.5 - 1
