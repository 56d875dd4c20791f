"""The evaluation of a run that learns to classify: how many held-out pictures it names, and how sure it may be of them.

Beside it what the same network makes of the labels alone. Knows no loop. Shape suffixes: N pictures, K classes,
H height, W width, C channels.
"""

import time

import numpy as np

from core.datasets import Dataset
from core.errors import TrainingFailed
from core.media.images import Images
from core.resolved import ResolvedConfig
from core.runs import Run
from models.classifier import PictureClassifier
from models.probabilities import probabilities
from models.sampling import read
from models.splits import Places, split
from worker.evaluation.judged import JudgedBy, read_judged, report_judged
from worker.evaluation.nearest import NearestSheet
from worker.evaluation.preparation import Context
from worker.training.learning_set import labelled_of
from worker.training.scores.calibration import (
    Labels,
    Logits,
    calibration_error,
    confusion,
    fit_temperature,
    wilson,
)
from worker.training.state import TrainState
from worker.training.supervised import num_steps, train_supervised
from worker.training.trainer import Metrics

BATCH = 256  # pictures that are read at once
MOST_CONFUSED = 100  # classes of which the confusion is kept


Confusion = list[list[int]]


class HeldOut:
    """The pictures of a dataset that a classifier has not learnt from: by some its temperature is fitted, by the others
    it is tested."""

    def __init__(self, dataset: Dataset, context: Context) -> None:
        labels_N = dataset.labels()
        assert labels_N is not None
        self.images_NHWC, self.labels_N, self.parts = dataset.images(), labels_N, split(len(labels_N))
        self.num_classes, self.context = len(dataset.class_names), context

    def measured(self, network: PictureClassifier) -> tuple[Metrics, Confusion | None]:
        """Return its numbers of docs/metrics.md, and by true class how often each class was named."""
        held_out_NK, test_NK = (self._read(network, part) for part in (self.parts.held_out_N, self.parts.test_N))
        temperature = fit_temperature(held_out_NK, self.labels_N[self.parts.held_out_N])
        label_N = self.labels_N[self.parts.test_N]
        counts_KK = confusion(test_NK.argmax(axis=1), label_N, self.num_classes)
        found = accuracy_of(test_NK, label_N) | {
            "temperature": temperature,
            "ece": calibration_error(probabilities(test_NK), label_N),
            "ece_calibrated": calibration_error(probabilities(test_NK, temperature), label_N),
        }
        return found, counts_KK.tolist() if self.num_classes <= MOST_CONFUSED else None

    @property
    def num_batches(self) -> int:
        return sum(-(-len(part_N) // BATCH) for part_N in (self.parts.held_out_N, self.parts.test_N))

    def _read(self, network: PictureClassifier, places_N: Places) -> Logits:
        return read_at(network, self.images_NHWC, places_N, self.context)


class ClassifierEvaluation:
    """The averaged classifier against the labels of the test.

    baseline: numbers of the same network with the labels alone, told with each evaluation.
    """

    sheet: NearestSheet | None = None

    def __init__(self, dataset: Dataset, baseline: Metrics, context: Context) -> None:
        self.held_out, self.baseline = HeldOut(dataset, context), baseline

    def scores(self, state: TrainState) -> Metrics:
        """Compute the numbers of docs/metrics.md for the classifier as it is now."""
        assert isinstance(state.ema, PictureClassifier)
        with self.held_out.context.task("evaluation", self.held_out.num_batches):
            found, state.confusion = self.held_out.measured(state.ema)
        return found | self.baseline

    def expected_s(self, state: TrainState) -> float:
        """Predict the seconds of `scores` from one batch, after another that finds everything cold."""
        assert isinstance(state.ema, PictureClassifier)
        for _ in range(2):
            began = time.monotonic()
            read(state.ema, self.held_out.images_NHWC[self.held_out.parts.test_N[:BATCH]])
        return (time.monotonic() - began) * self.held_out.num_batches


def read_at(network: PictureClassifier, images_NHWC: Images, places_N: Places, context: Context) -> Logits:
    """Return the logits of the pictures at these places."""
    parts = []
    for start in range(0, len(places_N), BATCH):
        parts.append(read(network, images_NHWC[places_N[start : start + BATCH]]))
        context.tick()
    return np.concatenate(parts)


def accuracy_of(logits_NK: Logits, label_N: Labels) -> Metrics:
    """Return the share of pictures that are named rightly, and its interval."""
    right = int((logits_NK.argmax(axis=1) == label_N).sum())
    low, high = wilson(right, len(label_N))
    return {"accuracy": right / len(label_N), "accuracy_low": low, "accuracy_high": high}


def prepare_classifier(run: Run, dataset: Dataset, resolved: ResolvedConfig, context: Context) -> ClassifierEvaluation:
    """Train the network on the labels alone, unless an earlier attempt did, and keep how good it is."""
    labels_N, settled = dataset.labels(), read_judged(run)
    if labels_N is None:
        raise TrainingFailed("dataset_invalid", f"dataset {dataset.name!r} has no labels", retryable=False)
    if settled and settled.baseline is not None:
        return ClassifierEvaluation(dataset, settled.baseline, context)
    images_NHWC, parts = dataset.images(), split(len(labels_N))
    labelled = labelled_of(resolved, images_NHWC, labels_N, context.execution.torch_device)
    with context.task("baseline", num_steps(resolved)):
        network = train_supervised(resolved, labelled, context.execution, context.tick)
    found = accuracy_of(read_at(network, images_NHWC, parts.test_N, context), labels_N[parts.test_N])
    baseline = {f"baseline_{name}": value for name, value in found.items()}
    reason = f"by the labels of held-out pictures; baseline: {len(labelled)} labels alone, {num_steps(resolved)} steps"
    report_judged(run, settled, JudgedBy(reason=reason, images=len(parts.test_N), baseline=baseline))
    return ClassifierEvaluation(dataset, baseline, context)
