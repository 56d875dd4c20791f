"""Reading .npz files: what is taken, and what is refused with the array named. Files come from strangers."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.datasets import DatasetStore, ImageSet, Origin
from core.datasets.npz import read_npz
from core.errors import InvalidRequest
from core.store import Store

GREY = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "upload.npz"
    np.savez(path, **arrays)
    return path


def test_grey_images_get_a_channel(tmp_path: Path) -> None:
    content = read_npz(npz(tmp_path, images=GREY), tmp_path)

    assert content.images_NHWC.shape == (6, 8, 8, 1)
    assert (content.labels_N, content.class_names) == (None, ())


def test_labels_without_names_are_named_by_their_numbers(tmp_path: Path) -> None:
    content = read_npz(npz(tmp_path, images=np.stack([GREY] * 3, axis=-1), labels=LABELS.astype(np.uint8)), tmp_path)

    assert content.images_NHWC.shape == (6, 8, 8, 3)
    assert content.labels_N is not None
    assert content.labels_N.dtype == np.int64
    assert content.class_names == ("0", "1", "2")


def test_class_names_are_kept_also_of_a_class_without_images(tmp_path: Path) -> None:
    names = ["Kreis", "正方形", "cross", "none of these"]

    content = read_npz(npz(tmp_path, images=GREY, labels=LABELS, class_names=names, more=np.zeros(3)), tmp_path)

    assert content.class_names == tuple(names)


@pytest.mark.parametrize(
    ("arrays", "pointer"),
    [
        ({}, "images"),
        ({"labels": LABELS}, "images"),
        ({"images": np.full((6, 8, 8), np.nan)}, "images"),
        ({"images": np.array([{}, None], object)}, "images"),
        ({"images": GREY[0]}, "images"),
        ({"images": np.uint8(3)}, "images"),
        ({"images": np.zeros((6, 8, 8, 2), np.uint8)}, "images"),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, "images"),
        ({"images": np.zeros((6, 8, 0), np.uint8)}, "images"),
        ({"images": np.zeros((1, 1, 20_000), np.uint8)}, "images"),
        ({"images": GREY * 1j}, "images"),
        ({"images": GREY - 300.0}, "images"),
        ({"images": GREY.astype(np.int16) - 9}, "images"),
        ({"images": GREY, "labels": LABELS / 2}, "labels"),
        ({"images": GREY, "labels": LABELS * 1e300}, "labels"),
        ({"images": GREY, "labels": np.full(6, np.nan)}, "labels"),
        ({"images": GREY, "labels": np.array(["a", "", "b"] * 2)}, "class_names"),
        ({"images": GREY, "labels": np.array([b"\xff", b"a", b"b"] * 2)}, "labels"),
        ({"images": GREY, "labels": np.array(["a", "b", "c"] * 2), "class_names": ["a", "b"]}, "labels"),
        ({"images": GREY, "labels": np.ones((6, 3), int)}, "labels"),
        ({"images": GREY, "labels": np.array([0, 1, 2, 0, 1, None], object)}, "labels"),
        ({"images": GREY, "labels": LABELS[:5]}, "labels"),
        ({"images": GREY, "labels": LABELS[:0]}, "labels"),
        ({"images": GREY, "labels": LABELS.reshape(2, 3)}, "labels"),
        ({"images": GREY, "labels": np.int64(3)}, "labels"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b"]}, "labels"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b", "a"]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b", ""]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b", "c" * 500]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b", "\x1b[31m"]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": ["a", "b", "\ud800"]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": [b"a", b"b", b"c"]}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": np.array(["a", None, 3], object)}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": "abc"}, "class_names"),
        ({"images": GREY, "labels": LABELS, "class_names": [str(n) for n in range(1001)]}, "class_names"),
    ],
)
def test_an_unusable_array_is_refused_by_its_name(tmp_path: Path, arrays: dict[str, Any], pointer: str) -> None:
    path = npz(tmp_path, **arrays)

    with pytest.raises(InvalidRequest) as refused:
        read_npz(path, tmp_path)

    assert [problem.pointer for problem in refused.value.problems] == [pointer]
    assert len(str(refused.value)) < 500


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def with_header(shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


WHOLE = zipped("images.npy", with_header("(6, 8, 8)", GREY.tobytes()))
FOREIGN = {
    "empty": b"",
    "text": b"no archive at all",
    "a png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a bare array": with_header("(6, 8, 8)", GREY.tobytes()),
    "a pickle": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
    "cut short": WHOLE[: len(WHOLE) // 2],
    "only the head of a zip": WHOLE[:20],
    "damaged inside": WHOLE[:80] + bytes([WHOLE[80] ^ 0xFF]) + WHOLE[81:],
    "no array inside": zipped("images", b"text"),
    "an array that claims more than it has": zipped("images.npy", with_header("(600, 8, 8)", GREY.tobytes())),
    "an array that claims petabytes": zipped("images.npy", with_header("(1000000, 100000, 100000)")),
    "an array of a negative size": zipped("images.npy", with_header("(-1, 8, 8)", GREY.tobytes())),
    "an array with code for a shape": zipped("images.npy", with_header("(__import__('os').abort(),)")),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_or_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "upload.npz"
    path.write_bytes(data)

    with pytest.raises(InvalidRequest):
        read_npz(path, tmp_path)


def test_an_archive_that_unpacks_to_more_than_allowed_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    path = tmp_path / "bomb.npz"
    path.write_bytes(zipped("images.npy", with_header("(1000, 64, 64)", bytes(1000 * 64 * 64))))

    with pytest.raises(InvalidRequest, match="file: unpacks to 4096"):
        read_npz(path, tmp_path / "out", max_bytes=1_000_000)

    assert list((tmp_path / "out").iterdir()) == []


def test_images_in_the_order_of_fortran_are_the_same_images(tmp_path: Path) -> None:
    content = read_npz(npz(tmp_path, images=np.asfortranarray(GREY)), tmp_path)

    assert (content.images_NHWC[..., 0] == GREY).all()
    assert content.digest == ImageSet(GREY[..., None]).digest


def test_class_names_without_labels_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="class_names"):
        ImageSet(GREY[..., None], None, ("a", "b"))


def preview_of(store: Store, content: ImageSet) -> tuple[int, int]:
    dataset = DatasetStore(store).add("some", content, Origin("a test"))
    with Image.open(dataset.folder / "preview.webp") as picture:
        return picture.size


@pytest.mark.parametrize(
    ("count", "classes", "size"),
    [
        *((60, 3, (3 * 8, 5 * 8)), (60, 10, (80, 40)), (6, 3, (24, 16)), (4, 0, (80, 8)), (100, 0, (80, 40))),
        *((60, 1, (80, 40)), (60, 12, (80, 40)), (1, 1, (80, 8))),
    ],
)
def test_the_preview_has_a_column_a_class_or_is_spread_over_the_set(
    store: Store, count: int, classes: int, size: tuple[int, int]
) -> None:
    pixels = np.zeros((count, 8, 8, 1), np.uint8)
    names = tuple(f"class {n}" for n in range(classes))

    content = ImageSet(pixels, np.arange(count) % classes, names) if classes else ImageSet(pixels)

    assert preview_of(store, content) == size


def test_a_class_without_images_does_not_spoil_the_preview(store: Store) -> None:
    content = ImageSet(GREY[..., None], LABELS, ("a", "b", "c", "none of these"))

    assert preview_of(store, content) == (80, 8)
