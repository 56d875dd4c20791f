"""One model version, ready to be drawn: which batches it is drawn in, and how fast. Knows no queue and no HTTP.

The seed contract: the bytes of an image depend on version, seed and label, never on what else is in the batch. So
every forward pass has one of a few fixed shapes, padded, and only shapes that draw the same bytes are used.
"""

import time
from pathlib import Path

import PIL

from app.engine.batch import Backend, Batch, BatchResult, Facts, PrecisionChoice, Rows, Runner
from core.errors import StoreDamaged
from core.registry import VersionManifest
from core.store import check_files
from ganymede.schemas import VERSION
from ganymede.schemas.models import EngineFacts
from ganymede.schemas.references import BranchStep

SMOOTHING = 0.1  # weight of the newest batch in the measured seconds of its shape
SMALL = 64 * 64 * 3  # bytes of a picture that is encoded where it was drawn: to hand it over would cost more
DEEP = 4  # so many batches of the fastest shape wait that nobody has to wait for one to fill
NEARLY = 0.9  # a smaller shape that draws so much of the best one's images a second is better: nobody waits for it


class Engine:
    """An open version and its measured speed. Used on the event loop alone."""

    def __init__(
        self, name: str, version: int | BranchStep, manifest: VersionManifest, runner: Runner, facts: Facts
    ) -> None:
        self.name, self.version, self.manifest = name, version, manifest
        self.runner, self.facts = runner, facts
        self.digest, self.latent_dim = manifest.digest, manifest.latent_dim
        self.labels = manifest.labels  # class names; empty for an unconditional model
        self.default_labels = manifest.default_labels  # classes drawn unasked; None: all
        self.buckets = list(facts.seconds)  # batch shapes, the smallest first
        self._seconds = dict(facts.seconds)  # of a batch of each shape, as things are now
        self._least = dict(facts.seconds)  # the same with nothing beside it: which shape is best does not change
        self.images_per_second = 0.0  # of one slot in batches of the fastest shape, with nothing beside it
        self.fastest_batch = 1  # images: the batch that draws most a second
        self.best_batch = 1  # images: the smallest that draws nearly as many
        self._rate()
        self.image_bytes = manifest.image_size**2 * manifest.channels
        self.writes_files = runner.writes_files and self.image_bytes <= SMALL  # whether `draw` may write PNG
        self.used_at = time.monotonic()  # when it was last asked for
        # All of here that the bytes of a picture depend on, beside what was asked.
        self.identity = f"{self.digest} {VERSION} Pillow {PIL.__version__} {facts.build}"

    def described(self) -> EngineFacts:
        """Describe for people how it runs here."""
        return EngineFacts(
            device=self.facts.device,
            precision=self.facts.precision,
            buckets=self.buckets,
            bucket_seconds=dict(self._seconds),
            images_per_second=self.images_per_second,
            bytes=self.facts.nbytes,
        )

    def batch_for(self, waiting: int) -> int:
        """Choose how many of `waiting` images to draw at once: the number that gives most images a second."""
        if waiting >= DEEP * self.fastest_batch:
            return self.fastest_batch
        if waiting >= self.best_batch:
            return self.best_batch
        return min(waiting, max(self._least, key=lambda bucket: min(bucket, waiting) / self._least[bucket]))

    def work_of(self, count: int) -> float:
        """Seconds that one slot needs for a batch of `count` images."""
        return self._least[self._bucket(count)]

    async def draw(self, rows: Rows, *, as_files: bool = False) -> BatchResult:
        """Draw up to `buckets[-1]` rows; with labels for a conditional model only."""
        bucket = self._bucket(len(rows))
        result = await self.runner.run(Batch(rows, bucket, as_files))
        self._seconds[bucket] += SMOOTHING * (result.infer_s - self._seconds[bucket])
        if result.infer_s < self._least[bucket]:
            self._least[bucket] = result.infer_s
            self._rate()
        return result

    def _bucket(self, count: int) -> int:
        return next(size for size in self.buckets if size >= count)

    def _rate(self) -> None:
        speed = {bucket: bucket / seconds for bucket, seconds in self._least.items()}
        self.fastest_batch = max(speed, key=speed.__getitem__)
        self.images_per_second = speed[self.fastest_batch]
        enough = NEARLY * self.images_per_second
        self.best_batch = next(bucket for bucket in speed if speed[bucket] >= enough)


def load_engine(
    name: str,
    version: int | BranchStep,
    folder: Path,
    manifest: VersionManifest,
    backend: Backend,
    choice: PrecisionChoice = "auto",
) -> Engine:
    """Check and open one version; takes a part of a second, so never on the event loop.

    Raises:
        StoreDamaged: a file is missing or changed, or the weights are not finite.
        ModelCollapsed: the pictures are constant.
    """
    check_files(folder, manifest.files)
    try:
        runner, facts = backend.open(folder, manifest, choice)
    except StoreDamaged as error:
        raise type(error)(f"version {version} of model {name!r}: {error}") from None
    return Engine(name, version, manifest, runner, facts)
