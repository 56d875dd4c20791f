"""The bundled digits, as committed, and the rule that chooses them. Needs no MNIST on the machine."""

import hashlib

import numpy as np
import pytest

from bench.dataset import ARCHIVE, NOTICE, PER_CLASS, SIZE_LIMIT, Digits, chosen, pack, unseen


def made_up_mnist(per_class: int) -> Digits:
    labels = np.random.default_rng(3).permutation(np.repeat(np.arange(10, dtype=np.uint8), per_class))
    images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(len(labels)) // 256, np.arange(len(labels)) % 256
    return Digits(images, labels)


def test_the_bundled_digits_are_a_thousand_of_each_class() -> None:
    with np.load(ARCHIVE, allow_pickle=False) as archive:
        content = dict(archive)

    assert set(content) == {"images", "labels", "class_names"}
    assert content["images"].shape == (10_000, 28, 28)
    assert content["images"].dtype == np.uint8
    assert content["labels"].shape == (10_000,)
    assert content["labels"].dtype == np.uint8
    assert np.bincount(content["labels"]).tolist() == [1_000] * 10
    assert content["class_names"].tolist() == list("0123456789")
    assert content["class_names"].dtype.kind == "U"


def test_the_bundled_digits_are_small_and_the_ones_that_the_notice_speaks_of() -> None:
    data = ARCHIVE.read_bytes()

    digest = hashlib.sha256(data).hexdigest()

    assert len(data) <= SIZE_LIMIT
    assert f"`{digest}`" in NOTICE.read_text(encoding="utf-8")


def test_the_first_thousand_of_each_digit_are_chosen_in_file_order() -> None:
    labels = made_up_mnist(per_class=1_100).labels

    mask = chosen(labels)

    for digit in range(10):
        places = np.flatnonzero(labels == digit)
        assert mask[places[:PER_CLASS]].all()
        assert not mask[places[PER_CLASS:]].any()


def test_chosen_and_unseen_share_no_image_and_leave_none_over() -> None:
    mnist = made_up_mnist(per_class=1_100)
    mask = chosen(mnist.labels)

    rest = unseen(mnist)

    taken = {image.tobytes() for image in mnist.images[mask]}
    left = {image.tobytes() for image in rest.images}
    assert len(taken) == 10_000
    assert len(left) == len(rest.labels) == 1_000
    assert not taken & left


def test_too_few_images_of_a_digit_are_refused() -> None:
    labels = made_up_mnist(per_class=1_100).labels
    labels[labels == 4] = 5

    with pytest.raises(ValueError, match="only 0 images of digit 4"):
        chosen(labels)


def test_the_archive_has_the_same_bytes_on_each_run() -> None:
    mnist = made_up_mnist(per_class=1_001)

    first, second = pack(mnist), pack(mnist)

    assert first == second
