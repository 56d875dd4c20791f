"""One model version on one device: noise and labels in, pixels out. Knows no queue and no HTTP.

The seed contract: the bytes of an image depend on version, seed and label, never on what else is in the batch. So
every forward pass has one of a few fixed shapes, padded, and only shapes that draw the same bytes are used.

Shape suffixes: B images, Z latent, C channels, H height, W width.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import torch
from torch import nn

from core import VERSION
from core.errors import StoreDamaged
from core.images import Images
from core.steps import BranchStep
from core.store import check_files
from models.noise import default_labels, draw_noise
from models.sampling import to_uint8
from models.weights import WEIGHTS_FILE, is_finite, load_generator, misfits

BUCKETS = (4, 16, 64)  # batch shapes; 1 and 2 draw other bytes than these in some images (measured)
PROBE_IMAGES = 128


class Engine:
    """A loaded, checked and warmed generator."""

    def __init__(
        self, name: str, version: int | BranchStep, manifest: dict[str, Any], generator: nn.Module, device: str
    ) -> None:
        self.name, self.version, self.manifest, self.device = name, version, manifest, torch.device(device)
        self.generator = generator
        self.buckets: Sequence[int] = BUCKETS
        self.used_at = time.monotonic()  # when it was last asked for
        self.images_per_second = 1000.0  # of full batches; measured when it is warmed up

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])

    @property
    def identity(self) -> str:
        """All of here that the bytes of a picture depend on, beside what was asked: weights, build, kind of device."""
        return f"{self.digest} {VERSION} torch {torch.__version__} Pillow {PIL.__version__} {self.device.type}"

    @property
    def labels(self) -> list[str]:
        """Class names; empty for an unconditional model."""
        return list(self.manifest["labels"])

    @property
    def latent_dim(self) -> int:
        return int(self.manifest["latent_dim"])

    @property
    def largest_bucket(self) -> int:
        return self.buckets[-1]

    def draw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        """Pictures (B, H, W, C) of up to `largest_bucket` noise vectors; labels for a conditional model only."""
        count = len(z_BZ)
        return self._forward(z_BZ, label_B, next(size for size in self.buckets if size >= count))[:count]

    def _forward(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None, bucket: int) -> Images:
        padding = bucket - len(z_BZ)
        z = torch.from_numpy(np.pad(z_BZ, ((0, padding), (0, 0)))).to(self.device)
        labels = None if label_B is None else torch.from_numpy(np.pad(label_B, (0, padding))).to(self.device)
        with torch.inference_mode():
            images: Images = to_uint8(self.generator(z, labels)).cpu().numpy()
        return images

    def warm_up(self) -> None:
        """Run every bucket, keep those that agree with the largest in every byte, refuse a network that is broken.

        Raises:
            StoreDamaged: the pictures are not numbers, or all the same.
        """
        seeds = range(PROBE_IMAGES)
        z_BZ = draw_noise(seeds, self.latent_dim)
        label_B = np.array(default_labels(seeds, len(self.labels)), np.int64) if self.labels else None
        drawn = {bucket: self._draw_in(bucket, z_BZ, label_B) for bucket in BUCKETS}
        began = time.perf_counter()
        self._draw_in(BUCKETS[-1], z_BZ, label_B)
        self.images_per_second = PROBE_IMAGES / (time.perf_counter() - began)
        reference = drawn[BUCKETS[-1]]
        if (reference == reference[:1]).all():
            raise StoreDamaged(f"version {self.version} of model {self.name!r} draws the same picture for every seed")
        self.buckets = [bucket for bucket in BUCKETS if np.array_equal(drawn[bucket], reference)]

    def _draw_in(self, bucket: int, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        parts = [slice(start, start + bucket) for start in range(0, len(z_BZ), bucket)]
        drawn = [self._forward(z_BZ[p], None if label_B is None else label_B[p], bucket) for p in parts]
        return np.concatenate(drawn)


def load_engine(name: str, version: int | BranchStep, folder: Path, manifest: dict[str, Any], device: str) -> Engine:
    """Read, check, build and warm one version. Takes a part of a second; never call it on the event loop.

    Raises:
        StoreDamaged: a file is missing or changed, the weights are not finite, or the pictures are constant.
    """
    check_files(folder, manifest["files"])
    generator, config = load_generator(folder / WEIGHTS_FILE)
    if not is_finite(generator):
        raise StoreDamaged(f"version {version} of model {name!r} has weights that are not finite numbers")
    if misfits(manifest, config):
        raise StoreDamaged(f"the manifest of version {version} of model {name!r} does not describe its weights")
    generator = generator.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    engine = Engine(name, version, manifest, generator.requires_grad_(False), device)
    engine.warm_up()
    return engine
