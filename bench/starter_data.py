"""What starter models and benches learn from, put into a store. Knows no training.

Shape suffixes: H height, W width, C channels.
"""

from pathlib import Path

import numpy as np

from bench import speech
from bench.dataset import CLASSES, read_mnist
from core.datasets import BUNDLED, DatasetStore, ImageSet, Origin
from core.datasets.clip import read_clip
from core.datasets.manifest import DatasetManifest
from core.media.sound import LOG_MEL
from core.store import Store
from models.starters import AVATARS, SPOKEN_DIGITS

MNIST = "mnist-60k"
AVATARS_SOURCE = "characters in eight styles of DiceBear, drawn by `make dataset-avatars`"
SPEECH_SOURCE = "the digits zero to nine in synthetic voices of espeak-ng, spoken by `make dataset-speech`"


def dataset_of(name: str, store: Store, mnist: Path | None = None) -> DatasetManifest:
    """The manifest of what a starter learns from. `mnist`: the folder of MNIST's files, for digits from all of it."""
    if name == AVATARS:
        return avatars(store)
    if name == SPOKEN_DIGITS:
        return spoken(store)
    return bundled(store) if mnist is None else whole_mnist(store, mnist)


def notice_of(name: str) -> str | None:
    """What has to be said of the licence beside a starter."""
    if name == AVATARS:
        from bench.avatars import notice

        return notice()
    return speech.NOTICE if name == SPOKEN_DIGITS else None


def bundled(store: Store) -> DatasetManifest:
    """The manifest of the digits that come with the package."""
    DatasetStore(store).add_bundled()
    return DatasetStore(store).get(BUNDLED).manifest


def whole_mnist(store: Store, folder: Path) -> DatasetManifest:
    """The manifest of the 60,000 digits of MNIST's training set."""
    digits = read_mnist(folder, "train")
    names = tuple(str(digit) for digit in range(CLASSES))
    content = ImageSet(digits.images[..., None], digits.labels.astype(np.int64), names)
    origin = Origin("MNIST's training set, whole", "CC-BY-SA-3.0", "MNIST, Yann LeCun and Corinna Cortes")
    return DatasetStore(store).add(MNIST, content, origin).manifest


def avatars(
    store: Store, kept_in: Path | None = None, per_class: int | None = None, name: str = AVATARS
) -> DatasetManifest:
    """The manifest of the avatars, the first of each class. kept_in: where their pictures are, or are put."""
    from bench import avatars as drawing  # by packages for developers

    pictures = drawing.kept(kept_in or drawing.KEPT, per_class or drawing.PER_CLASS)
    origin = Origin(AVATARS_SOURCE, "CC0-1.0", drawing.attribution())
    return DatasetStore(store).add(name, ImageSet(*pictures, drawing.STYLES), origin).manifest


def spoken(store: Store, per_word: int = speech.PER_CLASS) -> DatasetManifest:
    """The manifest of the spoken digits, as they are where the zip of bench.speech is imported."""
    datasets = DatasetStore(store)
    if SPOKEN_DIGITS in datasets.names():
        return datasets.get(SPOKEN_DIGITS).manifest
    names = tuple(sorted(speech.WORDS))
    pictures, labels = [], []
    for place, wav in speech.all_spoken(per_word):
        pictures.append(read_clip(wav, LOG_MEL, speech.LONGEST_S).picture_HWC)
        labels.append(names.index(speech.WORDS[place]))
    content = ImageSet(np.stack(pictures), np.array(labels, np.int64), names, LOG_MEL)
    return datasets.add(SPOKEN_DIGITS, content, Origin(SPEECH_SOURCE, speech.LICENCE, speech.ATTRIBUTION)).manifest
