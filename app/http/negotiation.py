"""What the headers of a request ask of its answer: the form it may have. Knows no route."""

import functools
import re
from collections.abc import Mapping
from typing import TypeVar, cast

from core.errors import NotAcceptable

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.DOTALL)  # also one that nothing ends: this never looks back
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
ANY = "*/*"

Form = TypeVar("Form", bound=str)


def preferred(accept: str, media_types: Mapping[Form, str]) -> Form:
    """Return the form that an Accept header prefers, by default the first; NotAcceptable if it accepts none."""
    if accept in ("", ANY):
        return next(iter(media_types))
    return cast(Form, _best(accept, tuple(media_types.items())))


@functools.lru_cache(64)  # clients of one kind send the same
def _best(accept: str, forms: tuple[tuple[Form, str], ...]) -> Form:
    weights, media_types = _weights(accept), dict(forms)

    def weight(form: Form) -> float:  # the most specific entry counts: `image/png;q=0, */*` is all but PNG
        kinds = (media_types[form], media_types[form].partition("/")[0] + "/*", ANY)
        return next((weights[kind] for kind in kinds if kind in weights), 0.0)

    best = max(media_types, key=weight)
    if not weight(best) > 0:
        raise NotAcceptable(f"this service sends {', '.join(media_types.values())}; Accept was {accept[:200]!r}")
    return best


def entries(accept: str) -> list[tuple[str, float, str]]:
    """Return the entries of an Accept header in order and lower case: media type, weight (0: never), whole entry.

    Lenient, because clients are careless: `*` is `*/*`, a weight may be `.2`, `1.` or `0.3333`; an invalid weight is
    ignored like any unknown parameter.
    """
    found = []
    for entry in QUOTED.sub(_unquoted, accept.lower()).split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind:
            found.append((ANY if kind == "*" else kind, _weight(parameters), entry.strip()))
    return found


def _weights(accept: str) -> dict[str, float]:
    """Return the weight of each media type, 0 to 1; the higher one where a type is there twice."""
    weights: dict[str, float] = {}
    for kind, weight, _ in entries(accept):
        weights[kind] = max(weight, weights.get(kind, 0.0))
    return weights or {ANY: 1.0}


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = (part.strip() for part in parameter.partition("="))
        if name == "q" and NUMBER.fullmatch(value):
            return min(max(float(value), 0.0), 1.0)
    return 1.0


def _unquoted(quoted: re.Match[str]) -> str:
    """Remove quoted text, which may hold separators."""
    return "" if set(quoted[1]) & {",", ";"} else quoted[1]
