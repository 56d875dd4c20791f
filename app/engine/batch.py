"""What passes between the service and whoever runs its forward passes: batches, what becomes of them, what is known of
a version. Knows no network, no queue and no HTTP.

Shape suffixes: N images of a request, B of a batch, Z latent, H height, W width, C channels, A = C + 1 of a picture
with a hole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from core.media.images import Images
from core.registry import VersionManifest
from models.context import Descent
from models.noise import Latents, draw_noise

Precision = Literal["float32", "bfloat16"]
PrecisionChoice = Literal["auto", "float32", "bfloat16"]
Given = npt.NDArray[Any]  # pixels uint8 (B, H, W, C), or numbers float32 (B, K) where a network draws none


@dataclass(frozen=True, slots=True)
class Rows:
    """Named tensors with a row for each image: `noise`, `label` where the network knows classes, and `picture` (bytes)
    where it takes one: H W C to classify, H W A to complete, whose last channel is 255 where a pixel is known, else 0.
    Until noise is drawn there is `seed` in its place, and `truncation` if it is not 1: less to send.
    """

    tensors: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(
        cls,
        latents: Latents,
        labels: Sequence[int] | None = None,
        picture_HWA: Images | None = None,
    ) -> "Rows":
        """picture_HWA: the same for all rows."""
        tensors: dict[str, npt.NDArray[Any]] = {}
        if latents.given_NZ is not None:
            tensors["noise"] = latents.given_NZ * np.float32(latents.truncation)
        else:
            tensors["seed"] = np.array(latents.seeds, np.uint32)
            if latents.truncation != 1:
                tensors["truncation"] = np.full(len(latents), latents.truncation, np.float32)
        if labels is not None:
            tensors["label"] = np.array(labels, np.int64)
        if picture_HWA is not None:
            tensors["picture"] = np.repeat(picture_HWA[None], len(latents), axis=0)
        return cls(tensors)

    @classmethod
    def of_pictures(cls, picture_BHWC: Images) -> "Rows":
        """Make rows of a network that takes pictures alone."""
        return cls({"picture": picture_BHWC})

    @property
    def are_pictures(self) -> bool:
        """Whether they are of a network that takes pictures alone."""
        return self.tensors.keys() == {"picture"}

    @classmethod
    def joined(cls, parts: Sequence["Rows"], latent_dim: int) -> "Rows":
        """Join the rows of several requests; where they name different tensors, draw their noise."""
        if len(parts) == 1:
            return parts[0]
        if any(part.tensors.keys() != parts[0].tensors.keys() for part in parts):
            parts = [part.with_noise(latent_dim) for part in parts]
        return cls({name: np.concatenate([part.tensors[name] for part in parts]) for name in parts[0].tensors})

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def take(self, part: slice) -> "Rows":
        whole = part.start == 0 and part.stop == len(self)
        return self if whole else Rows({name: tensor[part] for name, tensor in self.tensors.items()})

    def with_noise(self, latent_dim: int) -> "Rows":
        """Replace seeds and truncation by the noise that they mean."""
        tensors = dict(self.tensors)
        if "seed" not in tensors:
            return self
        noise_BZ = draw_noise(tensors.pop("seed").tolist(), latent_dim)
        if "truncation" in tensors:
            noise_BZ *= tensors.pop("truncation")[:, None]
        return Rows({"noise": noise_BZ, **tensors})

    def padded(self, count: int) -> "Rows":
        """Fill up with zeros to `count` rows."""
        missing = count - len(self)
        if not missing:
            return self
        zeros = {name: np.zeros((missing, *tensor.shape[1:]), tensor.dtype) for name, tensor in self.tensors.items()}
        return Rows({name: np.concatenate((tensor, zeros[name])) for name, tensor in self.tensors.items()})


@dataclass(frozen=True, slots=True)
class Batch:
    rows: Rows
    bucket: int  # images of the forward pass: as many as asked for, and padding
    as_files: bool = False  # PNG files rather than pixels


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of a batch, or its files, and the seconds that it took."""

    images: Given  # where files were asked for, none
    infer_s: float
    files: list[bytes] = field(default_factory=list)
    encode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """How a version runs here."""

    device: Literal["cpu", "cuda"]
    precision: Precision
    seconds: dict[int, float]  # of a batch of each shape, the smallest first
    nbytes: int  # of the weights in memory, and on a GPU of what its graphs hold
    build: str  # what the bytes of a picture depend on beside the weights: torch, instruction set or GPU, precision


class Runner(Protocol):
    """Runs the forward passes of one version, and searches its noise."""

    writes_files: bool  # whether it has time to

    async def run(self, batch: Batch) -> BatchResult: ...

    async def refine(self, now: Descent, picture_HWA: Images, steps: int) -> Descent:
        """Take some more steps of a search, up to `steps` in all; a part of a second."""
        ...


class Backend(Protocol):
    """Runs forward passes, `count` of them at a time."""

    device: str  # as torch names it
    count: int

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def give_back(self) -> None:
        """Return the memory of closed runners to the system and the GPU; on any thread."""
        ...

    def open(self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice) -> tuple[Runner, Facts]:
        """Make a version ready to draw; takes a part of a second, so never on the event loop.

        Raises:
            StoreDamaged: its weights cannot be read, are not finite, or fit another manifest.
            ModelCollapsed: its pictures are constant.
        """
        ...
