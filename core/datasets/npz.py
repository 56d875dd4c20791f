""".npz and .npy files from strangers: plain arrays alone, unpacked to the disk and mapped. Knows no store.

Shape suffixes: N images, H height, W width, C channels (1 or 3).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from core.datasets.archive import member, open_archive
from core.datasets.array_roles import ArrayHeader, LabelledArray, assign, refused, unused
from core.datasets.image_set import ImageSet
from core.datasets.labels import number
from core.datasets.members import FileRefused, unpack
from core.datasets.names import words_of
from core.datasets.order import Upload
from core.datasets.pixels import to_images
from core.errors import InvalidRequest

MAX_BYTES = 1 << 33  # of all arrays together
MAX_ARRAYS = 1000
NPY_MAGIC = b"\x93NUMPY"
SUFFIX = ".npy"
UNREADABLE = ArrayHeader((), "that cannot be read")

Array = npt.NDArray[Any]
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Arrays:
    """Headers of arrays by name, and how to map one."""

    headers: Mapping[str, ArrayHeader]
    get: Callable[[str], Array]


def read_npz(path: Path, folder: Path, max_bytes: int = MAX_BYTES, note: Note = lambda _: None) -> ImageSet:
    """Read an .npz of images (N H W, N H W C or N C H W), perhaps with labels and `class_names`.

    Its arrays are unpacked into `folder`, to at most `max_bytes`, and mapped. `note` gets decisions a sender might not
    expect.

    Raises:
        InvalidRequest: an array is missing or unusable; the pointer names it.
    """
    with open_archive(path, max_bytes) as archive:
        entries = array_entries(archive.namelist())
        if len(entries) > MAX_ARRAYS:
            raise InvalidRequest.field("images", f"has {len(entries)} arrays; an .npz may have {MAX_ARRAYS}")
        headers = {name: _header_of_entry(archive, entry) for name, entry in entries.items()}
        get = partial(_unpacked, archive, entries, folder, max_bytes)
        return _image_set(Arrays(headers, get), folder, note)


def array_entries(names: Iterable[str]) -> dict[str, str]:
    """Find the arrays of a zip in any folder: the name of each, and its file."""
    found = [PurePosixPath(name) for name in names if name.endswith(SUFFIX)]
    shown = [path for path in found if not any(part.startswith((".", "__MACOSX")) for part in path.parts)]
    if len({path.name for path in shown}) < len(shown):
        return {str(path).removesuffix(SUFFIX): str(path) for path in shown}
    return {path.name.removesuffix(SUFFIX): str(path) for path in shown}


def read_npy_files(uploads: Sequence[Upload], folder: Path, note: Note) -> ImageSet:
    """Read arrays in files of their own, as `read_npz` does."""
    paths = {Path(upload.filename).stem: upload.path for upload in uploads}
    if len(paths) < len(uploads):
        raise InvalidRequest.field("file", "two .npy files have one name")
    headers = {}
    for name, path in paths.items():
        with path.open("rb") as file:
            headers[name] = _header(file)
    return _image_set(Arrays(headers, lambda name: _mapped(paths[name], name)), folder, note)


def _image_set(arrays: Arrays, folder: Path, note: Note) -> ImageSet:
    roles = assign(arrays.headers)
    if left := unused(roles, arrays.headers):
        note(f"arrays that were not taken: {', '.join(name[:60] for name in left[:20])}")
    images_NHWC = to_images({part.images: arrays.get(part.images) for part in roles.parts}, folder, note)
    labels = [_labels(arrays, part) for part in roles.parts if part.labels]
    if not labels:
        return ImageSet(images_NHWC)
    names = None if roles.class_names is None else _texts(arrays.get(roles.class_names), roles.class_names)
    if len({array.shape[1:] for array in labels}) > 1:
        raise refused("labels have different shapes", arrays.headers)
    labels_N, class_names = number(np.concatenate(labels), names)
    return ImageSet(images_NHWC, labels_N, class_names)


def _labels(arrays: Arrays, part: LabelledArray) -> Array:
    labels, count = arrays.get(str(part.labels)), arrays.headers[part.images].shape[0]
    if labels.ndim == 0 or len(labels) != count:
        raise InvalidRequest.field("labels", f"expected {count} labels, got shape {labels.shape}")
    return labels


def _texts(names: Array, field: str) -> tuple[str, ...]:
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InvalidRequest.field(field, f"expected a row of texts, got {names.dtype} {names.shape}")
    try:
        return tuple(names.tolist())
    except ValueError:  # numbers that are no characters
        raise InvalidRequest.field(field, "expected texts") from None


def _header_of_entry(archive: ZipFile, entry: str) -> ArrayHeader:
    try:
        with archive.open(entry) as packed:
            return _header(cast(BinaryIO, packed))
    except Exception:  # as below; it matters where the array is needed
        return UNREADABLE


def _header(file: BinaryIO) -> ArrayHeader:
    """Read an array's header."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception:  # whatever a stranger's bytes lead to
        return UNREADABLE
    return ArrayHeader(shape, str(dtype))


def _unpacked(archive: ZipFile, entries: Mapping[str, str], folder: Path, max_bytes: int, name: str) -> Array:
    """Unpack an array of an .npz into `folder`, and map it."""
    target = folder / f"{len(list(folder.iterdir()))}.unpacked"
    try:
        unpack(member(archive, archive.getinfo(entries[name])), target, max_bytes)
    except FileRefused as error:
        raise _unreadable(name, error) from None
    return _mapped(target, name)


def _mapped(path: Path, name: str) -> Array:
    try:
        with np.errstate(over="raise"):  # the product of a shape
            array: Array = np.lib.format.open_memmap(path, mode="r")  # plain arrays alone; runs no code
    except Exception as error:  # as above
        raise _unreadable(name, error) from None
    return array


def _unreadable(name: str, error: Exception) -> InvalidRequest:
    detail = words_of(error, 200)
    if "Python objects" in detail:
        detail = "it holds Python objects, which can run code when they are opened; save it as plain numbers or texts"
    return InvalidRequest.field(name, f"cannot be read: {detail}")
