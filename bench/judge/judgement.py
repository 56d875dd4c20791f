"""Judging digits: images and the labels they were asked for to scores. Does not know who drew them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from bench.dataset import read_bundled
from bench.judge.examination import LIKENESS, Judge, Judgement, Likeness, Reals, judged
from bench.judge.network import CLASSES, SIZE, DigitClassifier, to_pixels
from worker.scores.frechet import Floats, frechet_distance, statistics

FOLDER = Path(__file__).resolve().parent
WEIGHTS = FOLDER / "judge.safetensors"
REFERENCE = FOLDER / "reference.npz"
RECORD = FOLDER / "record.json"
BATCH = 500
TEST_IMAGES = 10_000


@dataclass(frozen=True)
class Reference:
    """What images are compared with: the judge's features (F = 64) of MNIST's 10,000 test images.

    `floor` is the distance of the bundled mnist-10k, real digits too, from the same; `accuracy` is the judge's share of
    test images read right, and `likeness` theirs to mnist-10k.
    """

    mean: Floats
    covariance: Floats
    floor: float
    accuracy: float
    likeness: Likeness


def load_judge(weights: Path = WEIGHTS) -> DigitClassifier:
    """The committed classifier, float32 on the CPU, ready to read (float16 on disk, widened here)."""
    network = DigitClassifier()
    network.load_state_dict(load_file(weights))
    return network.eval().requires_grad_(False)


def load_reference(path: Path = REFERENCE) -> Reference:
    """The committed statistics of MNIST's test images."""
    with np.load(path, allow_pickle=False) as archive:
        numbers = {name: float(archive[name]) for name in ("floor", "accuracy", "kid", "precision", "recall")}
        found = Likeness(*(numbers.pop(name) for name in LIKENESS))
        return Reference(archive["mean"], archive["covariance"], **numbers, likeness=found)


def judge(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Judgement:
    """Score uint8 images (N, 28, 28) or (N, 28, 28, 1) against the labels (N,) that each was asked to show.

    Raises ValueError for another shape or dtype, for labels outside 0 to 9, and for fewer than two images.
    """
    images = _checked(images, labels)
    reference = _committed_reference()
    readings, features = read(_committed_judge(), images)
    distance = frechet_distance(*statistics(features), reference.mean, reference.covariance)
    return judged(readings, labels, CLASSES, distance, reference.floor)


def digits_judge() -> Judge:
    """FD is to the test images, the likeness to the bundled mnist-10k: the features of the others are not bundled."""
    network, reference = _committed_judge(), _committed_reference()
    return Judge(
        name="digits",
        shape=(SIZE, SIZE, 1),
        class_names=tuple(str(digit) for digit in range(CLASSES)),
        comparable=TEST_IMAGES,
        read=lambda images_NHWC: read(network, images_NHWC[..., 0]),
        gaussian=(reference.mean, reference.covariance),
        beside=lambda: read(network, read_bundled().images)[1],
        floor=reference.floor,
        floor_of="mnist-10k, real digits",
        reals=Reals(reference.accuracy, reference.likeness),
    )


@torch.inference_mode()
def read(network: DigitClassifier, images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """uint8 (N, 28, 28) -> the digits read (N,) and the features (N, F), in batches."""
    readings, features = [], []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH]))
        logits_BK, features_BF = network(to_pixels(batch))
        readings.append(logits_BK.argmax(dim=1).numpy())
        features.append(features_BF.numpy())
    return np.concatenate(readings), np.concatenate(features)


_committed_judge = cache(load_judge)
_committed_reference = cache(load_reference)


def _checked(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    shape = images.shape
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE) or images.dtype != np.uint8:
        raise ValueError(f"images of shape {shape} and {images.dtype}; the judge reads uint8 (N, 28, 28)")
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels of shape {labels.shape} and {labels.dtype}, for {len(images)} images")
    if len(images) < 2 or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError("the judge needs at least two images, and labels from 0 to 9")
    return images
