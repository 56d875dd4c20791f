"""A file of the store as an answer: whole, a part of it, or nothing where the client has it. Knows no route."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from app.http.conditional import check_conditions, is_known
from core.errors import PreconditionFailed, RangeNotSatisfiable

RANGE = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE)
PART = re.compile(r"\s*([0-9]{0,20})\s*-\s*([0-9]{0,20})\s*")
MAX_PARTS = 100  # more are no way to read a file
HEADERS_OF_304 = ("etag", "last-modified", "cache-control")


class StoredFile(FileResponse):
    """A file with conditions and ranges of RFC 9110 (13.2.2, 14.2); its errors are problem documents.

    Raises (when it is sent):
        PreconditionFailed: If-Match or If-Unmodified-Since does not hold.
        RangeNotSatisfiable: the file has none of the requested parts.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope)
        if self._is_known(asked):
            kept = {name: self.headers[name] for name in HEADERS_OF_304 if name in self.headers}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        others = [(name, value) for name, value in scope["headers"] if name != b"range"]
        if scope["method"] == "GET" and (parts := parts_of(asked.get("range", ""), self._size)):
            others.append((b"range", f"bytes={','.join(f'{first}-{last}' for first, last in parts)}".encode()))
        await super().__call__({**scope, "headers": others}, receive, send)

    @property
    def _size(self) -> int:
        return int(self.headers["content-length"])

    def _is_known(self, asked: Headers) -> bool:
        etag, modified = self.headers["etag"], _date(self.headers["last-modified"])
        if "if-match" in asked:
            check_conditions("this file", etag, asked["if-match"], None)
        elif (since := _date(asked.get("if-unmodified-since"))) and modified and modified > since:
            changed = f"this file was changed at {self.headers['last-modified']}"
            raise PreconditionFailed(f"If-Unmodified-Since was {asked['if-unmodified-since'][:100]}, but {changed}")
        if "if-none-match" in asked:
            return is_known(asked["if-none-match"], etag)
        since = _date(asked.get("if-modified-since"))
        return since is not None and modified is not None and modified <= since


def parts_of(header: str, size: int) -> list[tuple[int, int]]:
    """Return first and last byte of each requested part of a file of `size` bytes; empty: all of it.

    An invalid Range, or one with too many parts, is ignored; so are parts behind the end, beside valid ones.

    Raises:
        RangeNotSatisfiable: all parts are behind the end.
    """
    match = RANGE.fullmatch(header)
    asked = [part for part in match[1].split(",") if part.strip()] if match else []
    found = [PART.fullmatch(part) for part in asked[: MAX_PARTS + 1]]
    if not 0 < len(found) <= MAX_PARTS:
        return []
    parts = []
    for part in found:
        if part is None or not (part[1] or part[2]) or (part[1] and part[2] and int(part[2]) < int(part[1])):
            return []
        first = int(part[1]) if part[1] else max(size - int(part[2]), 0)
        last = min(int(part[2]), size - 1) if part[1] and part[2] else size - 1
        if first <= last:
            parts.append((first, last))
    if not parts:
        raise RangeNotSatisfiable(size)
    return parts


def _date(text: str | None) -> datetime | None:
    """Parse a date of HTTP in any of its forms; None for anything else."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
