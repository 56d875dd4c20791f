"""What the headers of a request ask of its answer: the form it may have. Knows no route."""

import functools
import re
from collections.abc import Mapping
from typing import TypeVar

from core.errors import NotAcceptable

WEIGHT = re.compile(r"[01](\.\d{0,3})?")  # of an entry of Accept

Form = TypeVar("Form", bound=str)


def preferred(accept: str, media_types: Mapping[Form, str]) -> Form:
    """The form that an Accept header likes best; the first where it does not say.

    Raises:
        NotAcceptable: it accepts none of them.
    """
    if accept in ("", "*/*"):
        return next(iter(media_types))
    best: Form = _best(accept, tuple(media_types.items()))
    return best


@functools.lru_cache(64)  # clients of one kind send the same
def _best(accept: str, forms: tuple[tuple[Form, str], ...]) -> Form:
    weights, media_types = _weights(accept), dict(forms)

    def weight(form: Form) -> float:  # the most specific entry counts: `image/png;q=0, */*` is all but PNG
        kinds = (media_types[form], media_types[form].partition("/")[0] + "/*", "*/*")
        return next((weights[kind] for kind in kinds if kind in weights), 0.0)

    best = max(media_types, key=weight)
    if not weight(best) > 0:
        raise NotAcceptable(f"this service sends {', '.join(media_types.values())}; Accept was {accept[:200]!r}")
    return best


def _weights(accept: str) -> dict[str, float]:
    """How much each kind of media type is liked, 0 to 1."""
    weights: dict[str, float] = {}
    for entry in accept.lower().split(",") if accept.strip() else ["*/*"]:
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weights.setdefault(kind, _weight(parameters))
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            value = parameter[2:]
            return float(value) if WEIGHT.fullmatch(value) else 0.0
    return 1.0
