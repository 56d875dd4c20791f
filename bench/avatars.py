"""Draws the dataset `avatars`: 64 px characters in colour, eight styles of DiceBear as its classes. Knows no network.

    python -m bench.avatars [FILE]                            # 1,500 of each class as a zip, var/avatars.zip
    python -m bench.avatars few.zip --per-class 250           # the few-shot form of the same classes
    python -m bench.avatars held.zip --first 100000           # others of the same kind, to judge by

A picture is a function of its style and its number, so the same command writes the same pixels anywhere. Each of these
styles is under CC0 1.0: its definition says so, and a style that says anything else is refused. Import the zip with
`ganymede datasets import avatars var/avatars.zip`.
"""

import argparse
import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import dicebear
import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

STYLES = ("critters", "moods", "open-peeps", "pixel-art", "sprouts", "thumbs", "voxel-art", "voxel-bot")
LICENCE = "CC0 1.0"
SIZE = 64  # pixels a side
PER_CLASS, FEW_PER_CLASS = 1_500, 250
HELD_OUT = 100_000  # pictures from this number on are never trained on
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


def drawn(name: str, first: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Numbers and PNGs (64 px, transparency where the style has some) of one style.

    Raises:
        ValueError: the style is not under CC0.
    """
    style = _style(name)
    for number in range(first, first + count):
        svg = dicebear.Avatar(style, {"seed": str(number)}).to_string()
        yield number, resvg_py.svg_to_bytes(svg, width=SIZE, height=SIZE, background="#ffffff", skip_system_fonts=True)


@cache
def _style(name: str) -> dicebear.Style:
    definition = json.loads(files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8"))
    licence = definition["meta"]["license"]["name"]
    if licence != LICENCE:
        raise ValueError(f"the style {name} is not under {LICENCE} but {licence}")
    return dicebear.Style(definition)  # most of a second: it is checked against its schema


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


if __name__ == "__main__":
    main()
