"""What every peer does for a request, written once: noise, eager forward pass, PNG or npy. Knows no framework.

A peer is started in a folder that holds the weights, so it needs no setting. The noise is the project's own, as the
pictures must be the same; PNG is Pillow's at its fastest level, which is what a good engineer would take.

Shape suffixes: B images, Z latent, N images of a request, H height, W width,
C channels.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from core.media.images import Images, contact_sheet, to_npy
from models.blocks import UpConv2d
from models.noise import draw_noise, seeds_from
from models.sampling import to_uint8
from models.version import WEIGHTS_FILE
from models.weights import load_generator

CORES = os.cpu_count() or 1
MEDIA_TYPES = {"png": "image/png", "npy": "application/x-npy"}
MAX_PASS = 64  # images of one forward pass: what lies beyond gains nothing and costs memory

Noise = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ask:
    """One request."""

    seed: int
    n: int = 1
    format: Literal["png", "npy"] = "png"

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.format]


def as_written(generator: nn.Module) -> nn.Module:
    """The network as papers and tutorials write it, with the same weights: each UpConv2d, which is this project's own
    way to run a doubling and a convolution in one step, becomes those two again."""
    for parent in list(generator.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, UpConv2d):
                convolution = nn.Conv2d(
                    child.in_channels, child.out_channels, 3, padding=1, bias=child.bias is not None
                )
                convolution.load_state_dict(child.state_dict())
                setattr(parent, name, nn.Sequential(nn.Upsample(scale_factor=2), convolution))
    return generator.eval().requires_grad_(False)


class Drawer:
    """The generator as most people serve it: as it is written, eval mode, float32, eager, under inference_mode."""

    def __init__(self, num_threads: int) -> None:
        torch.set_num_threads(num_threads)
        generator, config = load_generator(Path(WEIGHTS_FILE))
        self.generator = as_written(generator)
        self.latent_dim: int = config.latent_dim
        self.draw([Ask(0), Ask(1, MAX_PASS)])  # the first pass allocates

    def noise(self, ask: Ask) -> Noise:
        return draw_noise(seeds_from(ask.seed, ask.n), self.latent_dim)

    def forward(self, z_BZ: Noise) -> Images:
        """Pictures (B, H, W, C)."""
        parts = [torch.from_numpy(z_BZ[start : start + MAX_PASS]) for start in range(0, len(z_BZ), MAX_PASS)]
        with torch.inference_mode():
            images: Images = torch.cat([to_uint8(self.generator(part)) for part in parts]).numpy()
        return images

    def draw(self, asks: Sequence[Ask]) -> list[Images]:
        """The pictures (N, H, W, C) of each request, drawn together."""
        drawn = self.forward(np.concatenate([self.noise(ask) for ask in asks]))
        ends = np.cumsum([ask.n for ask in asks])
        return np.split(drawn, ends[:-1])


def encode(images_NHWC: Images, ask: Ask) -> bytes:
    if ask.format == "npy":
        return to_npy(images_NHWC)
    picture_HWC = images_NHWC[0] if len(images_NHWC) == 1 else contact_sheet(images_NHWC)
    buffer = io.BytesIO()
    Image.fromarray(picture_HWC).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
