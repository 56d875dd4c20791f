"""Draws the dataset `avatars`: 64 px characters in colour, eight styles of DiceBear as its classes. Knows no network.

    python -m bench.avatars [FILE]                            # 1,500 of each class as a zip, var/avatars.zip
    python -m bench.avatars few.zip --per-class 250           # the few-shot form of the same classes
    python -m bench.avatars held.zip --first 100000           # others of the same kind, to judge by

A picture is a function of its style and its number, so the same command writes the same pixels anywhere. Each of these
styles is under CC0 1.0: its definition says so, and a style that says anything else is refused. Import the zip with
`ganymede datasets import avatars var/avatars.zip`.
"""

import argparse
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import dicebear
import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from core.store.files import write_atomic

STYLES = ("critters", "moods", "open-peeps", "pixel-art", "sprouts", "thumbs", "voxel-art", "voxel-bot")
LICENCE = "CC0 1.0"
QUOTES = {ord("\u201e"): '"', ord("\u201d"): '"'}  # of the definitions, as everybody types them
SIZE = 64  # pixels a side
PER_CLASS, FEW_PER_CLASS = 1_500, 250
HELD_OUT = 100_000  # pictures from this number on are never trained on
KEPT = Path("var/avatars")  # pictures that were drawn once
DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the zip, so that the same pictures make the same zip


def main(arguments: list[str] | None = None) -> None:
    """Write the zip: a folder for each class."""
    parser = argparse.ArgumentParser(description="Draw the dataset of avatars into a zip.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("var/avatars.zip"))
    parser.add_argument("--per-class", type=int, default=PER_CLASS, help="pictures of each class")
    parser.add_argument("--first", type=int, default=0, help="number of the first picture")
    options = parser.parse_args(arguments)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(options.file, "w", zipfile.ZIP_STORED) as archive:
        for name in STYLES:
            for number, png in drawn(name, options.first, options.per_class):
                archive.writestr(zipfile.ZipInfo(f"{name}/{number:06}.png", DATE), png)
    print(f"{options.file}: {len(STYLES) * options.per_class:,} pictures of {len(STYLES)} classes, {LICENCE}")


def arrays(per_class: int = PER_CLASS, first: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pictures as uint8 (N, 64, 64, 3) and their labels (N,): indices into STYLES, class by class."""
    pictures = [_pixels(png) for name in STYLES for _, png in drawn(name, first, per_class)]
    return np.stack(pictures), np.repeat(np.arange(len(STYLES)), per_class)


def kept(folder: Path, per_class: int = PER_CLASS, first: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """As `arrays`, drawn once and kept in `folder`; the pictures are memory-mapped."""
    path = folder / f"{first}-{per_class}-{revision()}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.save(packed, arrays(per_class, first)[0], allow_pickle=False)
        write_atomic(path, packed.getvalue())
    pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return pictures, np.repeat(np.arange(len(STYLES)), per_class)


def revision() -> str:
    """Another one where the same number may be another picture: with other styles or other packages."""
    packages = [version(name) for name in ("dicebear-core", "dicebear-styles", "resvg-py")]
    return hashlib.sha256(json.dumps([STYLES, SIZE, packages]).encode()).hexdigest()[:12]


def drawn(name: str, first: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Numbers and PNGs (64 px, transparency where the style has some) of one style.

    Raises:
        ValueError: the style is not under CC0.
    """
    style = _style(name)
    for number in range(first, first + count):
        svg = dicebear.Avatar(style, {"seed": str(number)}).to_string()
        yield number, resvg_py.svg_to_bytes(svg, width=SIZE, height=SIZE, background="#ffffff", skip_system_fonts=True)


def attribution() -> str:
    """The styles with their creators, as their definitions name them."""
    creators: dict[str, list[str]] = {}
    for name in STYLES:
        creators.setdefault(_definition(name)["meta"]["creator"]["name"], []).append(_title(name))
    return "; ".join(f"{', '.join(styles)} by {creator}" for creator, styles in creators.items())


def notice() -> str:
    """What is said of the licence beside a model that has learnt from the avatars."""
    said = {name: _definition(name)["meta"]["license"]["text"] for name in STYLES}
    rows = [f"- `{name}`: {text.translate(QUOTES)}" for name, text in said.items()]
    return f"""# The avatars

Pictures drawn by code from eight styles of DiceBear, and models that have learnt from them.

{chr(10).join(rows)}

- **Licence**: Creative Commons Zero, {LICENCE}, of each of these styles, as its definition in the package
  `dicebear-styles` says: its creator has given up all rights in it, and asks for nothing.
- **Changes**: for each style pictures of 64 px with the seeds 0, 1, 2 ..., on white. The pictures are not bundled.
- **Made by**: `make dataset-avatars` (`python -m bench.avatars`), which refuses a style under any other licence.
"""


@cache
def _style(name: str) -> dicebear.Style:
    definition = _definition(name)
    licence = definition["meta"]["license"]["name"]
    if licence != LICENCE:
        raise ValueError(f"the style {name} is not under {LICENCE} but {licence}")
    return dicebear.Style(definition)  # most of a second: it is checked against its schema


def _title(name: str) -> str:
    return str(_definition(name)["meta"]["source"]["name"])


@cache
def _definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8"))
    return definition


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


if __name__ == "__main__":
    main()
