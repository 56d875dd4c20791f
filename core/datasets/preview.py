"""A look into a set of images: which of them to show, and the sheet they are shown on.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.media.images import Images, contact_sheet

COLUMNS, COUNT = 10, 50
MAX_CELL = 128  # px; larger images are shown smaller

Indices = npt.NDArray[np.int64]


def preview(
    images_NHWC: Images,
    labels_N: Indices | None,
    num_classes: int,
    *,
    count: int = COUNT,
    label: int | None = None,
) -> Images:
    """Return a contact sheet of up to `count` images: a column for each of up to ten classes, else spread over all.

    label: only this class, which must have images.
    """
    is_of_all = label is None or labels_N is None
    members = np.arange(len(images_NHWC)) if is_of_all else np.flatnonzero(labels_N == label)
    places = np.linspace(0, len(members) - 1, min(count, len(members))).astype(np.int64)
    chosen, columns = members[places], COLUMNS
    if is_of_all and labels_N is not None and 1 < num_classes <= min(COLUMNS, count):
        firsts = [np.flatnonzero(labels_N == i)[: max(1, count // COLUMNS)] for i in range(num_classes)]
        rows = min(len(indices) for indices in firsts)
        if rows:
            chosen, columns = np.stack([indices[:rows] for indices in firsts], axis=1).reshape(-1), num_classes
    return contact_sheet(np.stack([_shrunk(images_NHWC[i]) for i in chosen]), columns)


def _shrunk(image_HWC: Images) -> Images:
    height, width, channels = image_HWC.shape
    if max(height, width) <= MAX_CELL:
        return image_HWC
    scale = MAX_CELL / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(image_HWC[..., 0] if channels == 1 else image_HWC)
    return np.asarray(picture.resize(size, Image.Resampling.BOX)).reshape(size[1], size[0], channels)
