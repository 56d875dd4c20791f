"""What a starter model is for, and so how it is judged, what it must reach, and which picture shows it. Trains nothing.

Shape suffixes: N pictures, H height, W width, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from bench.applications import holes as filling
from bench.applications import speech
from bench.applications.reading import read_test
from bench.dataset import CLASSES, Digits, read_mnist
from bench.judge.kinds import KINDS
from bench.quality import grid
from core.media.images import Images, contact_sheet
from core.media.images.png import write_png
from core.registry import Registry, VersionManifest
from models import sampling
from models.starters import DIGITS
from models.version import WEIGHTS_FILE
from models.weights import load_generator, load_version

Judgement = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """A published version. mnist: the folder of MNIST's files, for what is judged by them."""

    registry: Registry
    model: str
    number: int
    mnist: Path | None = None

    @property
    def folder(self) -> Path:
        return self.registry.folder(self.model, self.number)

    @property
    def manifest(self) -> VersionManifest:
        return self.registry.manifest(self.model, self.number)

    @property
    def test(self) -> Digits:
        """MNIST's 10,000 test digits."""
        assert self.mnist is not None
        return read_mnist(self.mnist, "t10k")

    def pictures(self, count: int) -> Images:
        return pictures_of(self.folder, count)


def pictures_of(folder: Path, count: int) -> Images:
    """Draw seeds 0 to N - 1 (N, H, W, C), each with its default label."""
    generator, config = load_generator(folder / WEIGHTS_FILE)
    return sampling.draw(generator, range(count), config.latent_dim, config.num_classes)


def _too_few_right(accuracy: float, least: float) -> Iterator[str]:
    if not accuracy >= least:
        yield f"{accuracy:.2%} are read right, {least:.1%} are needed"


class Use(Protocol):
    """judgement: every number of a version. missed: what a judgement lacks, in words. picture: a PNG."""

    name: ClassVar[str]

    def judgement(self, version: Version) -> Judgement: ...

    def missed(self, judgement: Judgement) -> Iterator[str]: ...

    def picture(self, version: Version) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class GenerationUse:
    """least_accuracy: share of pictures that the judge reads as asked. most_ratio: FD over floor. rows: of the
    picture."""

    name: ClassVar[str] = "generation"
    least_accuracy: float
    most_ratio: float
    rows: int

    def judgement(self, version: Version) -> Judgement:
        """Of as many pictures as compare, seeds from 0 on."""
        kind = KINDS[version.model]
        return kind.load().examine(version.pictures(kind.comparable), np.arange(kind.comparable) % kind.num_classes)

    def missed(self, judgement: Judgement) -> Iterator[str]:
        accuracy, ratio = judgement["label_accuracy"], judgement["ratio"]
        if not accuracy >= self.least_accuracy:
            yield f"{accuracy:.2%} are read as asked, {self.least_accuracy:.1%} are needed"
        if not ratio <= self.most_ratio:
            yield f"FD is {ratio:.2f} times the floor, {self.most_ratio:g} is the most"

    def picture(self, version: Version) -> bytes:
        num_classes = KINDS[version.model].num_classes
        return grid(version.pictures(self.rows * num_classes), num_classes, self.rows)


@dataclass(frozen=True, kw_only=True)
class CompletionUse:
    """least_accuracy: share of completed test digits that are read as what the whole ones show."""

    name: ClassVar[str] = "completion"
    columns: ClassVar[int] = 20
    least_accuracy: float

    def judgement(self, version: Version) -> Judgement:
        holes, test = self._holes(version)
        drawn = filling.timed(filling.by_network, *load_generator(version.folder / WEIGHTS_FILE), holes)
        judge = KINDS[DIGITS].load()
        found = filling.scored(judge, drawn[0], test.labels.astype(np.int64), holes, drawn[1])
        return {"hole": filling.HOLE, **found.model_dump(), "floor": judge.floor}

    def missed(self, judgement: Judgement) -> Iterator[str]:
        return _too_few_right(judgement["accuracy"], self.least_accuracy)

    def picture(self, version: Version) -> bytes:
        """Test digits with grey holes, two of each class; below each its drafts, and what was there."""
        holes, test = self._holes(version)
        chosen = np.concatenate([np.flatnonzero(test.labels == digit)[:2] for digit in range(CLASSES)])
        shown = filling.MiddleHoles(holes.images_NHWC[chosen])
        network, config = load_generator(version.folder / WEIGHTS_FILE)
        drafts = [filling.by_network(network, config, shown, draft) for draft in range(filling.DRAFTS)]
        rows = [shown.shown(range(len(chosen)), None)[1], *drafts, shown.images_NHWC]
        return write_png(contact_sheet(np.concatenate(rows), columns=len(chosen)))

    @staticmethod
    def _holes(version: Version) -> tuple[filling.MiddleHoles, Digits]:
        return filling.MiddleHoles(version.test.images[..., None]), version.test


@dataclass(frozen=True, kw_only=True)
class ClassificationUse:
    """least_accuracy: of MNIST's test digits."""

    name: ClassVar[str] = "classification"
    least_accuracy: float

    def judgement(self, version: Version) -> Judgement:
        network, _ = load_version(version.folder, version.manifest)
        return read_test(network, version.test, version.manifest.measured.get("temperature", 1.0))

    def missed(self, judgement: Judgement) -> Iterator[str]:
        return _too_few_right(judgement["accuracy"], self.least_accuracy)

    def picture(self, version: Version) -> bytes:
        """The test digits that it reads wrong, the first of them."""
        network, _ = load_version(version.folder, version.manifest)
        images_NHWC = version.test.images[..., None]
        wrong_N = np.flatnonzero(sampling.read(network, images_NHWC).argmax(axis=1) != version.test.labels)
        return write_png(contact_sheet(images_NHWC[wrong_N[:40]], columns=20))


@dataclass(frozen=True, kw_only=True)
class SpeechUse:
    """least_share: of the share at which real words are understood."""

    name: ClassVar[str] = "speech"
    rows: ClassVar[int] = 3
    per_word: int = 100
    voices: int = 200
    least_share: float

    def judgement(self, version: Version) -> Judgement:
        ref = f"{version.model}@{version.number}"
        return speech.measure(version.registry, ref, self.per_word, self.voices).model_dump()

    def missed(self, judgement: Judgement) -> Iterator[str]:
        drawn, real = judgement["drawn"], judgement["real"]
        if not drawn["share"] >= self.least_share * real["share"]:
            yield f"{drawn['share']:.1%} are understood, {self.least_share:g} of {real['share']:.1%} are needed"
        if drawn["silent"]:
            yield f"{drawn['silent']:.1%} are silent"

    def picture(self, version: Version) -> bytes:
        """Spectrograms, a column for each word."""
        num_classes = len(version.manifest.labels)
        return grid(version.pictures(self.rows * num_classes), num_classes, self.rows)
