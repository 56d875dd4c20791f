"""Pictures to complete: for each seed a real one, and a mask. How a run that learns to complete is watched and scored.
And pictures to classify.

Knows no network. Shape suffixes: N images of the dataset, B of a batch, H height, W width, C channels, A = C + 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.media.images import Images
from ganymede.schemas.tasks import VersionTask
from models.masks import draw_masks
from models.sizes import Sizes
from models.splits import split

MIDDLE = 128  # grey, where a hole is shown
NUM_NOISE = NUM_SHOWN = 64  # pictures of noise; pictures that a classifier is watched by


@dataclass(frozen=True, eq=False)
class Subjects:
    """`labels_N`: where seeds come with labels, the picture of a seed is one of its label."""

    images_NHWC: Images
    labels_N: npt.NDArray[np.int64] | None = None

    def reals(self, seeds: Sequence[int], labels: Sequence[int] | None) -> Images:
        """Return the whole pictures (B, H, W, C)."""
        return self.images_NHWC[self._places(seeds, labels)]

    def masks(self, seeds: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return which pixels are known (B, H, W)."""
        return draw_masks(seeds, self.images_NHWC.shape[1])

    def holed(self, seeds: Sequence[int], labels: Sequence[int] | None) -> Images:
        """Return what a network is shown (B, H, W, A): nothing in the hole, and 255 in the last channel elsewhere."""
        known_BHW1 = self.masks(seeds)[..., None]
        real_BHWC = self.reals(seeds, labels) * known_BHW1
        return np.concatenate([real_BHWC, np.where(known_BHW1, np.uint8(255), np.uint8(0))], axis=3)

    def shown(self, seeds: Sequence[int], labels: Sequence[int] | None) -> tuple[Images, Images]:
        """Return the whole pictures, and the same with grey holes, for people."""
        real_BHWC = self.reals(seeds, labels)
        return real_BHWC, np.where(self.masks(seeds)[..., None], real_BHWC, np.uint8(MIDDLE))

    def _places(self, seeds: Sequence[int], labels: Sequence[int] | None) -> npt.NDArray[np.int64]:
        if labels is None or self.labels_N is None:
            return np.array(seeds) % len(self.images_NHWC)
        pools = {label: np.flatnonzero(self.labels_N == label) for label in set(labels)}
        return np.array([_one_of(pools[label], seed) for seed, label in zip(seeds, labels, strict=True)])


def _one_of(pool_N: npt.NDArray[np.int64], seed: int) -> int:
    assert len(pool_N), "a class that is asked for has pictures"
    return int(pool_N[seed % len(pool_N)])


def of_dataset(config: Sizes, images_NHWC: Images, labels_N: npt.NDArray[np.int64] | None) -> Subjects | None:
    """Return what a network of these sizes is shown; None if it draws from noise alone. One that classifies is shown
    the first pictures of its test."""
    if config.TASK is VersionTask.COMPLETION:
        return Subjects(images_NHWC, labels_N if config.num_classes else None)
    if config.TASK is VersionTask.CLASSIFICATION:
        return Subjects(images_NHWC[split(len(images_NHWC)).test_N[:NUM_SHOWN]])
    return None


def of_noise(config: Sizes) -> Subjects | None:
    """Return pictures of noise, where no dataset is at hand; None as above."""
    side = config.image_size
    noise_NHWC = np.random.RandomState(0).randint(0, 256, (NUM_NOISE, side, side, config.channels))
    images_NHWC = noise_NHWC.astype(np.uint8)
    if config.TASK is VersionTask.CLASSIFICATION:
        return Subjects(images_NHWC)
    return of_dataset(config, images_NHWC, None)
