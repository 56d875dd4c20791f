"""Datasets, and how a stranger's files become one: archives of pictures, IDX pairs, .npz. Knows no HTTP."""

from core.datasets.dataset import BUNDLED, MAX_CLASS_NAME, MAX_CLASSES, Dataset, DatasetStore, Origin
from core.datasets.image_set import ImageSet

__all__ = ["BUNDLED", "MAX_CLASSES", "MAX_CLASS_NAME", "Dataset", "DatasetStore", "ImageSet", "Origin"]
