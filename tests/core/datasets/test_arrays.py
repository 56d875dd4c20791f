"""IDX files and .npz: kept as they are where they can be, paired, resized, refused."""

import gzip
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.uploads import idx, npz

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (30, 28, 28), np.uint8)
TEST = RNG.integers(0, 256, (10, 28, 28), np.uint8)
TRAIN_LABELS, TEST_LABELS = np.arange(30, dtype=np.uint8) % 10, np.arange(10, dtype=np.uint8)
NAMES = ("t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte")
FOUR = (gzip.compress(idx(TEST_LABELS)), idx(TRAIN), gzip.compress(idx(TEST)), idx(TRAIN_LABELS))


def test_a_pair_is_images_with_their_labels(take: Build) -> None:
    content = take(idx(TRAIN_LABELS), idx(TRAIN)).content

    assert (content.images_NHWC[..., 0] == TRAIN).all()
    assert content.labels_N is not None
    assert (content.labels_N == TRAIN_LABELS).all()
    assert content.class_names == tuple("0123456789")


def test_four_files_in_any_order_are_the_larger_pair_and_then_the_other(take: Build) -> None:
    content = take(*FOUR, names=NAMES).content
    other = take(*FOUR[::-1], names=NAMES[::-1]).content

    assert (content.images_NHWC[..., 0] == np.concatenate([TRAIN, TEST])).all()
    assert content.labels_N is not None
    assert (content.labels_N == np.concatenate([TRAIN_LABELS, TEST_LABELS])).all()
    assert content.digest == other.digest


def test_images_alone_have_no_classes_and_colour_needs_a_fourth_dimension(take: Build) -> None:
    assert take(idx(TRAIN)).content.labels_N is None
    assert take(idx(RNG.integers(0, 256, (4, 32, 32, 3), np.uint8))).content.images_NHWC.shape == (4, 32, 32, 3)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ((idx(TRAIN_LABELS),), "of labels alone"),
        ((idx(TRAIN), idx(TEST_LABELS)), r"upload 0 has 30 images, and no file as many labels \(upload 1: 10\)"),
        ((idx(TRAIN), idx(TRAIN_LABELS), idx(TEST_LABELS)), "upload 2: labels without images"),
        ((idx(TRAIN), idx(TRAIN[:, :20])), "images of different sizes"),
        ((idx(TRAIN[0]),), "upload 0: neither images"),
        ((idx(TRAIN)[:-1],), "upload 0: cut short"),
        ((gzip.compress(idx(TRAIN))[:-20],), "upload 0: the gzip stream is damaged"),
        ((gzip.compress(b"a tar, perhaps"),), "upload 0: not an IDX file"),
        ((idx(TRAIN), b"\x89PNG"), "each has to be an IDX file"),
        (
            (b"\x89PNG\r\n\x1a\n",),
            "is a PNG, a single picture; .*expected a zip or a tar of pictures",
        ),
        ((b"",), "is empty; expected a zip or a tar of pictures"),
        ((b"\0\0\x08\x03" + b"\xff" * 12,), "more than the 10000000 allowed"),
        ((gzip.compress(idx(np.zeros((12, 1000, 1000), np.uint8))),), "more than the 10000000 allowed"),
        ((idx(TRAIN[:0]),), "images"),
    ],
)
def test_idx_files_that_make_no_dataset_are_refused(take: Build, files: tuple[bytes, ...], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        take(*files)


def test_more_images_than_can_be_looked_at_are_refused(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="/file: has 2000001 images; arrays may have 2000000"):
        take(npz(images=np.zeros((2_000_001, 1, 1), np.uint8)))


def test_arrays_are_resized_cropped_and_given_channels_as_asked(take: Build) -> None:
    wide = RNG.integers(0, 256, (5, 20, 40, 3), np.uint8)

    built = take(npz(images=wide, labels=np.arange(5)), size="32", channels="1")

    assert built.content.images_NHWC.shape == (5, 32, 32, 1)
    assert built.content.labels_N is not None
    assert built.content.labels_N.tolist() == [0, 1, 2, 3, 4]
    assert (built.report.taken, built.report.enlarged) == (5, 5)


def test_an_npz_of_one_drawable_size_stays_as_it_is(take: Build) -> None:
    images = RNG.integers(0, 256, (5, 112, 112, 3), np.uint8)

    built = take(npz(images=images, labels=[0, 1, 2, 0, 1], class_names=["a", "b", "c"]))

    assert (built.content.images_NHWC == images).all()
    assert built.content.class_names == ("a", "b", "c")
    assert built.report.to_body().kind == "npz"


@pytest.mark.parametrize(
    ("arrays", "pointer"),
    [
        ({"one": TRAIN, "other": TEST[:, :20]}, "/file/images"),
        ({"images": TRAIN.astype(float) * 9}, "/file/images"),
        ({"images": np.array([{}, None], object)}, "/file/images"),
        ({"images": TRAIN, "labels": TRAIN_LABELS[:5]}, "/file/labels"),
        ({"images": TRAIN, "labels": TRAIN_LABELS, "class_names": ["a"]}, "/file/labels"),
        ({"images": np.zeros((12, 1000, 1000), np.uint8)}, "/file"),
    ],
)
def test_an_npz_that_makes_no_dataset_is_refused_at_its_array(
    take: Build, arrays: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(npz(**arrays), limits=LIMITS)

    assert [problem.pointer for problem in refused.value.problems] == [pointer]
