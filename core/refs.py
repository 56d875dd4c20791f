"""Names and references as requests give them: InvalidRequest, at the field, where one is wrong. Knows no files."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from core.errors import InvalidRequest
from ganymede.schemas import references
from ganymede.schemas.references import LATEST, BranchStep, ModelRef

MOST_DIGITS = 100  # of an index; Python refuses to read thousands
Parsed = TypeVar("Parsed")
Place = TypeVar("Place", bound=BranchStep)


def _parsed(parse: Callable[[str], Parsed], text: str, pointer: str = "model") -> Parsed:
    """Parse a text; raise InvalidRequest at `pointer` for a ValueError."""
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidRequest.field(pointer, str(error)) from None


check_name = partial(_parsed, references.valid_name)  # of a model, dataset or alias
check_model_name = partial(_parsed, references.valid_model_name)  # and no reserved one
parse_model_ref = partial(_parsed, ModelRef.parse)
parse_reference = partial(_parsed, references.parse_reference)


def find_place(places: Iterable[Place], asked: str) -> Place | None:
    """Find what a step (of its newest branch), BRANCH-STEP or `latest` means; InvalidRequest for others."""
    if not references.is_step(asked):
        raise InvalidRequest.field("step", f"a step, BRANCH-STEP or {LATEST}; got {asked[:80]!r}")
    named = references.parse_branch_step(asked)
    if named is not None:
        return next((place for place in places if str(place) == str(named)), None)
    return max((place for place in places if asked == LATEST or place.step == int(asked)), default=None)


def class_index(label: int | str, names: Sequence[str], pointer: str) -> int:
    """Find a class by its name or else its index; InvalidRequest if it is neither."""
    if isinstance(label, str) and label in names:
        return names.index(label)
    digits = str(label)
    if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS and int(digits) < len(names):
        return int(digits)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise InvalidRequest.field(pointer, f"0 to {len(names) - 1}, or one of: {shown}; got {digits[:80]!r}")
