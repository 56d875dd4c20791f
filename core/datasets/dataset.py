"""Datasets: import, and reading back. Knows no network; an import is atomic and named by its content.

`datasets/<name>/<version>/` holds manifest.json, images.npy (uint8, N H W C), labels.npy (int64) when there are
classes, and preview.webp. The version is the beginning of the content's SHA-256, so importing the same images again
changes nothing. `datasets/<name>/current.json` points to the version that the name alone means.

Shape suffixes: N images, H height, W width, C channels.
"""

import contextlib
import importlib.resources
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from core.datasets.image_set import MAX_CLASS_NAME, MAX_CLASSES, ImageSet
from core.datasets.manifest import DatasetManifest
from core.datasets.npz import read_npz
from core.datasets.preview import preview
from core.errors import DatasetNotFound, InvalidRequest, StoreDamaged
from core.keys import ANYONE, Asker
from core.keys.errors import ScopeMissing
from core.machine.clock import timestamp
from core.media import images
from core.refs import check_name
from core.store import Record, Store, check_files, list_files
from ganymede.schemas.keys import KeyRef, KeyScope
from ganymede.schemas.tasks import Medium

__all__ = ["BUNDLED", "MAX_CLASSES", "MAX_CLASS_NAME", "Change", "Dataset", "DatasetStore", "ImageSet", "Origin"]

BUNDLED = "mnist-10k"
MANIFEST_FILE = "manifest.json"
IMAGES_FILE, LABELS_FILE, PREVIEW_FILE = "images.npy", "labels.npy", "preview.webp"
_VERSION_DIGITS = 16

