"""Labels as people keep them: only what occurs is a class, and it keeps its name."""

from typing import Any

import numpy as np
import pytest

from core.datasets.labels import number
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.uploads import idx, npz

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16), np.uint8)
BEGINS_AT_1 = [1, 2, 3, 3, 2, 1]


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (np.array([0, 1, 2]), ("0", "1", "2"), [0, 1, 2]),
        (np.array([1, 2, 3], np.uint8), ("1", "2", "3"), [0, 1, 2]),
        (np.array([10, 5, 10, 7]), ("5", "7", "10"), [2, 0, 2, 1]),
        (np.array([-1, 1, -1]), ("-1", "1"), [0, 1, 0]),
        (np.array([2**63, 2**64 - 1], np.uint64), (str(2**63), str(2**64 - 1)), [0, 1]),
        (np.array([3.0, 1.0]), ("1", "3"), [1, 0]),
        (np.array([True, False, True]), ("0", "1"), [1, 0, 1]),
        (np.array([[4], [9], [4]]), ("4", "9"), [0, 1, 0]),
        (np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0]]), ("1", "2"), [0, 1, 0]),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), ("0", "1"), [1, 0]),
        (np.array([[True, False], [False, True]]), ("0", "1"), [0, 1]),
        (np.array(["dog", "cat", "dog"]), ("cat", "dog"), [1, 0, 1]),
        (np.array(["10", "9"]), ("9", "10"), [1, 0]),
        (np.array([b"Hund", "Käfer".encode()]), ("Hund", "Käfer"), [0, 1]),
        (np.array([7, 8], ">i4"), ("7", "8"), [0, 1]),
    ],
)
def test_only_what_occurs_is_a_class_and_keeps_its_name(
    labels: Any, names: tuple[str, ...], numbers: list[int]
) -> None:
    labels_N, class_names = number(labels)

    assert class_names == names
    assert labels_N.tolist() == numbers
    assert labels_N.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        ([0, 2, 1], [0, 2, 1]),
        ([0, 0, 1], [0, 0, 1]),  # no picture of c: a name that was given stays
        ([1, 2, 3], [0, 1, 2]),  # as EMNIST's letters are
        (["c", "a", "b"], [2, 0, 1]),
        ([[0, 1, 0], [1, 0, 0], [0, 1, 0]], [1, 0, 1]),
    ],
)
def test_names_that_are_given_are_those_of_the_labels_in_their_order(labels: Any, numbers: list[int]) -> None:
    labels_N, class_names = number(np.array(labels), ("a", "b", "c"))

    assert class_names == ("a", "b", "c")
    assert labels_N.tolist() == numbers


@pytest.mark.parametrize(
    ("labels", "names", "complaint"),
    [
        (np.array([1.5]), None, "no whole numbers"),
        (np.array([np.inf]), None, "no whole numbers"),
        (np.array([[1, 1], [0, 1]]), None, "2 values an image, and not one of them is 1"),
        (np.array([[0.2, 0.8]]), None, "2 values an image"),
        (np.zeros((2, 2, 2)), None, "one-hot"),
        (np.arange(1001), None, "1001 different values; a dataset may have 1000"),
        (np.array([b"\xff"]), None, "UTF-8"),
        (np.array([0, 3]), ("a", "b", "c"), "expected 0 to 2"),
        (np.array([0, 1]) * 1j, None, "got complex128"),
        (np.array(["d"]), ("a", "b"), "'d', which is no class name"),
    ],
)
def test_what_is_no_label_is_refused(labels: Any, names: tuple[str, ...] | None, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint) as refused:
        number(labels, names)

    assert refused.value.problems[0].pointer == "labels"


def test_idx_files_and_arrays_number_alike(take: Build) -> None:
    labels = np.array(BEGINS_AT_1, np.uint8)

    for files in ((idx(IMAGES), idx(labels)), (npz(images=IMAGES, labels=labels),)):
        content = take(*files).content
        assert content.class_names == ("1", "2", "3")
        assert content.labels_N is not None
        assert content.labels_N.tolist() == [label - 1 for label in BEGINS_AT_1]
