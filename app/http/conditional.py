"""Caching: answers that never change, and what If-Match and If-None-Match ask (RFC 9110, 13). Knows no route."""

import re
from typing import Annotated

from fastapi import Header

from core.errors import PreconditionFailed

IMMUTABLE = "public, max-age=31536000, immutable"
ANY = "*"
IfNoneMatch = Annotated[str | None, Header(description="The ETag of what you have: 304 if you would get the same.")]
_ENTRY = re.compile(r'\*|(?:[Ww]/)?"[^"]*"')


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Return whether a client has what `etag` names (weak comparison): 304 for a reading request."""
    if if_none_match is None:
        return False
    if if_none_match == etag:  # what most clients send
        return True
    known = {_strong(entry) for entry in _ENTRY.findall(if_none_match)}
    return ANY in known or _strong(etag) in known


def check_conditions(what: str, etag: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Raise PreconditionFailed for a change of `what` with this strong `etag` (None: it does not exist)."""
    there = f"{what} has the ETag {etag}" if etag else f"{what} does not exist"
    if if_match is not None and (etag is None or not {ANY, etag} & set(_ENTRY.findall(if_match))):
        raise PreconditionFailed(f"If-Match was {if_match[:200]}, but {there}")
    if etag is not None and is_known(if_none_match, etag):
        raise PreconditionFailed(f"If-None-Match was {(if_none_match or '')[:200]}, but {there}")


def _strong(tag: str) -> str:
    """Return an ETag without the mark of a weak one."""
    return tag[2:] if tag[:2] in ("W/", "w/") else tag
