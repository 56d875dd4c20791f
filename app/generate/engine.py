"""One model version on one device: noise and labels in, pixels out. Knows no queue and no HTTP.

The seed contract: the bytes of an image depend on version, seed and label, never on what else is in the batch. So
every forward pass has one of a few fixed shapes, padded, and only shapes that draw the same bytes are used.

Shape suffixes: B images, Z latent.
"""

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import torch
from torch import nn

from app.generate.calibration import Calibration, Precision, PrecisionChoice, Probe, calibrate, make_probe, padded
from app.generate.studio import RemoteForward, Studio
from core import VERSION
from core.errors import StoreDamaged
from core.images import Images
from core.steps import BranchStep
from core.store import check_files
from models.weights import WEIGHTS_FILE, is_finite, load_generator, misfits

SMOOTHING = 0.1  # weight of the newest batch in the measured seconds of its shape
SMALL = 64 * 64 * 3  # bytes of a picture that is encoded where it was drawn: to hand it over would cost more
NEARLY = 0.9  # a smaller shape that draws so much of the best one's images a second is better: nobody waits for it


class Engine:
    """A loaded and calibrated generator. Any number of threads may draw with it at once."""

    def __init__(
        self,
        name: str,
        version: int | BranchStep,
        manifest: dict[str, Any],
        calibration: Calibration,
        device: torch.device,
    ) -> None:
        self.name, self.version, self.manifest, self.device = name, version, manifest, device
        self.calibration = calibration
        self.digest, self.latent_dim = str(manifest["digest"]), int(manifest["latent_dim"])
        self.labels: list[str] = list(manifest["labels"])  # class names; empty for an unconditional model
        self.images_per_second = 0.0  # of one thread, in batches of the best shape
        self.best_batch = 1  # images: the smallest batch that draws nearly as many a second as any
        self._rate()
        self._image_bytes = int(manifest["image_size"]) ** 2 * int(manifest["channels"])
        self.nbytes = 0  # of the weights in memory
        self.used_at = time.monotonic()  # when it was last asked for
        build = f"{VERSION} torch {torch.__version__} Pillow {PIL.__version__}"
        # All of here that the bytes of a picture depend on, beside what was asked.
        self.identity = f"{self.digest} {build} {_device_class(device)} {calibration.precision}"

    @property
    def precision(self) -> Precision:
        return self.calibration.precision

    @property
    def buckets(self) -> list[int]:
        """Batch shapes, the smallest first."""
        return self.calibration.buckets

    @property
    def largest_bucket(self) -> int:
        return self.buckets[-1]

    def facts(self) -> dict[str, Any]:
        """How it is run here, for people."""
        return {
            "precision": self.precision,
            "buckets": list(self.buckets),
            "bucket_seconds": dict(self.calibration.seconds),
            "images_per_second": self.images_per_second,
            "bytes": self.nbytes,
        }

    def batch_for(self, waiting: int) -> int:
        """How many of `waiting` images to draw at once: as many as give most images a second, padding counted."""
        if waiting >= self.best_batch:
            return self.best_batch
        return min(waiting, max(self._seconds, key=lambda bucket: min(bucket, waiting) / self._seconds[bucket]))

    def _rate(self) -> None:
        """Work out what the seconds of each shape mean; they are looked at for each request."""
        self.images_per_second = self.calibration.images_per_second
        enough = NEARLY * self.images_per_second
        self.best_batch = next(bucket for bucket, seconds in self._seconds.items() if bucket / seconds >= enough)

    @property
    def _seconds(self) -> dict[int, float]:
        return self.calibration.seconds

    def draw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        """Pictures (B, H, W, C) of up to `largest_bucket` noise vectors; labels for a conditional model only."""
        bucket, began = self._bucket(len(z_BZ)), time.perf_counter()
        images = self.calibration.forward(*padded(z_BZ, label_B, bucket))
        self._note(bucket, time.perf_counter() - began)
        return images[: len(z_BZ)]

    @property
    def draws_files(self) -> bool:
        """Whether `draw_png` is there, and quicker than to hand pixels over: of small pictures from the painter."""
        return self._image_bytes <= SMALL and isinstance(self.calibration.forward, RemoteForward)

    def draw_png(
        self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None
    ) -> tuple[list[bytes], float]:
        """As `draw`, each picture as a PNG file; and the seconds of that."""
        forward, bucket, began = self.calibration.forward, self._bucket(len(z_BZ)), time.perf_counter()
        assert isinstance(forward, RemoteForward)
        files, encode_s = forward.png(*padded(z_BZ, label_B, bucket), len(z_BZ))
        self._note(bucket, time.perf_counter() - began - encode_s)
        return files, encode_s

    def _bucket(self, count: int) -> int:
        return next(size for size in self.buckets if size >= count)

    def _note(self, bucket: int, seconds: float) -> None:
        self._seconds[bucket] += SMOOTHING * (seconds - self._seconds[bucket])
        self._rate()


def load_engine(
    name: str,
    version: int | BranchStep,
    folder: Path,
    manifest: dict[str, Any],
    device: str,
    precision: PrecisionChoice = "auto",
    studio: Studio | None = None,
) -> Engine:
    """Read, check, build and calibrate one version. Takes a part of a second; never call it on the event loop.

    studio: where its forward passes are run; else they are run by the threads that call.

    Raises:
        StoreDamaged: a file is missing or changed, the weights are not finite, or the pictures are constant.
    """
    check_files(folder, manifest["files"])
    generator, config = load_generator(folder / WEIGHTS_FILE)
    if not is_finite(generator):
        raise StoreDamaged(f"version {version} of model {name!r} has weights that are not finite numbers")
    if misfits(manifest, config):
        raise StoreDamaged(f"the manifest of version {version} of model {name!r} does not describe its weights")
    probe = make_probe(config.image_size**2 * config.channels, config.latent_dim, config.num_classes)
    elsewhere = functools.partial(studio.load, folder) if studio else None
    calibration = calibrate(generator, torch.device(device), probe, precision, elsewhere)
    if _is_constant(calibration, probe):
        raise StoreDamaged(f"version {version} of model {name!r} draws the same picture for every seed")
    engine = Engine(name, version, manifest, calibration, torch.device(device))
    engine.nbytes = _nbytes(generator)
    return engine


def _is_constant(calibration: Calibration, probe: Probe) -> bool:
    images = probe.draw(calibration.forward, calibration.buckets[-1])  # in as few batches as it gets
    return bool((images == images[:1]).all())


def _nbytes(network: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _device_class(device: torch.device) -> str:
    """What may draw other bytes: the instruction set of a CPU, the kind of a GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"
