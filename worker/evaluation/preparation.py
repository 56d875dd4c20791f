"""Which extractor a run is judged by, and what must be there first: its weights, and features of reals. Knows no run.

What is made is kept in the store under `extractors/`, named by what it was made from, so that the next run finds it; it
may be deleted at any time. Two runs that want the same at once: one makes it, the other waits.

Shape suffixes: N images, H height, W width, C channels, D feature dimensions.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from core.datasets import Dataset
from core.errors import StoreDamaged
from core.media.images import Images
from core.store import Listed, Record, Store, check_files, files, list_files
from worker.training.execution import Execution
from worker.training.scores import classifier, efficientnet, inception
from worker.training.scores.extractor import BATCH, Extractor, Features, extract
from worker.training.scores.reference import ReferenceSet, reals_to_read
from worker.training.scores.tick import Tick

FOLDER = "extractors"
FACTS_FILE, WEIGHTS_FILE, FEATURES_FILE = "manifest.json", "classifier.safetensors", "features.safetensors"
WAIT_S = 0.2  # between two looks whether another run is done

T = TypeVar("T")

log = logging.getLogger(__name__)


class Kept(Record):
    """manifest.json beside a result: what it was made from, and its file."""

    extractor: str | None = None
    extractor_digest: str | None = None
    build: str | None = None
    dataset_digest: str | None = None
    accuracy: float = 0.0
    files: Listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """Where and how things are made. `tick` is called often and may end it all by raising; `task` says of what, and
    about how often it will be (None: nobody knows)."""

    store: Store
    execution: Execution
    inception: Path | None
    tick: Tick
    task: Callable[[str, int | None], AbstractContextManager[object]] = lambda *_: nullcontext()


def choose(asked: str, dataset: Dataset) -> tuple[str, str]:
    """Return the name of the extractor that `asked` means here, or "none", and why."""
    if asked != "auto":
        return asked, "as asked"
    if len(dataset.class_names) > 1:
        return classifier.NAME, "the dataset has classes"
    if efficientnet.is_installed():
        return efficientnet.NAME, "the dataset has no classes"
    return "none", f"the dataset has no classes, and {efficientnet.NAME} is not installed"


def make_extractor(name: str, dataset: Dataset, context: Context) -> tuple[Extractor, float | None]:
    """Make an extractor, and measure a classifier's held-out accuracy; TrainingFailed if it cannot be used."""
    if name == efficientnet.NAME:
        return efficientnet.EfficientNetLite0(context.execution.torch_device), None
    if name == inception.NAME:
        return inception.Inception(context.inception, context.execution.torch_device), None
    assert name == classifier.NAME
    return _classifier(dataset, context)


def make_reference(
    extractor: Extractor, dataset: Dataset, fakes: int, by_class: bool, context: Context
) -> ReferenceSet:
    """Compute features of the reals that `fakes` pictures are compared with; `by_class`: fakes are drawn by class."""
    images_NHWC, labels_N = dataset.images(), dataset.labels()
    apart, rest = reals_to_read(len(images_NHWC), fakes)
    key = _key("reals", extractor.digest, dataset.manifest.digest, str(fakes))

    def fill(folder: Path) -> None:
        log.info("%s: features of %d reals", extractor.name, len(apart) + len(rest))
        with context.task("real_features", sum(-(-len(index) // BATCH) for index in parts.values())):
            found = {name: extract(extractor, _read(images_NHWC, index), context.tick) for name, index in parts.items()}
        tensors = {name: features.values_ND for name, features in found.items()}
        classes = {f"{name}_class": read.class_N for name, read in found.items() if read.class_N is not None}
        save_file(tensors | classes, folder / FEATURES_FILE)
        listed = list_files(folder, FEATURES_FILE)
        kept = Kept(extractor=extractor.name, extractor_digest=extractor.digest, files=listed)
        kept.write(folder / FACTS_FILE)

    parts = {"apart": apart, "rest": rest}
    tensors = _kept(key, fill, lambda folder: load_file(folder / FEATURES_FILE), context)
    found = {name: Features(tensors[name], tensors.get(f"{name}_class")) for name in parts}
    labels = (None, None) if labels_N is None or not by_class else (labels_N[apart], labels_N[rest])
    occurring = 0 if labels_N is None else len(np.unique(labels_N))  # no other class can be missed
    return ReferenceSet(found["apart"], found["rest"], labels[0], labels[1], occurring, context.tick)


def _classifier(dataset: Dataset, context: Context) -> tuple[classifier.Classifier, float]:
    images_NHWC, labels_N = dataset.images(), dataset.labels()
    assert labels_N is not None
    num_classes = len(dataset.class_names)
    key = _key(classifier.NAME, dataset.manifest.digest, classifier.BUILD)

    def fill(folder: Path) -> None:
        began = time.monotonic()
        log.info("the classifier of the dataset is trained: by its features fakes are compared with reals")
        with context.task("classifier", classifier.num_ticks(len(images_NHWC))):
            weights, accuracy = classifier.train(images_NHWC, labels_N, num_classes, context.execution, context.tick)
        (folder / WEIGHTS_FILE).write_bytes(weights)
        listed, digest = list_files(folder, WEIGHTS_FILE), dataset.manifest.digest
        kept = Kept(build=classifier.BUILD, dataset_digest=digest, accuracy=accuracy, files=listed)
        kept.write(folder / FACTS_FILE)
        seconds = time.monotonic() - began
        log.info("classifier of the dataset: %.2f %% of held-out images right, %.0f s", 100 * accuracy, seconds)

    def read(folder: Path) -> tuple[classifier.Classifier, float]:
        height, channels = images_NHWC.shape[1], images_NHWC.shape[3]
        weights, device = (folder / WEIGHTS_FILE).read_bytes(), context.execution.torch_device
        accuracy = Kept.read(folder / FACTS_FILE).accuracy
        return classifier.Classifier(weights, height, channels, num_classes, device), accuracy

    return _kept(key, fill, read, context)


def _read(images_NHWC: Images, index_N: NDArray[np.int64]) -> Iterator[Images]:
    return (images_NHWC[index_N[start : start + BATCH]] for start in range(0, len(index_N), BATCH))


def _key(kind: str, *made_from: str) -> str:
    return f"{FOLDER}/{kind}-{hashlib.sha256('|'.join(made_from).encode()).hexdigest()[:32]}"


def _kept(key: str, fill: Callable[[Path], None], read: Callable[[Path], T], context: Context) -> T:
    """Return `read` of the folder `key`; `fill` makes a missing or damaged folder."""
    (context.store.root / FOLDER).mkdir(exist_ok=True)
    is_logged = False
    while True:
        with files.try_lock_file(context.store.path(f"{key}.lock")) as is_mine:
            if is_mine:
                return _sound(key, fill, read, context.store)
        if not is_logged:
            log.info("another run is making what this one needs; waiting for it")
            is_logged = True
        with context.task("waiting", None):
            context.tick()
        time.sleep(WAIT_S)


def _sound(key: str, fill: Callable[[Path], None], read: Callable[[Path], T], store: Store) -> T:
    folder = store.path(key)
    try:
        check_files(folder, store.read_record(f"{key}/{FACTS_FILE}", Kept).files)
        return read(folder)
    except FileNotFoundError:
        pass
    except (StoreDamaged, KeyError, SafetensorError, RuntimeError) as error:
        log.warning("%s cannot be used, and is made anew: %s", key, str(error)[:300])
    store.put(key, fill, replace=True)
    return read(folder)
