"""A dataset as an endless row of batches. Knows no files; where it stands is two numbers.

Shape suffixes: N images of the set, M of them that are taken, B batch, C channels, H height, W width.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Position = tuple[int, int]  # epoch, images taken of it


class Batches:
    """Every epoch takes each image once in an order drawn from (seed, epoch); an incomplete last batch is left out.

    The order is a function of the position, so a position is all that a checkpoint needs.
    """

    def __init__(
        self,
        images_NHWC: npt.NDArray[np.uint8],
        labels_N: npt.NDArray[np.int64] | None,
        batch_size: int,
        seed: int,
        device: torch.device,
        share: Callable[[Tensor], Tensor] | None = None,
        places_M: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """share: of the rows of a batch those to give out; `taken` and `position` count all. places_M: of the images
        those that are taken; default, all."""
        self._images_NHWC = torch.from_numpy(images_NHWC).to(device)  # on the CPU this stays the mapped file
        self._labels_N = None if labels_N is None else torch.from_numpy(labels_N).to(device)
        self._batch_size, self._seed, self._device, self._share = batch_size, seed, device, share
        self._places_M, self._count = places_M, len(images_NHWC if places_M is None else places_M)
        self.position: Position = (0, 0)
        self.taken = 0  # images since this object was made
        self._order: tuple[int, Any] | None = None

    def next(self) -> tuple[Tensor, Tensor | None]:
        """Return images (B, C, H, W), float32 in [-1, 1], channels last in memory, and labels (B,) if there are any."""
        epoch, taken = self.position
        if taken + self._batch_size > self._count:
            epoch, taken = epoch + 1, 0
        index_B = self._epoch_order(epoch)[taken : taken + self._batch_size]
        self.position = (epoch, taken + self._batch_size)
        self.taken += self._batch_size
        if self._share is not None:
            index_B = self._share(index_B)
        real_BCHW = as_floats(self._images_NHWC[index_B])
        return real_BCHW, None if self._labels_N is None else self._labels_N[index_B]

    def _epoch_order(self, epoch: int) -> Tensor:
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(self._count)
            order = order if self._places_M is None else self._places_M[order]
            self._order = (epoch, torch.from_numpy(order).to(self._device))
        index_N: Tensor = self._order[1]
        return index_N


class Labelled:
    """The pictures whose labels a run learns from, where that is few of them."""

    def __init__(
        self, images_NHWC: npt.NDArray[np.uint8], labels_N: npt.NDArray[np.int64], device: torch.device
    ) -> None:
        self._images_NHWC = torch.from_numpy(images_NHWC).to(device)
        self._labels_N = torch.from_numpy(labels_N).to(device)

    def __len__(self) -> int:
        return len(self._labels_N)

    def at(self, share_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, C, H, W) as Batches does, and their labels; share_B: numbers from 0 to 1, each a place."""
        index_B = (share_B * len(self._labels_N)).long().clamp_(max=len(self._labels_N) - 1)
        return as_floats(self._images_NHWC[index_B]), self._labels_N[index_B]


def as_floats(images_BHWC: Tensor) -> Tensor:
    """Bytes (B, H, W, C) to float32 in [-1, 1], (B, C, H, W), channels last in memory."""
    return images_BHWC.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
