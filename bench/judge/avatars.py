"""The judge of the avatars: a run's evaluation (docs/metrics.md), with reals that nobody has learnt from.

Features are those of the dataset's own classifier (worker/training/scores/classifier.py, in float32 on one thread),
which learns from what `make dataset-avatars` draws. The reals are 1,000 of each class with numbers from HELD_OUT on,
cut in two as a run cuts its own: half of them stand for drawn pictures, and give the floor. Nothing of it is bundled:
anyone makes the same judge in a few minutes, and a folder keeps it. Shape suffixes: N pictures, H height, W width, C
channels, D features.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench import avatars
from bench.judge.examination import Features, Judge, Reals, likeness
from core.media.images import Images
from core.store import files
from worker.judge.judgement import Readings
from worker.training.execution import Execution
from worker.training.scores import classifier
from worker.training.scores.classifier import Classifier
from worker.training.scores.extractor import BATCH, extract
from worker.training.scores.frechet import frechet_distance, statistics
from worker.training.scores.reference import reals_to_read
from worker.training.scores.tick import unwatched

PER_CLASS = 1_000  # of the reals

Pictures = tuple[Images, NDArray[np.int64]]  # N H W C and labels, class by class

log = logging.getLogger(__name__)


def avatars_judge(
    folder: Path = avatars.KEPT, learnt_per_class: int = avatars.PER_CLASS, per_class: int = PER_CLASS
) -> Judge:
    """The judge that `folder` holds, or a new one: minutes."""
    held_out = avatars.kept(folder, per_class, avatars.HELD_OUT)
    weights = folder / f"{classifier.BUILD}-{learnt_per_class}-{avatars.revision()}.safetensors"
    if not weights.exists():
        learnt = avatars.kept(folder, learnt_per_class)
        log.info("the classifier of the avatars learns: %d pictures", len(learnt[0]))
        files.write_atomic(weights, trained(learnt, len(avatars.STYLES)))
    return judge_of(weights.read_bytes(), held_out, avatars.STYLES)


def trained(learnt: Pictures, num_classes: int) -> bytes:
    """Weights of a classifier: the same each time on the same CPU."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in the same order, however many cores there are
    try:
        execution = Execution(device="cpu", precision="float32", threads=1)
        return classifier.train(*learnt, num_classes, execution, unwatched)[0]
    finally:
        torch.set_num_threads(threads)


def judge_of(weights: bytes, held_out: Pictures, class_names: tuple[str, ...]) -> Judge:
    """Compares half of the pictures held out with the other half, and as many drawn ones with the same."""
    images_NHWC, labels_N = held_out
    _, height, width, channels = images_NHWC.shape
    read = _reader(Classifier(weights, height, channels, len(class_names), torch.device("cpu")))
    apart_N, rest_N = reals_to_read(len(images_NHWC), len(images_NHWC) // 2)
    (readings_N, apart_ND), (_, rest_ND) = read(images_NHWC[apart_N]), read(images_NHWC[rest_N])
    gaussian = statistics(rest_ND)
    return Judge(
        name="avatars",
        shape=(height, width, channels),
        class_names=class_names,
        comparable=len(apart_N),
        read=read,
        gaussian=gaussian,
        beside=lambda: rest_ND,
        floor=frechet_distance(*statistics(apart_ND), *gaussian),
        floor_of=f"{len(apart_N):,} reals",
        reals=Reals(float((readings_N == labels_N[apart_N]).mean()), likeness(apart_ND, rest_ND)),
    )


def _reader(extractor: Classifier) -> Callable[[Images], tuple[Readings, Features]]:
    def read(images_NHWC: Images) -> tuple[Readings, Features]:
        batches = (images_NHWC[start : start + BATCH] for start in range(0, len(images_NHWC), BATCH))
        found = extract(extractor, batches, unwatched)
        assert found.class_N is not None
        return found.class_N, found.values_ND

    return read
