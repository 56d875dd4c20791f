"""What becomes of a stored dataset: repaired by importing it again, deleted, held while somebody needs it."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core.datasets import Dataset, DatasetStore, ImageSet
from core.errors import DatasetNotFound
from tests.core.conftest import DAMAGES, ORIGIN, content


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "preview.webp", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_importing_a_damaged_dataset_again_repairs_it(
    datasets: DatasetStore, dataset: Dataset, name: str, damage: str
) -> None:
    DAMAGES[damage](dataset.folder / name)

    again, change = datasets.put("mixed", content(), ORIGIN)

    again.check()
    # a byte of the manifest may be one that nothing depends on
    assert change == "repaired" or (name, damage) == ("manifest.json", "flip")
    assert (again.images() == content().images_NHWC).all()
    assert list(datasets.store.path("tmp").iterdir()) == []


def test_a_damaged_pointer_is_repaired_by_importing_again(datasets: DatasetStore, dataset: Dataset) -> None:
    datasets.store.path("datasets/mixed/current.json").write_bytes(b"{")

    _, change = datasets.put("mixed", content(), ORIGIN)

    assert change == "unchanged"
    assert datasets.get("mixed").manifest == dataset.manifest


def test_a_file_of_images_is_moved_and_not_copied(datasets: DatasetStore, dataset: Dataset, tmp_path: Path) -> None:
    images = content(seed=5).images_NHWC
    np.save(tmp_path / "images", images)
    inode = (tmp_path / "images.npy").stat().st_ino
    mapped = ImageSet(np.load(tmp_path / "images.npy", mmap_mode="r"))

    added, change = datasets.put("moved", mapped, ORIGIN, images_file=tmp_path / "images.npy")

    assert change == "created"
    assert (added.folder / "images.npy").stat().st_ino == inode
    assert (added.images() == images).all()
    added.check()


def test_mean_deviation_and_duplicates_are_those_of_the_pixels(datasets: DatasetStore) -> None:
    images = np.random.default_rng(3).integers(0, 256, (50, 8, 8, 3), np.uint8)
    images[..., 2] //= 3
    images[10:13] = images[0]

    manifest = datasets.add("some", ImageSet(images), ORIGIN).manifest

    assert manifest.duplicates == 3
    assert manifest.mean == pytest.approx((images / 255).mean(axis=(0, 1, 2)), abs=1e-6)
    assert manifest.std == pytest.approx((images / 255).std(axis=(0, 1, 2)), abs=1e-6)


def test_a_deleted_dataset_is_gone_with_every_version(datasets: DatasetStore, dataset: Dataset) -> None:
    datasets.add("mixed", content(seed=1), ORIGIN)

    datasets.delete("mixed")

    assert (datasets.names(), datasets.versions("mixed")) == ([], [])
    with pytest.raises(DatasetNotFound):
        datasets.delete("mixed")
    assert datasets.put("mixed", content(), ORIGIN)[1] == "created"


def test_a_damaged_dataset_can_be_deleted(datasets: DatasetStore, dataset: Dataset) -> None:
    datasets.store.path("datasets/mixed/current.json").write_bytes(b"{")
    (dataset.folder / "manifest.json").unlink()

    datasets.delete("mixed")

    assert datasets.names() == []


def test_what_is_held_is_not_deleted_meanwhile(datasets: DatasetStore, dataset: Dataset) -> None:
    seen: list[str] = []

    def delete() -> None:
        datasets.delete("mixed")
        seen.append("deleted")

    thread = threading.Thread(target=delete)

    with datasets.held("mixed") as held:
        thread.start()
        time.sleep(0.1)
        held.check()
        seen.append("let go")
    thread.join()

    assert seen == ["let go", "deleted"]
    with pytest.raises(DatasetNotFound), datasets.held("mixed"):
        pass
