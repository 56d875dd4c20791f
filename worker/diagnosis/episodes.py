"""When a trouble begins and ends: it takes several points in a row either way, so that no single number does it.

Knows no verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Episode:
    """A trouble: it begins after `in_a_row` points that show it, and ends after as many that do not."""

    in_a_row: int
    began: int | None = None
    first: int = 0
    shown: int = 0
    absent: int = 0

    def after(self, flag: bool | None, place: int) -> "Episode":
        """Add a point; None says nothing about the trouble."""
        if flag is None:
            return self
        if not flag:
            began = None if self.absent + 1 >= self.in_a_row else self.began
            return Episode(self.in_a_row, began, self.first, 0, self.absent + 1)
        first, shown = (place if self.shown == 0 else self.first), self.shown + 1
        began = first if self.began is None and shown >= self.in_a_row else self.began
        return Episode(self.in_a_row, began, first, shown, 0)


def begins_at(flags: Sequence[bool | None], in_a_row: int) -> int | None:
    """Return where the trouble at the end began; None if there is none."""
    episode = Episode(in_a_row)
    for i, flag in enumerate(flags):
        episode = episode.after(flag, i)
    return episode.began
