"""Where in a run something was made, BRANCH-STEP: how grids and checkpoints are named and asked for. Knows no files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from core.errors import InvalidRequest

LATEST = "latest"

_NAME = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_STEP = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class BranchStep:
    """Sorts by branch, then step: the newest is the largest."""

    branch: int
    step: int

    def __str__(self) -> str:
        return f"{self.branch}-{self.step}"


Place = TypeVar("Place", bound=BranchStep)


def parse_name(text: str) -> BranchStep | None:
    """What `BRANCH-STEP` names; None for any other text."""
    match = _NAME.fullmatch(text)
    return BranchStep(int(match[1]), int(match[2])) if match else None


def is_asked(text: str) -> bool:
    """Whether `text` has one of the three forms that `find` takes."""
    return text == LATEST or any(form.fullmatch(text) for form in (_STEP, _NAME))


def find(places: Iterable[Place], asked: str) -> Place | None:
    """The one of `places` that is meant: a step (of the newest branch that has it), BRANCH-STEP or `latest`.

    Raises:
        InvalidRequest: `asked` is none of the three.
    """
    if not is_asked(asked):
        raise InvalidRequest.field("step", f"a step, BRANCH-STEP or {LATEST}; got {asked[:80]!r}")
    named = parse_name(asked)
    if named is not None:
        return next((place for place in places if str(place) == str(named)), None)
    return max((place for place in places if asked == LATEST or place.step == int(asked)), default=None)
