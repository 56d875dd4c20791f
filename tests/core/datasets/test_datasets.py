"""Stored datasets: named by their content, imported whole or not at all, checked when they are read."""

import os
import random
import threading
import time

import numpy as np
import pytest

from core.datasets import BUNDLED, Dataset, DatasetStore, ImageSet, Origin
from core.errors import DatasetNotFound, InvalidRequest, StoreDamaged
from core.store import Store
from tests.core.conftest import DAMAGES, ORIGIN, Start, content

IMPORT = """
    import pathlib, secrets, sys
    import numpy as np
    from core.datasets import DatasetStore, ImageSet, Origin
    from core.store import Store

    datasets = DatasetStore(Store(pathlib.Path(sys.argv[1])))
    print("ready", flush=True)
    for seed in range(1000):
        images = np.random.default_rng(seed).integers(0, 256, (200, 8, 8, 1), np.uint8)
        datasets.add("noise", ImageSet(images, np.arange(200) % 2, ("a", "b")), Origin("a test"))
"""


def test_images_and_labels_come_back_as_they_were_given(dataset: Dataset) -> None:
    labels = dataset.labels()

    assert labels is not None
    assert (dataset.images() == content().images_NHWC).all()
    assert labels.tolist() == [0, 1, 2] * 4
    assert dataset.class_names == ("circle", "square", "cross")
    assert isinstance(dataset.images(), np.memmap)
    dataset.check()


def test_the_manifest_says_what_is_in_it_and_where_it_comes_from(dataset: Dataset) -> None:
    manifest = dataset.manifest

    assert (manifest.count, manifest.height, manifest.width, manifest.channels) == (12, 8, 8, 1)
    assert manifest.class_counts == [4, 4, 4]
    assert (manifest.source, manifest.licence, manifest.attribution) == ("a test", "CC0-1.0", "nobody")
    assert manifest.digest == f"sha256:{content().digest}"
    assert manifest.digest.startswith(f"sha256:{manifest.version}")
    assert set(manifest.files) == {"images.npy", "labels.npy", "preview.webp"}


def test_the_same_content_again_changes_nothing(datasets: DatasetStore, dataset: Dataset) -> None:
    before = (dataset.folder / "manifest.json").stat().st_ino

    again = datasets.add("mixed", content(), Origin("somewhere else"))

    assert again.manifest == dataset.manifest
    assert (dataset.folder / "manifest.json").stat().st_ino == before


def test_other_content_becomes_the_current_version_and_the_old_one_stays(
    datasets: DatasetStore, dataset: Dataset
) -> None:
    newer = datasets.add("mixed", content(seed=1), ORIGIN)

    assert newer.manifest.version != dataset.manifest.version
    assert datasets.get("mixed").manifest == newer.manifest
    assert datasets.get("mixed", dataset.manifest.version).manifest == dataset.manifest


def test_shape_labels_and_class_names_are_part_of_the_content() -> None:
    images, labels = np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1])
    versions = [
        ImageSet(images),
        ImageSet(images, labels, ("a", "b")),
        ImageSet(images, labels, ("a", "c")),
        ImageSet(images, labels[::-1], ("a", "b")),
        ImageSet(images.reshape(1, 16, 16, 1)),
        ImageSet(images.transpose(0, 2, 1, 3)[:2]),
    ]

    digests = [version.digest for version in versions]

    assert len(set(digests)) == len(versions)
    assert ImageSet(images.copy(), labels.astype(np.int32), ("a", "b")).digest == digests[1]


def test_a_dataset_without_labels_has_none(datasets: DatasetStore) -> None:
    dataset = datasets.add("plain", ImageSet(content().images_NHWC), ORIGIN)

    assert (dataset.labels(), dataset.class_names, dataset.manifest.class_counts) == (None, (), [])
    dataset.check()


def test_two_imports_at_once_each_get_their_own_back(datasets: DatasetStore) -> None:
    wrong: list[int] = []

    def add(seed: int) -> None:
        for n in range(10):
            wanted = content(seed=1000 * seed + n, count=3)
            if datasets.add("mixed", wanted, ORIGIN).manifest.digest != f"sha256:{wanted.digest}":
                wrong.append(seed)

    threads = [threading.Thread(target=add, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_an_import_killed_at_any_moment_leaves_the_old_dataset_or_the_new(store: Store, start: Start) -> None:
    datasets = DatasetStore(store)
    for _ in range(3):
        child = start(IMPORT, store.root)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0, 0.1))
        child.kill()
        child.wait()

        for version in store.names("datasets/noise"):
            datasets.get("noise", version).check()
        if "noise" in datasets.names():
            datasets.get("noise").check()


def test_the_bundled_dataset_is_imported_once(datasets: DatasetStore) -> None:
    datasets.add_bundled()
    pointer = datasets.store.path(f"datasets/{BUNDLED}/current.json")
    before = pointer.stat().st_ino
    datasets.add_bundled()

    dataset = datasets.get(BUNDLED)
    assert pointer.stat().st_ino == before
    assert dataset.images().shape == (10_000, 28, 28, 1)
    assert dataset.manifest.class_counts == [1000] * 10
    assert dataset.class_names == tuple("0123456789")
    assert dataset.manifest.licence == "CC-BY-SA-3.0"
    dataset.check()


@pytest.mark.parametrize("name", ["nothing", "..", "../runs", "a\0", "x" * 5000, "", "README", "/etc"])
def test_what_is_no_dataset_is_not_found_whatever_its_name(datasets: DatasetStore, dataset: Dataset, name: str) -> None:
    datasets.store.path("datasets/README").write_text("put here by a person")

    with pytest.raises(DatasetNotFound, match="datasets: mixed"):
        datasets.get(name)


def test_a_name_that_climbs_is_refused_and_nothing_is_written(store: Store, datasets: DatasetStore) -> None:
    with pytest.raises(InvalidRequest, match="a name is"):
        datasets.add("../models/x", content(), ORIGIN)

    assert os.listdir(store.path("datasets")) == []
    assert os.listdir(store.path("models")) == []


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "preview.webp"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_any_file_is_found_by_the_check(dataset: Dataset, name: str, damage: str) -> None:
    DAMAGES[damage](dataset.folder / name)

    with pytest.raises(StoreDamaged, match=name):
        dataset.check()


@pytest.mark.parametrize("foreign", [b"", b"PK\x03\x04 no zip", b"text", b"\x93NUMPY\x01\x00", None])
def test_arrays_that_cannot_be_mapped_are_damage(dataset: Dataset, foreign: bytes | None) -> None:
    for name, read in (("images.npy", dataset.images), ("labels.npy", dataset.labels)):
        path = dataset.folder / name
        path.unlink() if foreign is None else path.write_bytes(foreign)

        with pytest.raises(StoreDamaged, match=f"{name} of dataset 'mixed'"):
            read()


def test_an_array_of_another_type_is_damage(dataset: Dataset) -> None:
    np.save(dataset.folder / "images.npy", np.zeros((2, 8, 8, 1)))
    np.save(dataset.folder / "labels.npy", np.array([{}], object), allow_pickle=True)

    for read in (dataset.images, dataset.labels):
        with pytest.raises(StoreDamaged):
            read()


@pytest.mark.parametrize("body", [b"", b"{", b'{"schema": 1}', b'{"schema": 2, "version": "x"}'])
def test_a_damaged_pointer_is_named(dataset: Dataset, datasets: DatasetStore, body: bytes) -> None:
    datasets.store.path("datasets/mixed/current.json").write_bytes(body)

    with pytest.raises(StoreDamaged, match=r"mixed/current\.json"):
        datasets.get("mixed")
