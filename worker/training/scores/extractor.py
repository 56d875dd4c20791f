"""What turns images into features. Knows no extractor in particular, no store and no run.

Shape suffixes: N, B images, H height, W width, C channels, D feature dimensions, K classes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.media.images import Images
from worker.training.scores.tick import Tick

BATCH = 64  # images that are read at once


@dataclass(frozen=True, slots=True)
class Features:
    """Features (N, D), float32, and of a classifier the class (N,) that each image is read as."""

    values_ND: NDArray[np.float32]
    class_N: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values_ND)

    def __getitem__(self, rows: slice) -> "Features":
        return Features(self.values_ND[rows], None if self.class_N is None else self.class_N[rows])


class Extractor(Protocol):
    """Numbers of two extractors, or of one with another digest, cannot be compared."""

    name: str
    digest: str  # of its weights, and of all else that its features depend on

    def __call__(self, images_BHWC: Images) -> Features:
        """Features of uint8 images of one or three channels, square, of any size."""


def extract(extractor: Extractor, batches: Iterable[Images], tick: Tick) -> Features:
    """Extract features of all images of all batches."""
    parts = []
    for images_BHWC in batches:
        parts.append(extractor(images_BHWC))
        tick()
    classes = [part.class_N for part in parts if part.class_N is not None]
    return Features(np.concatenate([part.values_ND for part in parts]), np.concatenate(classes) if classes else None)


def to_pixels(images_BHWC: Images, device: torch.device) -> Tensor:
    """Convert uint8 (B, H, W, C) to float32 (B, C, H, W) in [-1, 1], channels last in memory."""
    pixels_BHWC = torch.from_numpy(np.require(images_BHWC, requirements=["C", "W"])).to(device)
    return pixels_BHWC.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_colour(x_BCHW: Tensor) -> Tensor:
    """Turn grey pictures into colour ones, for networks that need them."""
    return x_BCHW.expand(-1, 3, -1, -1) if x_BCHW.shape[1] == 1 else x_BCHW
