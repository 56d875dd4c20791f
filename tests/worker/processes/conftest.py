"""What is trained together."""

import numpy as np
import pytest

from core.datasets import DatasetStore, ImageSet, Origin
from core.store import Store


@pytest.fixture
def blobs(store: Store) -> str:
    """A stored dataset of 64 images of 8x8: a bright blob somewhere."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    middles = rng.uniform(2, 6, (64, 2))
    distance = np.stack([(y - row) ** 2 + (x - column) ** 2 for row, column in middles])
    images = (255 * np.exp(-distance / 2)).astype(np.uint8)[..., None]
    DatasetStore(store).add("blobs", ImageSet(images, None, ()), Origin("a test"))
    return "blobs"
