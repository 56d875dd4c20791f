"""The classifier of a dataset: what it learns, that it is the same each time, and that any dataset will do."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.media.images import Images
from worker.training.execution import Execution
from worker.training.scores import classifier
from worker.training.scores.classifier import Classifier, split, train

CPU = Execution(device="cpu", precision="float32", threads=1)
Labels = NDArray[np.int64]


def stripes(count: int, size: int, channels: int, num_classes: int) -> tuple[Images, Labels]:
    """Noise, and a bright stripe whose place is the class."""
    draws = np.random.default_rng(0)
    labels_N = np.arange(count) % num_classes
    images_NHWC = draws.integers(0, 90, (count, size, size, channels), np.uint8)
    for image_HWC, label in zip(images_NHWC, labels_N, strict=True):
        left = label * size // num_classes
        image_HWC[:, left : left + max(1, size // num_classes)] += 150
    return images_NHWC, labels_N


def quick(images_NHWC: Images, labels_N: Labels, num_classes: int) -> tuple[bytes, float]:
    return train(images_NHWC, labels_N, num_classes, CPU, lambda: None)


def test_it_reads_images_that_were_held_out() -> None:
    images_NHWC, labels_N = stripes(300, 8, 1, 3)

    weights, accuracy = quick(images_NHWC, labels_N, 3)
    read = Classifier(weights, 8, 1, 3, torch.device("cpu"))(images_NHWC)

    assert accuracy == 1
    assert read.class_N is not None
    assert (read.class_N == labels_N).mean() > 0.99
    assert read.values_ND.shape == (300, classifier.FEATURES)
    assert read.values_ND.dtype == np.float32


def test_labels_that_say_nothing_are_not_read_from_held_out_images() -> None:
    images_NHWC, _ = stripes(300, 8, 1, 3)
    labels_N = np.random.default_rng(1).integers(0, 3, 300)

    _, accuracy = quick(images_NHWC, labels_N, 3)

    assert accuracy < 0.7


def test_the_same_images_give_the_same_weights_and_the_global_random_state_is_left_alone() -> None:
    images_NHWC, labels_N = stripes(40, 8, 1, 2)
    torch.manual_seed(5)
    undisturbed = torch.rand(3)

    torch.manual_seed(5)
    first, _ = quick(images_NHWC, labels_N, 2)
    after = torch.rand(3)
    second, _ = quick(images_NHWC, labels_N, 2)

    assert first == second
    assert torch.equal(after, undisturbed)


@pytest.mark.parametrize(
    ("count", "size", "channels", "num_classes"),
    [(16, 8, 1, 2), (20, 14, 3, 2), (20, 28, 1, 10), (20, 56, 3, 2), (20, 64, 1, 2), (16, 224, 3, 2), (16, 512, 1, 2)],
)
def test_any_size_and_any_number_of_images_and_classes_will_do(
    count: int, size: int, channels: int, num_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "EPOCHS", (1, 1))
    images_NHWC, labels_N = stripes(count, size, channels, num_classes)

    weights, _ = quick(images_NHWC, labels_N, num_classes)
    read = Classifier(weights, size, channels, num_classes, torch.device("cpu"))(images_NHWC)

    assert np.isfinite(read.values_ND).all()


def test_a_thousand_classes_of_two_images_each_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "EPOCHS", (1, 1))
    images_NHWC = np.random.default_rng(0).integers(0, 256, (2000, 8, 8, 1), np.uint8)

    weights, _ = quick(images_NHWC, np.arange(2000) % 1000, 1000)

    assert len(weights) < 1_000_000


def test_what_is_learnt_from_and_what_is_held_out_do_not_meet() -> None:
    learnt, held_out = split(300)
    of_many = split(100_000)

    assert sorted([*learnt, *held_out]) == list(range(300))
    assert len(held_out) == 30
    assert list(map(len, of_many)) == [50_000, 2000]


def test_it_can_be_ended_between_two_batches() -> None:
    images_NHWC, labels_N = stripes(40, 8, 1, 2)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train(images_NHWC, labels_N, 2, CPU, stop)
