"""A way past the router and FastAPI, to a function that is a route as any other.

For the one address that is asked thousands of times a second: to find a route and to solve what it needs takes more of
the event loop than all the rest of an answer (docs/decisions/0006). Knows no other route.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import answer
from app.http.routing import repeated

READING = ("GET", "HEAD")

Handler = Callable[[Request], Awaitable[Response]]
RawHeaders = list[tuple[bytes, bytes]]
Query = TypeVar("Query", bound=BaseModel)


class FastPath:
    """Middleware that answers GET and HEAD of `route` by `handler`, before anything looks for a route or for a body:
    a body is not read. The router would call the same function, and answer alike.
    """

    def __init__(self, app: ASGIApp, route: APIRoute, handler: Handler) -> None:
        self.app, self.route, self.handler = app, route, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"] == self.route.path and scope["method"] in READING
        if not is_ours:
            await self.app(scope, receive, send)
            return
        scope["route"], request = self.route, Request(scope, receive)
        try:
            response = await self.handler(request)
        except Exception as error:
            response = answer(request, error)
        await response(scope, receive, send)


class RawResponse(Response):
    """Sent as it is given: header names are in lower case, and none is added."""

    def __init__(self, status_code: int, headers: RawHeaders, body: bytes = b"") -> None:
        self.status_code, self.raw_headers, self.body, self.background = status_code, headers, body, None


def read_query(request: Request, model: type[Query], lists: frozenset[str]) -> Query:
    """The query parameters as `model`; those of `lists` may be repeated.

    Raises:
        InvalidRequest: another of its fields is repeated.
        RequestValidationError: as FastAPI would.
    """
    given: dict[str, Any] = {}
    for name, value in _pairs(request.scope["query_string"].decode("latin-1")):
        if name in lists:
            given.setdefault(name, []).append(value)
        elif name in given and name in model.model_fields:
            raise repeated(name)
        else:
            given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(
            [{**entry, "loc": ("query", *entry["loc"])} for entry in error.errors(include_url=False)]
        ) from None


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    """What parse_qsl gives; most queries escape nothing, and need no more than to be split."""
    if "%" in query or "+" in query:
        return parse_qsl(query, keep_blank_values=True)
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
