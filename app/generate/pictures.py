"""Pictures that are sent to be classified: each becomes what an import would have made of it. Trusts nothing in them.

Knows no request and no queue. Shape suffixes: N pictures, H height, W width, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.datasets.members import FileRefused
from core.datasets.picture import Plan, look_at, read_alone
from core.errors import PictureInvalid
from core.media.images import Images
from core.registry import VersionManifest

PICTURE = "picture"  # the part of a form
MAX_PIXELS = 2**24  # of one picture
MAX_ALL_PIXELS = 2**26  # of all pictures of a request: some two seconds of a thread


@dataclass(frozen=True, slots=True)
class ReceivedPicture:
    """A file that was received, and what its sender called it."""

    path: Path
    filename: str


def plan_of(manifest: VersionManifest) -> Plan:
    """Return what a picture becomes for a version: as when its dataset was imported."""
    options = manifest.dataset.options or {}
    return Plan(
        size=manifest.image_size,
        channels=manifest.channels,
        is_cropped=options.get("crop", "centre") == "centre",
        background=0 if options.get("background") == "black" else 255,
    )


def read_pictures(files: Sequence[ReceivedPicture], plan: Plan, max_pixels: int) -> Images:
    """Read pictures as (N, H, W, C). max_pixels: of one, if that is less than MAX_PIXELS.

    Raises:
        PictureInvalid: one cannot be read, is too large, or all together are; its place and name are told.
    """
    pixels, pictures = 0, []
    for place, file in enumerate(files):
        data = file.path.read_bytes()
        try:
            shape = look_at(data, plan.background, min(max_pixels, MAX_PIXELS), lambda: False)
            pixels += shape.width * shape.height
            if pixels > MAX_ALL_PIXELS:
                raise FileRefused(f"is too much: all pictures of a request may have {MAX_ALL_PIXELS} pixels together")
            pictures.append(read_alone(data, plan, shape, min(max_pixels, MAX_PIXELS)))
        except FileRefused as error:
            raise PictureInvalid.field(f"/{PICTURE}/{place}", f"{file.filename}: {error}") from None
    return np.stack(pictures)
