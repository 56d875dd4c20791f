"""What keeps a discriminator smooth by its gradient with respect to pictures. Knows no loss, optimiser or network.

The gradient is differentiated again, in float32: whoever calls has autocast off. Spectral norm is no penalty but a form
of the weights: models/spectral.py.

Shape suffixes: B batch, C channels, H height, W width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch of each kind with its scores; the pictures are leaves that the scores can be differentiated by.

    The discriminator sees the pictures augmented; they are here as they were before.
    score: the scores (B,) of any other pictures, augmented too, with the labels of the batch.
    mixing_B: a number of U(0, 1) for each picture.
    """

    real_BCHW: Tensor
    fake_BCHW: Tensor
    real_B: Tensor
    fake_B: Tensor
    score: Callable[[Tensor], Tensor]
    mixing_B: Tensor


class Regulariser(Protocol):
    """A penalty, without its weight, as a scalar that can be differentiated by the discriminator's weights."""

    def __call__(self, judged: Judged) -> Tensor: ...


def gradient_penalty(judged: Judged) -> Tensor:
    """E (|gradient| - 1)^2 between real and fake. Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1."""
    mixing_B111 = judged.mixing_B.view(-1, 1, 1, 1)
    between_BCHW = torch.lerp(judged.real_BCHW, judged.fake_BCHW, mixing_B111).detach().requires_grad_()
    (gradient_BCHW,) = torch.autograd.grad(judged.score(between_BCHW).sum(), between_BCHW, create_graph=True)
    # not .norm(): where the gradient is zero, the derivative of a root is infinite
    norm_B = (gradient_BCHW.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return (norm_B - 1).square().mean()


def zero_centred(judged: Judged) -> Tensor:
    """R1 + R2: half of E |gradient|^2 at real pictures, and the same at fakes. Mescheder et al. 2018, 1801.04406."""
    total = judged.real_B.sum() + judged.fake_B.sum()
    gradients = torch.autograd.grad(total, [judged.real_BCHW, judged.fake_BCHW], create_graph=True)
    r1, r2 = (gradient_BCHW.flatten(1).square().sum(dim=1).mean() for gradient_BCHW in gradients)
    return 0.5 * (r1 + r2)


PENALTIES: dict[str, Regulariser] = {"gradient_penalty": gradient_penalty, "r1_r2": zero_centred}
