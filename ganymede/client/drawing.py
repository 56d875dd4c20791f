"""A picture as `/generate` answered it: the bytes, and what the headers say about them. Decodes no image."""

import re
from dataclasses import dataclass
from pathlib import Path

import httpx

from core.files import write_atomic
from core.steps import parse_name
from ganymede.errors import NotUnderstood

_TIMING = re.compile(r"\s*([^;,\s]+)\s*;\s*dur=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Drawing:
    """One answer of `/generate`; `model@version`, `seed` and `label` draw the same bytes again."""

    content: bytes
    media_type: str
    model: str
    version: int | str  # of a checkpoint: its BRANCH-STEP
    digest: str
    seed: int  # of the first image
    label: int | list[int] | None  # index of the class: of all images, or of each; None: the model knows no classes
    timings: dict[str, float]  # milliseconds: queue, infer, encode

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.version}"

    def save(self, path: str | Path) -> Path:
        """Write the bytes to a file, whole or not at all; returns its path."""
        target = Path(path)
        write_atomic(target, self.content, durable=False)
        return target


def read_drawing(answer: httpx.Response) -> Drawing:
    """A Drawing of an answer.

    Raises:
        NotUnderstood: its headers are not those of `/generate`.
    """
    headers = answer.headers
    try:
        labels = [int(label) for label in headers["Label"].split(",")] if "Label" in headers else None
        return Drawing(
            content=answer.content,
            media_type=headers["Content-Type"],
            model=headers["Model"],
            version=_version(headers["Model-Version"]),
            digest=headers["Model-Digest"],
            seed=int(headers["Seed"]),
            label=labels[0] if labels and len(labels) == 1 else labels,
            timings={name: float(ms) for name, ms in _TIMING.findall(headers.get("Server-Timing", ""))},
        )
    except (KeyError, ValueError) as error:
        url = answer.request.url
        raise NotUnderstood(f"{url.copy_with(query=None)} does not answer as /generate does ({error})") from None


def _version(text: str) -> int | str:
    """ValueError if it is neither a version of a model nor a place in a run."""
    return text if parse_name(text) else int(text)
