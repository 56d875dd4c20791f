"""IDX files as they are sent: images with their labels, in parts like MNIST's four files. Knows no pictures.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.datasets.idx import MAX_ELEMENTS, read_idx
from core.datasets.image_set import ImageSet
from core.datasets.labels import number
from core.datasets.layout import Entry
from core.datasets.members import FileRefused, unpack
from core.datasets.order import Limits, Upload
from core.errors import InvalidRequest

_OF_A_SET = re.compile(r"train|test|t10k|images?|labels?|idx[0-9]?|ubyte|u?int8|gz|[^a-z0-9]+")


def read_idx_files(uploads: Sequence[Upload], max_bytes: int) -> ImageSet:
    """Image files (3 dimensions, or 4 with channels), the one of the most images first, and as many label files (1
    dimension), or none.

    Raises:
        InvalidRequest: one of them cannot be read, or they do not fit together.
    """
    images: list[tuple[str, npt.NDArray[np.uint8]]] = []
    labels: list[tuple[str, npt.NDArray[np.uint8]]] = []
    left = min(max_bytes, MAX_ELEMENTS)
    for upload in sorted(uploads, key=lambda upload: upload.filename):
        array = _read(upload, left)
        left -= array.size
        if array.ndim == 2:
            raise InvalidRequest.field("/file", f"{upload.filename}: neither images (3 dimensions) nor labels (1)")
        (labels if array.ndim == 1 else images).append((upload.filename, array))
    images.sort(key=lambda part: -len(part[1]))
    if not images:
        raise InvalidRequest.field("/file", "IDX files of labels alone; send those of their images, too")
    images_NHWC = _joined([array[..., None] if array.ndim == 3 else array for _, array in images])
    if not labels:
        return ImageSet(images_NHWC)
    labels_N = np.concatenate([_labels_of(name, len(array), labels) for name, array in images])
    if labels:
        raise InvalidRequest.field("/file", f"{labels[0][0]}: labels without images")
    return ImageSet(images_NHWC, *number(labels_N))


def _read(upload: Upload, max_elements: int) -> npt.NDArray[np.uint8]:
    try:
        return read_idx(upload.path, max_elements)
    except ValueError as error:
        detail = str(error).replace(upload.path.name, upload.filename, 1)
        raise InvalidRequest.field("/file", detail[:300]) from None


def _joined(arrays: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    if len({array.shape[1:] for array in arrays}) > 1:
        sizes = " and ".join("x".join(map(str, array.shape[1:])) for array in arrays)
        raise InvalidRequest.field("/file", f"IDX files with images of different sizes: {sizes}")
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _labels_of(name: str, count: int, labels: list[tuple[str, npt.NDArray[np.uint8]]]) -> npt.NDArray[np.uint8]:
    """Take from `labels` those that match a file's number of images."""
    for i, (_, array) in enumerate(labels):
        if len(array) == count:
            return labels.pop(i)[1]
    offered = ", ".join(f"{other}: {len(array)}" for other, array in labels) or "none"
    raise InvalidRequest.field("/file", f"{name} has {count} images, and no file as many labels ({offered})")


def idx_uploads(entries: Sequence[Entry], folder: Path, limits: Limits) -> list[Upload]:
    """Unpack the IDX files of an archive; InvalidRequest if one is damaged, or they are of several datasets."""
    sets = {_OF_A_SET.sub("", entry.parts[-1].lower()): entry for entry in reversed(entries)}
    if len(sets) > 1:
        detail = ", ".join(sorted(entry.parts[-1] for entry in sets.values())[:10])
        raise InvalidRequest.field("/file", f"has IDX files of several datasets; send those of one: {detail}")
    uploads = []
    for i, entry in enumerate(entries):
        target = folder / f"idx-{i}"
        try:
            unpack(entry.member, target, limits.bytes)
        except FileRefused as refusal:
            raise InvalidRequest.field("/file", f"{entry.name}: {refusal}") from None
        uploads.append(Upload(path=target, filename=entry.name))
    return uploads
