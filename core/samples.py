"""The sample grids of a run: which there are, and which one is meant. Knows no HTTP and no pixels."""

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InvalidRequest, SampleNotFound

LATEST = "latest"
NEAREST_SHOWN = 4

_NAME = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_STEP = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Grid:
    """A file `<branch>-<step>.webp`; grids sort by branch, then step."""

    branch: int
    step: int
    bytes: int = field(default=0, compare=False)
    written_at: float = field(default=0.0, compare=False)  # seconds since 1970

    @property
    def name(self) -> str:
        return f"{self.branch}-{self.step}"


def parse_name(text: str) -> Grid | None:
    """The grid that `BRANCH-STEP` names; None for any other text."""
    match = _NAME.fullmatch(text)
    return Grid(int(match[1]), int(match[2])) if match else None


def list_grids(folder: Path) -> list[Grid]:
    """All grids in a folder, oldest branch and step first; other files are passed over."""
    grids = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            stem, dot, ending = entry.name.partition(".")
            grid = parse_name(stem)
            if grid is not None and grid.name == stem and (dot, ending) == (".", "webp"):
                with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
                    facts = entry.stat(follow_symlinks=False)
                    grids.append(Grid(grid.branch, grid.step, facts.st_size, facts.st_mtime))
    return sorted(grids)


def find(grids: list[Grid], text: str) -> Grid:
    """The one of `grids` that `text` means: a step (of the newest branch that has it), BRANCH-STEP, or `latest`.

    Raises:
        InvalidRequest: it is none of the three.
        SampleNotFound: there is no such grid; names the nearest.
    """
    named = parse_name(text)
    if named is None and text != LATEST and not _STEP.fullmatch(text):
        raise InvalidRequest.field("step", f"a step, BRANCH-STEP or {LATEST}; got {text[:80]!r}")
    if not grids:
        raise SampleNotFound("this run has drawn no samples yet")
    if text == LATEST:
        return grids[-1]
    step = named.step if named else int(text)
    found = [grid for grid in grids if grid.step == step and (named is None or grid.branch == named.branch)]
    if not found:
        near = sorted(grids, key=lambda grid: abs(grid.step - step))[:NEAREST_SHOWN]
        shown = ", ".join(grid.name if named else str(grid.step) for grid in sorted(near))
        raise SampleNotFound(f"there are no samples of {named.name if named else f'step {step}'}; nearest: {shown}")
    return found[-1]
