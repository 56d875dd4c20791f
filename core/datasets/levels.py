"""Values of more or fewer than 8 bits to grey levels: which of them is black, and which is white. Knows no file.

The rule. Whole numbers: black is 0, and white the largest number of 1, 8, 10, 12, 14 or 16 bits, of the fewest bits
that hold the brightest value; so 12 bits that a camera wrote into 16 are not nearly black. Floats: from 0 to 1, else
from -1 to 1, else from 0 to 255. It is applied once to all values of an upload, never to each picture by itself: a dark
picture stays dark beside a bright one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = (1, 8, 10, 12, 14, 16)
FLOATS = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))  # black and white
SLACK = 1e-3  # of the whole range, by which a computed value may lie outside

Values = npt.NDArray[Any]


class NoLevels(ValueError):
    """Nothing tells which of these values is white; the text says what they are, and what is expected."""


@dataclass(frozen=True, slots=True)
class Span:
    """The darkest and the brightest of some values."""

    is_whole: bool
    low: float
    high: float

    @classmethod
    def of(cls, values: Values) -> "Span":
        """Return the span of values; NoLevels if they are not real, finite numbers."""
        if values.dtype.kind not in "buif":
            raise NoLevels(f"has values that are no real numbers ({values.dtype})")
        low, high = float(values.min()), float(values.max())
        if not np.isfinite((low, high)).all():
            raise NoLevels("has values that are not finite")
        return cls(values.dtype.kind != "f", low, high)

    @classmethod
    def joined(cls, spans: Iterable["Span"]) -> "Span | None":
        """Join spans of one kind; None of none."""
        listed = list(spans)
        if not listed:
            return None
        return cls(listed[0].is_whole, min(span.low for span in listed), max(span.high for span in listed))


@dataclass(frozen=True, slots=True)
class Levels:
    """The values of black and white; if white is less than black, a picture is a negative."""

    black: float
    white: float

    @property
    def reversed(self) -> "Levels":
        return Levels(self.white, self.black)

    def to_8_bits(self, values: Values) -> npt.NDArray[np.uint8]:
        """Map black to 0, white to 255, and values between to the nearest level; float32 is exact for 16 bits."""
        scaled = (values.astype(np.float32) - np.float32(self.black)) * np.float32(255)
        scaled /= np.float32(self.white - self.black)
        levels: npt.NDArray[np.uint8] = np.rint(scaled).clip(0, 255).astype(np.uint8)
        return levels

    def __str__(self) -> str:
        return f"{self.black:g} is black and {self.white:g} is white"


FULL = Levels(0, 65535)
UNIT = Levels(0.0, 1.0)


def levels_of(span: Span) -> Levels:
    """Return the levels of this span, by the rule above; NoLevels if none fits."""
    if span.is_whole:
        for bits in BITS:
            if span.low >= 0 and span.high < 2**bits:
                return Levels(0, 2**bits - 1)
        expected = "0 to 65535"
    else:
        for black, white in FLOATS:
            slack = SLACK * (white - black)
            if black - slack <= span.low and span.high <= white + slack:
                return Levels(black, white)
        expected = "0 to 1, -1 to 1 or 0 to 255"
    kind = "whole numbers" if span.is_whole else "floats"
    raise NoLevels(f"has {kind} from {span.low:g} to {span.high:g}; expected {expected}")
