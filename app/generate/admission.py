"""GET /generate, refused unread where drawing is all that could answer and too much waits. Knows no model.

To read a request costs more than to refuse it, and under ten times the load nine of ten are refused: what that takes is
missing for the tenth (docs/decisions/0006). What is known, here or by the client, is answered still.
"""

import functools
from math import ceil

from starlette.requests import Request

from app.deps import Services
from app.errors import problem
from app.http.fast_route import RawHeaders, RawResponse
from core.errors import Overloaded

WORDINGS = 16  # that are kept: the text names what waits, which changes a hundred times a second
HERE = "0" * 16  # where the request id goes
LENGTH = b"content-length"


def refused_unread(request: Request, services: Services) -> RawResponse | None:
    """Return the refusal of an unread request, or None to read it; NotReady while the service shuts down."""
    scope = request.scope
    if scope["method"] != "GET" or services.response_cache.may_have(scope["query_string"]):
        return None
    if any(name == b"if-none-match" for name, _ in scope["headers"]):
        return None
    try:
        services.batcher.check_room()
    except Overloaded as error:
        headers, before, after = _worded(str(error), ceil(error.retry_after_s), scope["path"])
        body = b"".join((before, scope["state"]["request_id"].encode(), after))
        return RawResponse(Overloaded.status, [*headers, (LENGTH, b"%d" % len(body))], body)
    return None


@functools.lru_cache(WORDINGS)
def _worded(detail: str, retry_after_s: int, path: str) -> tuple[RawHeaders, bytes, bytes]:
    """Return the answer's headers but for its length, and its body around the request id."""
    answer = problem(Overloaded(detail, retry_after_s), path, HERE, headers={"Retry-After": str(retry_after_s)})
    before, after = bytes(answer.body).rsplit(HERE.encode(), 1)
    return [header for header in answer.raw_headers if header[0] != LENGTH], before, after
