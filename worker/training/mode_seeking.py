"""What keeps a generator from drawing one picture a class: it pays where its pictures are too near to each other.

After Mao et al. 2019 (mode seeking GAN, arXiv 1903.05628), who found that a conditional generator ignores its noise:
the label tells it nearly all that the discriminator asks for. They let it maximise the distance of two pictures over
that of their noises. Here the distance of two real pictures of the same class says how far is enough, so that a
generator as varied as the reals pays next to nothing.

Shape suffixes: B batch, C channels, H height, W width.
"""

import torch
from torch import Tensor

ENOUGH = 0.5  # of the distance of the reals: beyond it nothing is paid
LEAST = 1e-3  # a distance, of pixels in [-1, 1]: real pictures may be the same


def likeness(fake_BCHW: Tensor, real_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
    """How far pairs of fakes fall short of being far enough from each other, the mean over pairs, 0 to 1.

    A pair is a picture of the batch and the next of its class; the same pair of reals is measured beside it. Distances
    are mean absolute differences of pixels. 0 where no class has two pictures. Of several processes each goes by its
    share of the batch. Nothing waits for the device.
    """
    partner_B, has_one_B = _partners(len(fake_BCHW), label_B, fake_BCHW.device)
    fake_B, real_B = (_distance(images, images[partner_B]) for images in (fake_BCHW, real_BCHW))
    short_B = (1 - fake_B / (ENOUGH * real_B).clamp(min=LEAST)).relu()
    return (short_B * has_one_B).sum() / has_one_B.sum().clamp(min=1)


def _partners(count: int, label_B: Tensor | None, device: torch.device) -> tuple[Tensor, Tensor]:
    """The index of the next picture of the same class, behind the last comes the first; and whether there is one."""
    index_B = torch.arange(count, device=device)
    if label_B is None:
        return index_B.roll(-1), torch.ones(count, device=device)
    others_BB = (index_B[:, None] + index_B[None, 1:]) % count
    is_same_BB = label_B[others_BB] == label_B[:, None]
    nearest_B1 = is_same_BB.int().argmax(dim=1, keepdim=True)
    return others_BB.gather(1, nearest_B1).squeeze(1), is_same_BB.any(dim=1).float()


def _distance(one_BCHW: Tensor, other_BCHW: Tensor) -> Tensor:
    return (one_BCHW - other_BCHW).abs().flatten(1).mean(dim=1)
