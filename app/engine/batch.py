"""What passes between the service and whoever runs its forward passes: batches, what becomes of them, what is known of
a version. Knows no network, no queue and no HTTP.

Shape suffixes: B images of a batch, H height, W width, C channels.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from core.images import Images
from core.registry import VersionManifest
from models.noise import Latents

Precision = Literal["float32", "bfloat16"]
PrecisionChoice = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What to draw in one forward pass."""

    latents: Latents
    labels: list[int] | None  # one an image
    bucket: int  # images of the forward pass: as many as asked for, and padding
    as_files: bool = False  # PNG files rather than pixels


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch, and the seconds that took."""

    images: Images  # (B, H, W, C); where files were asked for, none
    infer_s: float
    files: list[bytes] = field(default_factory=list)
    encode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """How a version is run."""

    device: Literal["cpu", "cuda"]
    precision: Precision
    seconds: dict[int, float]  # of a batch of each shape, the smallest first
    nbytes: int  # of the weights in memory, and on a GPU of what its graphs hold
    build: str  # what the bytes of a picture depend on beside the weights: torch, instruction set or GPU, precision


class Runner(Protocol):
    """Runs the forward passes of one version, somewhere."""

    writes_files: bool  # whether it has time to

    async def run(self, batch: Batch) -> BatchResult: ...


class Backend(Protocol):
    """Where forward passes are run, `count` of them at a time."""

    device: str  # as torch names it
    count: int

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def give_back(self) -> None:
        """Return to the system, and to the GPU, what runners held that are gone; on any thread."""
        ...

    def open(self, folder: Path, manifest: VersionManifest, choice: PrecisionChoice) -> tuple[Runner, Facts]:
        """Have a version ready to be drawn; on any thread but that of the event loop, for a part of a second.

        Raises:
            StoreDamaged: its weights cannot be read, are not finite, or draw constant pictures; or the manifest is
                another's.
        """
        ...
