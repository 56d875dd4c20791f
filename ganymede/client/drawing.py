"""A picture or a sound as `/generate` answered it: the bytes, and what the headers say of them. Decodes none unasked.

Shape suffixes: N images, H height, W width, C channels, S samples.
"""

import base64
import io
import re
import reprlib
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import httpx

from ganymede import output
from ganymede.errors import NotUnderstood
from ganymede.schemas.references import parse_branch_step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

NPY = "application/x-npy"
WAV = "audio/wav"
PNG, ANY = "image/png", "application/octet-stream"
_TIMING = re.compile(r"\s*([^;,\s]+)\s*;\s*dur=([0-9.]+)")


@dataclass(frozen=True, slots=True, repr=False)
class Drawing:
    """One answer of `/generate` or `/complete`; asked of `model@version` with its seeds, the same bytes come again."""

    content: bytes
    media_type: str
    model: str
    version: int | str  # of a checkpoint: its BRANCH-STEP
    digest: str
    # Of the first image. None: drawn from noise, or there are more than a header holds.
    seed: int | None
    seeds: list[int] | None  # of each image, where they do not count up from `seed` by one
    # Index of the class: of all images, or of each. None: the model knows no classes, or more than a header holds.
    label: int | list[int] | None
    timings: dict[str, float]  # milliseconds: queue, infer, encode

    def __repr__(self) -> str:
        seeds, labels = reprlib.repr(self.seeds or self.seed), reprlib.repr(self.label)
        size = f"{self.media_type}, {len(self.content)} bytes"
        return f"<Drawing {self.reference} seed={seeds} label={labels}: {size}>"

    def _repr_png_(self) -> bytes | None:
        """Show the picture in a notebook; None for other formats."""
        return self.content if self.media_type == "image/png" else None

    def _repr_html_(self) -> str | None:
        """Play the sound in a notebook; None for pictures."""
        if not self.media_type.startswith("audio/"):
            return None
        data = base64.b64encode(self.content).decode()
        return f'<audio controls src="data:{self.media_type};base64,{data}"></audio>'

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.version}"

    def to_pil(self) -> "Image.Image":
        """Return the picture as Pillow has it, which must be installed; ValueError if it is no picture."""
        from PIL import Image

        if not self.media_type.startswith("image/"):
            raise ValueError(f"{self.media_type} is no picture: leave format out, or ask for png or webp")
        return Image.open(io.BytesIO(self.content))

    def to_numpy(self) -> "NDArray[np.uint8]":
        """Return the pixels, uint8: (N, H, W, C) of format npy, else those of the picture. Takes numpy (and Pillow)."""
        import numpy as np

        if self.media_type == NPY:
            pixels_NHWC: NDArray[np.uint8] = np.load(io.BytesIO(self.content), allow_pickle=False)
            return pixels_NHWC
        return np.asarray(self.to_pil())

    def to_samples(self) -> "tuple[NDArray[np.int16], int]":
        """Return the samples of a WAV (S,), and how many are a second. Takes numpy; ValueError if it is no WAV."""
        import numpy as np

        if self.media_type != WAV:
            raise ValueError(f"{self.media_type} is no WAV: ask for wav")
        with wave.open(io.BytesIO(self.content)) as file:
            return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()

    def save(self, path: str | Path) -> Path:
        """Write the bytes to a file, whole or not at all (into a device or FIFO as they are); returns its path."""
        output.write(path, self.content)
        return Path(path)


class SentPicture(TypedDict, total=False):
    """A body, and what --curl shows of it: the file, or the files of a form."""

    content: bytes
    headers: dict[str, str]
    files: dict[str, tuple[str, bytes, str]]
    extensions: dict[str, str | Path | list[tuple[str, Path, str]]]
    timeout: float


def holed(picture: bytes | str | Path, mask: bytes | str | Path | None) -> SentPicture:
    """Return what sends a picture with a hole, as httpx.Client.request takes it."""
    if mask is None:
        sent: SentPicture = {"content": _content(picture), "headers": {"Content-Type": PNG}, "extensions": {}}
        if not isinstance(picture, bytes):
            sent["extensions"]["file"] = picture
        return sent
    parts = {"picture": picture, "mask": mask}
    form = [(name, Path(part), PNG) for name, part in parts.items() if not isinstance(part, bytes)]
    files = {name: (f"{name}.png", _content(part), PNG) for name, part in parts.items()}
    return {"files": files, "extensions": {"form": form}}


class SentPictures(TypedDict):
    """The files of a form, and what --curl shows of them."""

    files: list[tuple[str, tuple[str, bytes, str]]]
    extensions: dict[str, list[tuple[str, Path, str]]]


def sent_pictures(pictures: Sequence[bytes | str | Path]) -> SentPictures:
    """Return what sends pictures of any format, as httpx.Client.request takes it."""
    names = [f"{place}" if isinstance(each, bytes) else Path(each).name for place, each in enumerate(pictures)]
    files = [("picture", (name, _content(each), ANY)) for name, each in zip(names, pictures, strict=True)]
    form = [("picture", Path(each), ANY) for each in pictures if not isinstance(each, bytes)]
    return {"files": files, "extensions": {"form": form}}


def _content(file: bytes | str | Path) -> bytes:
    return file if isinstance(file, bytes) else Path(file).read_bytes()


def read_drawing(answer: httpx.Response) -> Drawing:
    """Read an answer; NotUnderstood if its headers are not those of `/generate`."""
    headers = answer.headers
    try:
        seeds, labels, version = _listed(headers, "Seed"), _listed(headers, "Label"), headers["Model-Version"]
        return Drawing(
            content=answer.content,
            media_type=headers["Content-Type"],
            model=headers["Model"],
            version=version if parse_branch_step(version) else int(version),
            digest=headers["Model-Digest"],
            seed=seeds[0] if seeds else None,
            seeds=seeds if len(seeds) > 1 else None,
            label=labels[0] if len(labels) == 1 else labels or None,
            timings={name: float(ms) for name, ms in _TIMING.findall(headers.get("Server-Timing", ""))},
        )
    except (KeyError, ValueError) as error:
        url = answer.request.url
        raise NotUnderstood(f"{url.copy_with(query=None)} does not answer as /generate does ({error})") from None


def _listed(headers: httpx.Headers, name: str) -> list[int]:
    """Return the numbers that a header lists; none if it is missing."""
    return [int(number) for number in headers[name].split(",")] if name in headers else []
