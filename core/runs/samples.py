"""The sample grids of a run: which there are, and which one is meant. Knows no HTTP and no pixels."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import SampleNotFound
from core.refs import find_place
from ganymede.schemas.references import BranchStep, parse_branch_step

NEAREST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Grid(BranchStep):
    """A file `<branch>-<step>.webp`."""

    bytes: int = 0
    written_at: float = 0.0  # seconds since 1970


def list_grids(folder: Path) -> list[Grid]:
    """All grids in a folder, oldest branch and step first; other files are passed over."""
    grids = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            stem, dot, ending = entry.name.partition(".")
            place = parse_branch_step(stem)
            if place is not None and str(place) == stem and (dot, ending) == (".", "webp"):
                with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
                    facts = entry.stat(follow_symlinks=False)
                    grids.append(Grid(place.branch, place.step, facts.st_size, facts.st_mtime))
    return sorted(grids)


def find(grids: list[Grid], text: str) -> Grid:
    """The one of `grids` that `text` means: a step (of the newest branch that has it), BRANCH-STEP, or `latest`.

    Raises:
        InvalidRequest: it is none of the three.
        SampleNotFound: there is no such grid; names the nearest.
    """
    found = find_place(grids, text)
    if found is not None:
        return found
    if not grids:
        raise SampleNotFound("this run has drawn no samples yet")
    named = parse_branch_step(text)
    step = named.step if named else int(text)
    near = sorted(grids, key=lambda grid: abs(grid.step - step))[:NEAREST_SHOWN]
    shown = ", ".join(str(grid if named else grid.step) for grid in sorted(near))
    raise SampleNotFound(f"there are no samples of {named or f'step {step}'}; nearest: {shown}")
