"""Datasets: import, and reading back. Knows no network; an import is atomic and named by its content.

`datasets/<name>/<version>/` holds manifest.json, images.npy (uint8, N H W C), labels.npy (int64) when there are
classes, and preview.webp. The version is the beginning of the content's SHA-256, so importing the same images again
changes nothing. `datasets/<name>/current.json` points to the version that the name alone means.
"""

import contextlib
import hashlib
import importlib.resources
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from core import files, images
from core.errors import DatasetNotFound, InvalidRequest, StoreDamaged
from core.refs import check_name
from core.registry import timestamp
from core.store import SCHEMA, Store, check_files, list_files

BUNDLED = "mnist-10k"
MAX_CLASSES = 1000
MAX_SIDE = 1024  # pixels; a preview of larger ones would not fit into a WebP
MAX_CLASS_NAME = 100  # characters
PREVIEW_COLUMNS, PREVIEW_ROWS = 10, 5
_VERSION_DIGITS = 16
# What numpy and zipfile raise on a damaged, foreign, encrypted or lying file; TypeError: it is no archive.
_UNREADABLE = (OSError, ValueError, EOFError, KeyError, TypeError, RuntimeError, MemoryError, BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Checked images and labels in memory, ready to be stored.

    images_NHWC: uint8, C is 1 or 3. labels_N: int64 indices into class_names, or None without classes.
    """

    images_NHWC: images.Images
    labels_N: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape, kind = self.images_NHWC.shape, self.images_NHWC.dtype
        if len(shape) != 4 or kind != np.uint8 or shape[3] not in (1, 3) or 0 in shape:
            raise InvalidRequest.field("images", f"expected uint8 (N, H, W, 1 or 3), got {kind} {shape}")
        if max(shape[1:3]) > MAX_SIDE:
            raise InvalidRequest.field("images", f"expected at most {MAX_SIDE} px a side, got {shape[2]}x{shape[1]}")
        if self.labels_N is None:
            if self.class_names:
                raise InvalidRequest.field("class_names", "expected none without labels")
            return
        if self.labels_N.shape != (shape[0],):
            raise InvalidRequest.field("labels", f"expected {shape[0]} labels, got shape {self.labels_N.shape}")
        if not 1 <= len(self.class_names) <= MAX_CLASSES or len(set(self.class_names)) < len(self.class_names):
            raise InvalidRequest.field("class_names", f"expected 1 to {MAX_CLASSES} different names")
        if not all(0 < len(name) <= MAX_CLASS_NAME and name.isprintable() for name in self.class_names):
            rule = f"a class name has 1 to {MAX_CLASS_NAME} printable characters"
            raise InvalidRequest.field("class_names", rule)
        if self.labels_N.min() < 0 or self.labels_N.max() >= len(self.class_names):
            raise InvalidRequest.field("labels", f"expected 0 to {len(self.class_names) - 1}")

    @property
    def digest(self) -> str:
        """SHA-256 over shape, pixels, labels and class names."""
        digest = hashlib.sha256(repr((self.images_NHWC.shape, self.class_names)).encode())
        digest.update(np.ascontiguousarray(self.images_NHWC).data)
        if self.labels_N is not None:
            digest.update(self.labels_N.astype("<i8").data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where images come from: for the manifest, and for whoever publishes what was learnt from them."""

    source: str
    licence: str | None = None
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A stored dataset. Arrays are memory-mapped when they are asked for."""

    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.manifest["class_names"])

    def check(self) -> None:
        """Compare the files with their digests; StoreDamaged names the first bad one."""
        check_files(self.folder, self.manifest["files"])

    def images(self) -> images.Images:
        images_NHWC: images.Images = self._array("images.npy", np.uint8)
        return images_NHWC

    def labels(self) -> npt.NDArray[np.int64] | None:
        return self._array("labels.npy", np.int64) if self.class_names else None

    def _array(self, name: str, kind: type) -> Any:
        try:
            array = np.lib.format.open_memmap(self.folder / name, mode="c")  # takes plain .npy files alone
        except (OSError, ValueError) as error:
            raise StoreDamaged(f"{name} of dataset {self.name!r} cannot be read: {error}") from None
        if array.dtype != kind:
            raise StoreDamaged(f"{name} of dataset {self.name!r} holds {array.dtype}")
        return array


class DatasetStore:
    """All datasets of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def names(self) -> list[str]:
        return [name for name in self.store.names("datasets") if self.store.has(f"datasets/{name}/current.json")]

    def get(self, name: str, version: str | None = None) -> Dataset:
        """A dataset by name: its current version, or the one given (DatasetNotFound if there is none)."""
        try:
            check_name(name, "dataset")
            version = version or self._current(name)
            key = f"datasets/{name}/{version}"
            return Dataset(self.store.path(key), self.store.read(f"{key}/manifest.json"))
        except (FileNotFoundError, InvalidRequest):
            known = ", ".join(self.names()) or "none"
            raise DatasetNotFound(f"there is no dataset {name[:80]!r} (datasets: {known})") from None

    def add(self, name: str, content: ImageSet, origin: Origin) -> Dataset:
        """Store `content` as the current version of `name`. The same content again is a no-op."""
        check_name(name, "name")
        version = content.digest[:_VERSION_DIGITS]
        key = f"datasets/{name}/{version}"
        self.store.put(key, lambda folder: _write(folder, name, version, content, origin))
        with self.store.locked(f"datasets/{name}/.lock"):
            self.store.swap(f"datasets/{name}/current.json", {"version": version})
        return self.get(name, version)

    def add_bundled(self) -> None:
        """Make sure that the dataset which comes with the package is there."""
        if not self.store.has(f"datasets/{BUNDLED}/current.json"):
            with importlib.resources.as_file(importlib.resources.files("core") / "bundled" / f"{BUNDLED}.npz") as path:
                content = read_npz(path)
            origin = Origin(
                source="first 1,000 images of each digit of MNIST's training set; subset, repacked",
                licence="CC-BY-SA-3.0",
                attribution="MNIST, Yann LeCun and Corinna Cortes",
            )
            self.add(BUNDLED, content, origin)

    def _current(self, name: str) -> str:
        version = self.store.read(f"datasets/{name}/current.json").get("version")
        if not isinstance(version, str):
            raise StoreDamaged(f"datasets/{name}/current.json names no version")
        return version


def read_npz(path: Path) -> ImageSet:
    """Read an .npz with `images` (N H W or N H W C, uint8) and optionally `labels` (N) and `class_names`.

    Raises:
        InvalidRequest: an array is missing or unusable; the pointer names it.
    """
    with contextlib.ExitStack() as stack:
        try:
            archive = np.load(stack.enter_context(path.open("rb")), allow_pickle=False)  # leaks a file it opens itself
            stack.enter_context(archive)
        except _UNREADABLE as error:
            raise InvalidRequest.field("file", f"not an .npz of plain arrays: {str(error)[:200]}") from None
        pixels, labels, names = (_read_array(archive, key) for key in ("images", "labels", "class_names"))
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
    return ImageSet(pixels, labels.astype(np.int64), tuple(names.tolist()))


def _read_array(archive: Any, name: str) -> npt.NDArray[Any] | None:
    """One array of an .npz, or None; numpy has many ways to say that it is unusable."""
    try:
        array = archive.get(name)
    except _UNREADABLE as error:
        raise InvalidRequest.field(name, f"cannot be read: {str(error)[:200]}") from None
    if array is not None and not isinstance(array, np.ndarray):
        raise InvalidRequest.field(name, "is not an array")
    return array


def _write(folder: Path, name: str, version: str, content: ImageSet, origin: Origin) -> None:
    np.save(folder / "images.npy", content.images_NHWC, allow_pickle=False)
    written = ["images.npy"]
    counts: list[int] = []
    if content.labels_N is not None:
        np.save(folder / "labels.npy", content.labels_N, allow_pickle=False)
        written.append("labels.npy")
        counts = np.bincount(content.labels_N, minlength=len(content.class_names)).tolist()
    (folder / "preview.webp").write_bytes(images.to_webp(_preview(content)))
    count, height, width, channels = content.images_NHWC.shape
    manifest = {
        "schema": SCHEMA,
        "name": name,
        "version": version,
        "digest": f"sha256:{content.digest}",
        "count": count,
        "height": height,
        "width": width,
        "channels": channels,
        "class_names": list(content.class_names),
        "class_counts": counts,
        "source": origin.source,
        "licence": origin.licence,
        "attribution": origin.attribution,
        "created_at": timestamp(),
        "files": list_files(folder, *written, "preview.webp"),
    }
    files.write_json(folder / "manifest.json", manifest)


def _preview(content: ImageSet) -> images.Images:
    """A contact sheet: one column a class where there are up to ten classes, else spread over the set."""
    total = PREVIEW_COLUMNS * PREVIEW_ROWS
    classes = len(content.class_names)
    if content.labels_N is not None and 1 < classes <= PREVIEW_COLUMNS:
        members = [np.flatnonzero(content.labels_N == label)[:PREVIEW_ROWS] for label in range(classes)]
        rows = min(len(indices) for indices in members)
        if rows:
            order = np.stack([indices[:rows] for indices in members], axis=1).reshape(-1)
            return images.contact_sheet(content.images_NHWC[order], columns=classes)
    spread = np.linspace(0, len(content.images_NHWC) - 1, min(total, len(content.images_NHWC))).astype(np.int64)
    return images.contact_sheet(content.images_NHWC[spread], columns=PREVIEW_COLUMNS)
