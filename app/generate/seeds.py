"""Seeds as a client writes them, `0,1,4-6`: read without ever making more than are allowed. Knows no request."""

import re

from core.errors import InvalidRequest
from models.noise import SEEDS

_PART = re.compile(r" *([0-9]{1,10}) *(?:- *([0-9]{1,10}) *)?")
RULE = f"seeds and ranges of them, like 0,1,4-6; each 0 to {SEEDS - 1}"


def read_seeds(given: str | list[int], limit: int, pointer: str) -> list[int]:
    """Read 1 to `limit` seeds from a text or list, in its order; InvalidRequest for others."""
    if isinstance(given, list):
        _check_count(len(given), limit, pointer)
        return given
    ranges = [_range(part, pointer) for part in given.split(",", limit)[:limit]]
    _check_count(max(given.count(",") + 1, sum(map(len, ranges))), limit, pointer)
    return [seed for each in ranges for seed in each]


def _range(part: str, pointer: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise InvalidRequest.field(pointer, f"{RULE}; got {part[:40]!r}")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < SEEDS:
        raise InvalidRequest.field(pointer, f"{RULE}, a range from the smaller to the larger; got {part[:40]!r}")
    return range(first, last + 1)


def _check_count(count: int, limit: int, pointer: str) -> None:
    if not 1 <= count <= limit:
        raise InvalidRequest.field(pointer, f"1 to {limit} seeds, got {count}")
