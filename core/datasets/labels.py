"""Labels as strangers keep them, one an image, to numbers of classes: only what occurs is a class. Knows no file.

Shape suffixes: N images, K columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core.datasets.image_set import MAX_CLASSES
from core.datasets.layout import class_order
from core.errors import InvalidRequest

FIELD = "labels"

Labels = npt.NDArray[Any]


def number(labels: Labels, names: Sequence[str] | None = None) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Labels to class numbers (N) and the names of the classes, in the order of their labels.

    Labels are whole numbers, also kept as floats, or texts; (N), (N, 1), or one-hot (N, K). `names` are those of the
    labels 0, 1, 2 ... or 1, 2, 3 ...; of texts, all there may be. They stay all, also that of a class without images.

    Raises:
        InvalidRequest: at `labels`: they are no such thing.
    """
    single_N = _single(labels)
    if single_N.dtype.kind in "US":
        texts = _texts(single_N)
        values = names or class_order(set(texts))
        index = {value: i for i, value in enumerate(values)}
        unknown = next((text for text in texts if text not in index), None)
        if unknown is not None:
            raise _refused(f"has {unknown[:80]!r}, which is no class name")
        return np.array([index[text] for text in texts], np.int64), tuple(values)
    whole_N = _whole(single_N)
    unique, found = np.unique(whole_N, return_inverse=True)
    if len(unique) > MAX_CLASSES:
        raise _refused(f"has {len(unique)} different values; a dataset may have {MAX_CLASSES} classes")
    if names is None or not len(unique):
        return found.astype(np.int64), tuple(str(value) for value in unique.tolist())
    low, high = unique[0], unique[-1]
    first = 1 if low >= 1 and high == len(names) else 0
    if not first <= low <= high < first + len(names):
        raise _refused(f"expected 0 to {len(names) - 1}, as there are {len(names)} class names, got {low} to {high}")
    return whole_N.astype(np.int64) - first, tuple(names)


def _single(labels: Labels) -> Labels:
    """Reduce labels in a column or one-hot to one label an image (N)."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "buif" and labels.shape[1] > 1:
        marked = labels == 1
        if not ((labels == 0) | marked).all() or not (marked.sum(axis=1) == 1).all():
            raise _refused(f"has {labels.shape[1]} values an image, and not one of them is 1 and all others 0")
        columns: Labels = marked.argmax(axis=1)
        return columns
    if labels.ndim != 1:
        raise _refused(f"expected one an image (N), (N, 1), or one-hot (N, K), got shape {labels.shape}")
    return labels


def _whole(labels_N: Labels) -> Labels:
    kind = labels_N.dtype.kind
    if kind == "f":
        if not np.isfinite(labels_N).all() or (labels_N != np.rint(labels_N)).any():
            raise _refused("expected whole numbers or texts, got floats that are no whole numbers")
        if abs(labels_N).max(initial=0) >= 2**53:
            raise _refused("expected whole numbers or texts, got floats beyond 2^53")
        return labels_N.astype(np.int64)
    if kind not in "bui":
        raise _refused(f"expected whole numbers or texts, got {labels_N.dtype}")
    return labels_N.astype(np.int64) if kind == "b" else labels_N


def _texts(labels_N: Labels) -> list[str]:
    try:
        return [text.decode() if isinstance(text, bytes) else text for text in labels_N.tolist()]
    except ValueError:  # bytes that are no UTF-8, numbers that are no characters
        raise _refused("expected texts in UTF-8") from None


def _refused(detail: str) -> InvalidRequest:
    return InvalidRequest.field(FIELD, detail)
