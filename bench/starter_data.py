"""What starter models and benches learn from, put into a store. Knows no training."""

from pathlib import Path

import numpy as np

from bench.dataset import CLASSES, read_mnist
from core.datasets import BUNDLED, DatasetStore, ImageSet, Origin
from core.datasets.manifest import DatasetManifest
from core.store import Store
from models.starters import AVATARS

MNIST = "mnist-60k"
AVATARS_SOURCE = "characters in eight styles of DiceBear, drawn by `make dataset-avatars`"


def dataset_of(name: str, store: Store, mnist: Path | None = None) -> DatasetManifest:
    """The manifest of what a starter learns from. `mnist`: the folder of MNIST's files, for digits from all of it."""
    if name == AVATARS:
        return avatars(store)
    return bundled(store) if mnist is None else _mnist(store, mnist)


def notice_of(name: str) -> str | None:
    """What has to be said of the licence beside a starter."""
    if name != AVATARS:
        return None
    from bench.avatars import notice

    return notice()


def bundled(store: Store) -> DatasetManifest:
    """The manifest of the digits that come with the package."""
    DatasetStore(store).add_bundled()
    return DatasetStore(store).get(BUNDLED).manifest


def _mnist(store: Store, folder: Path) -> DatasetManifest:
    digits = read_mnist(folder, "train")
    names = tuple(str(digit) for digit in range(CLASSES))
    content = ImageSet(digits.images[..., None], digits.labels.astype(np.int64), names)
    origin = Origin("MNIST's training set, whole", "CC-BY-SA-3.0", "MNIST, Yann LeCun and Corinna Cortes")
    return DatasetStore(store).add(MNIST, content, origin).manifest


def avatars(
    store: Store, kept_in: Path | None = None, per_class: int | None = None, name: str = AVATARS
) -> DatasetManifest:
    """The manifest of the avatars, the first of each class. kept_in: where their pictures are, or are put."""
    from bench import avatars as drawing  # by packages for developers

    pictures = drawing.kept(kept_in or drawing.KEPT, per_class or drawing.PER_CLASS)
    origin = Origin(AVATARS_SOURCE, "CC0-1.0", drawing.attribution())
    return DatasetStore(store).add(name, ImageSet(*pictures, drawing.STYLES), origin).manifest