Change = Literal["created", "unchanged", "repaired"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where images come from: for the manifest, and for whoever publishes what was learnt from them."""

    source: str
    licence: str | None = None
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A stored dataset; its arrays are memory-mapped on demand."""

    folder: Path
    manifest: DatasetManifest = field(repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.manifest.class_names)

    def check(self, tick: Callable[[int], None] | None = None) -> None:
        """Compare the files with their digests; StoreDamaged names the first bad one. `tick`: see check_files."""
        check_files(self.folder, self.manifest.files, tick)

    def images(self) -> images.Images:
        images_NHWC: images.Images = self._array(IMAGES_FILE, np.uint8)
        return images_NHWC

    def labels(self) -> npt.NDArray[np.int64] | None:
        return self._array(LABELS_FILE, np.int64) if self.class_names else None

    def _array(self, name: str, kind: type) -> Any:
        try:
            array = np.lib.format.open_memmap(self.folder / name, mode="c")  # takes plain .npy files alone
        except (OSError, ValueError) as error:
            raise StoreDamaged(f"{name} of dataset {self.name!r} cannot be read: {error}") from None
        if array.dtype != kind:
            raise StoreDamaged(f"{name} of dataset {self.name!r} holds {array.dtype}")
        return array


class CurrentVersion(Record):
    """current.json: what the name means. made_by: the key that imported it first; None: no key was needed then."""

    version: str
    made_by: KeyRef | None = Field(None, exclude_if=lambda key: key is None)


class DatasetStore:
    """All datasets of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def names(self) -> list[str]:
        return [name for name in self.store.names("datasets") if self.store.has(_pointer(name))]

    def get(self, name: str, version: str | None = None) -> Dataset:
        """Return a dataset by name: its current version, or the given one; DatasetNotFound if there is none."""
        try:
            check_name(name, "dataset")
            version = version or self._current(name)
            key = f"datasets/{name}/{version}"
            return Dataset(self.store.path(key), self.store.read_record(f"{key}/{MANIFEST_FILE}", DatasetManifest))
        except (FileNotFoundError, InvalidRequest):
            known = ", ".join(self.names()) or "none"
            raise DatasetNotFound(f"there is no dataset {name[:80]!r} (datasets: {known})") from None

    def made_by(self, name: str) -> KeyRef | None:
        """Return the key that imported a dataset first; None if none did, or nobody knows, or there is none."""
        current = self._found(name)
        return current.made_by if current else None

    def check_maker(self, name: str, asker: Asker) -> None:
        """Raise ScopeMissing unless the asker may change a dataset; also where nobody knows whose it is."""
        try:
            maker = self.store.read_record(_pointer(name), CurrentVersion).made_by
        except FileNotFoundError:
            return
        except StoreDamaged as error:
            if asker.is_admin:
                return
            told = f"{error}, so nobody knows whose dataset {name!r} is: {KeyScope.ADMIN} is needed"
            raise ScopeMissing(told, KeyScope.ADMIN) from None
        asker.check(f"dataset {name!r}", maker)

    def versions(self, name: str) -> list[str]:
        """Return all versions of a dataset, sorted; old ones stay until the dataset is deleted."""
        return self.store.names(f"datasets/{name}")

    @contextlib.contextmanager
    def held(self, name: str, version: str | None = None) -> Iterator[Dataset]:
        """Return a dataset as get() does; nobody can delete it within the block."""
        self.get(name, version)
        with self._locked(name):
            yield self.get(name, version)

    def add(self, name: str, content: ImageSet, origin: Origin) -> Dataset:
        """Store `content` as the current version of `name`; storing the same content again changes nothing."""
        return self.put(name, content, origin)[0]

    def put(
        self,
        name: str,
        content: ImageSet,
        origin: Origin,
        *,
        images_file: Path | None = None,
        options: dict[str, str] | None = None,
        asker: Asker = ANYONE,
    ) -> tuple[Dataset, Change]:
        """Store as `add` does, and report the change; a damaged version of this content is replaced.

        images_file: an .npy of just these images, on the store's disk, which may be moved. options: of the import.
        ScopeMissing for a dataset that another key than that of `asker` made.
        """
        check_name(name, "name")
        digest = content.digest
        version = digest[:_VERSION_DIGITS]
        key = f"datasets/{name}/{version}"

        def fill(folder: Path) -> None:
            if images_file is None:
                np.save(folder / IMAGES_FILE, content.images_NHWC, allow_pickle=False)
            else:
                images_file.rename(folder / IMAGES_FILE)
            _write(folder, content, digest, name, origin, options)

        with self._locked(name):
            self.check_maker(name, asker)
            current = self._found(name)
            made_by = current.made_by if current else asker.key
            change = self._change(name, version)
            if change != "unchanged":
                self.store.put(key, fill, replace=True)
            CurrentVersion(version=version, made_by=made_by).write(self.store.path(_pointer(name)))
            return self.get(name, version), change

    def delete(self, name: str, check: Callable[[], None] = lambda: None) -> None:
        """Remove every version of a dataset, unless `check` refuses; no run can begin with it meanwhile."""
        self._must_have(name)
        with self._locked(name):
            self._must_have(name)
            check()
            self.store.path(_pointer(name)).unlink(missing_ok=True)
            for version in self.versions(name):
                self.store.delete(f"datasets/{name}/{version}")

    def add_bundled(self) -> None:
        """Add the dataset of the package if it is missing."""
        if self.store.has(f"datasets/{BUNDLED}/current.json"):
            return
        origin = Origin(
            source="first 1,000 images of each digit of MNIST's training set; subset, repacked",
            licence="CC-BY-SA-3.0",
            attribution="MNIST, Yann LeCun and Corinna Cortes",
        )
        packed = importlib.resources.files("core.datasets") / "bundled" / f"{BUNDLED}.npz"
        with importlib.resources.as_file(packed) as path, self.store.scratch() as folder:
            self.add(BUNDLED, read_npz(path, folder), origin)

    def _change(self, name: str, version: str) -> Change:
        try:
            self.get(name, version).check()
        except DatasetNotFound:
            return "repaired" if version in self.versions(name) else "created"  # a folder without its manifest
        except StoreDamaged:
            return "repaired"
        return "unchanged"

    def _must_have(self, name: str) -> None:
        """Raise DatasetNotFound unless a version of this dataset exists, damaged or not."""
        if not self.store.has(f"datasets/{check_name(name, 'dataset')}/current.json") and not self.versions(name):
            self.get(name)

    def _locked(self, name: str) -> AbstractContextManager[None]:
        return self.store.locked(f"datasets/{name}/.lock")

    def _current(self, name: str) -> str:
        return self.store.read_record(_pointer(name), CurrentVersion).version

    def _found(self, name: str) -> CurrentVersion | None:
        """Return what current.json says; None where there is none, or none that can be used."""
        with contextlib.suppress(FileNotFoundError, StoreDamaged):
            return self.store.read_record(_pointer(name), CurrentVersion)
        return None


def _pointer(name: str) -> str:
    return f"datasets/{name}/current.json"


def _write(
    folder: Path, content: ImageSet, digest: str, name: str, origin: Origin, options: dict[str, str] | None
) -> None:
    """Write everything of a version beside its images."""
    written = [IMAGES_FILE]
    counts: list[int] = []
    if content.labels_N is not None:
        np.save(folder / LABELS_FILE, content.labels_N, allow_pickle=False)
        written.append(LABELS_FILE)
        counts = np.bincount(content.labels_N, minlength=len(content.class_names)).tolist()
    sheet_HWC = preview(content.images_NHWC, content.labels_N, len(content.class_names))
    (folder / PREVIEW_FILE).write_bytes(images.to_webp(sheet_HWC))
    count, height, width, channels = content.images_NHWC.shape
    measured = content.statistics()
    manifest = DatasetManifest(
        count=count,
        height=height,
        width=width,
        channels=channels,
        class_names=list(content.class_names),
        class_counts=counts,
        mean=measured.mean,
        std=measured.std,
        duplicates=measured.duplicates,
        medium=Medium.AUDIO if content.audio else Medium.IMAGE,
        audio=content.audio,
        options=options,
        name=name,
        version=digest[:_VERSION_DIGITS],
        digest=f"sha256:{digest}",
        source=origin.source,
        licence=origin.licence,
        attribution=origin.attribution,
        created_at=timestamp(),
        files=list_files(folder, *written, PREVIEW_FILE),
    )
    manifest.write(folder / MANIFEST_FILE)
