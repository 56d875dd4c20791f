""".npz files from strangers: plain arrays alone, unpacked to the disk and mapped. Knows no pictures and no store."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from core.errors import InvalidRequest
from core.image_set import MAX_CLASSES, ImageSet
from core.intake.archive import FileRefused, open_archive, unpack_entry

MAX_BYTES = 1 << 33  # of all arrays together
# What numpy raises on a header that is none, lies, or names what is no plain array.
_UNREADABLE = (ValueError, EOFError, TypeError, MemoryError, ArithmeticError)


def read_npz(path: Path, folder: Path, max_bytes: int = MAX_BYTES) -> ImageSet:
    """Read an .npz with `images` (N H W or N H W C, uint8) and optionally `labels` (N) and `class_names`.

    Its arrays are unpacked into `folder` and mapped from there; together they have at most `max_bytes`.

    Raises:
        InvalidRequest: an array is missing or unusable; the pointer names it.
    """
    with open_archive(path, max_bytes) as archive:
        pixels, labels, names = (_array(archive, key, folder, max_bytes) for key in ("images", "labels", "class_names"))
    if pixels is None:
        raise InvalidRequest.field("images", "the .npz has no array of this name")
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    if labels is None:
        return ImageSet(pixels)
    if labels.dtype.kind not in "iu":
        raise InvalidRequest.field("labels", f"expected whole numbers, got {labels.dtype}")
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < MAX_CLASSES:
        raise InvalidRequest.field("labels", f"expected 0 to {MAX_CLASSES - 1}")
    if names is None:
        names = np.arange(int(labels.max(initial=0)) + 1).astype(str)
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InvalidRequest.field("class_names", f"expected a row of texts, got {names.dtype} {names.shape}")
    return ImageSet(pixels, labels.astype(np.int64), _texts(names))


def _texts(names: npt.NDArray[Any]) -> tuple[str, ...]:
    try:
        return tuple(names.tolist())
    except ValueError:  # numbers that are no characters
        raise InvalidRequest.field("class_names", "expected texts") from None


def _array(archive: ZipFile, name: str, folder: Path, max_bytes: int) -> npt.NDArray[Any] | None:
    """One array of an .npz, mapped from a file in `folder`; None if there is none of this name."""
    target = folder / f"{name}.unpacked"
    try:
        unpack_entry(archive, archive.getinfo(f"{name}.npy"), target, max_bytes)
        with np.errstate(over="raise"):  # the product of a shape
            array: npt.NDArray[Any] = np.lib.format.open_memmap(target, mode="r")  # plain arrays alone; runs no code
    except KeyError:
        return None
    except (FileRefused, *_UNREADABLE) as error:
        raise InvalidRequest.field(name, f"cannot be read: {str(error)[:200]}") from None
    return array
