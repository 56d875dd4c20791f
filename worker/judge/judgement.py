"""Judging digits: images and the labels they were asked for to scores. Does not know who drew them.

Shape suffixes: N pictures, B of a batch, F features, K classes.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from worker.judge.network import CLASSES, SIZE, DigitClassifier, to_pixels
from worker.training.scores.frechet import Floats, frechet_distance, statistics

FOLDER = Path(__file__).resolve().parent
WEIGHTS = FOLDER / "judge.safetensors"
REFERENCE = FOLDER / "reference.npz"
BATCH = 500

Readings = NDArray[np.int64]


@dataclass(frozen=True)
class Judgement:
    """Scores of one set of pictures.

    `label_accuracy`: share (0 to 1) read as the label asked for; `per_class_accuracy`: the same per class, None where
    no picture was asked for; `frechet_distance`: to the reals, lower is better; `ratio`: that over `floor`. A sample
    smaller than that of the floor does not compare with it: its covariance is off, and reads higher.
    """

    images: int
    label_accuracy: float
    per_class_accuracy: tuple[float | None, ...]
    frechet_distance: float
    floor: float
    ratio: float


@dataclass(frozen=True)
class JudgeReference:
    """What images are compared with: the judge's features (F = 64) of MNIST's 10,000 test images.

    `floor` is the distance of the bundled mnist-10k, real digits too, from the same; `accuracy` is the judge's share of
    test images read right; `kid`, `precision` and `recall` compare theirs with mnist-10k.
    """

    mean: Floats
    covariance: Floats
    floor: float
    accuracy: float
    kid: float
    precision: float
    recall: float


@cache
def load_judge() -> DigitClassifier:
    """Load the committed classifier, float32 on the CPU (float16 on disk)."""
    network = DigitClassifier()
    network.load_state_dict(load_file(WEIGHTS))
    return network.eval().requires_grad_(False)


@cache
def load_reference() -> JudgeReference:
    """Load the committed statistics of MNIST's test images."""
    with np.load(REFERENCE, allow_pickle=False) as archive:
        numbers = {name: float(archive[name]) for name in ("floor", "accuracy", "kid", "precision", "recall")}
        return JudgeReference(archive["mean"], archive["covariance"], **numbers)


def judge(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Judgement:
    """Score uint8 images (N, 28, 28) or (N, 28, 28, 1) against the labels (N,) that each was asked to show.

    Raises ValueError for another shape or dtype, for labels outside 0 to 9, and for fewer than two images.
    """
    images = _checked(images, labels)
    reference = load_reference()
    readings, features = read(load_judge(), images)
    distance = frechet_distance(*statistics(features), reference.mean, reference.covariance)
    return judged(readings, labels, CLASSES, distance, reference.floor)


@torch.inference_mode()
def read(network: DigitClassifier, images: NDArray[np.uint8]) -> tuple[Readings, NDArray[np.float32]]:
    """Read uint8 (N, 28, 28) in batches: digits (N,) and features (N, F)."""
    readings, features = [], []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH]))
        logits_BK, features_BF = network(to_pixels(batch))
        readings.append(logits_BK.argmax(dim=1).numpy())
        features.append(features_BF.numpy())
    return np.concatenate(readings), np.concatenate(features)


def judged(
    readings_N: Readings, labels_N: NDArray[np.integer], num_classes: int, distance: float, floor: float
) -> Judgement:
    """Make a judgement of what was read, what was asked for, and the distance to the reals."""
    right_N = readings_N == labels_N
    asked = [labels_N == label for label in range(num_classes)]
    return Judgement(
        images=len(readings_N),
        label_accuracy=float(right_N.mean()),
        per_class_accuracy=tuple(float(right_N[mask_N].mean()) if mask_N.any() else None for mask_N in asked),
        frechet_distance=distance,
        floor=floor,
        ratio=distance / floor,
    )


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
