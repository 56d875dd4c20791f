"""A route that reads its request itself: documented like any other, called without a router and FastAPI around it.

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
from starlette.routing import request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import answer
from app.http.routing import repeated

Handler = Callable[[Request], Awaitable[Response]]
RawHeaders = list[tuple[bytes, bytes]]
Query = TypeVar("Query", bound=BaseModel)


class FastRoute(APIRoute):
    """Answered by `handler`; `endpoint` is never called, its parameters and its text are what FastAPI documents.

    Append it to `app.router.routes`: an included router would put its own machinery around.
    """

    def __init__(self, path: str, handler: Handler, endpoint: Callable[..., None], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.handler, self.app = handler, request_response(handler)


class FastPath:
    """Middleware that answers `routes` itself, before anything looks for a route or for a body: a body is not read.

    The app has the same routes, for their text and for the methods they lack; it would answer them alike.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[FastRoute]) -> None:
        self.app = app
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"], request = route, Request(scope, receive)
        try:
            response = await route.handler(request)
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
        InvalidRequest: another is repeated.
        RequestValidationError: as FastAPI would.
    """
    given: dict[str, Any] = {}
    for name, value in _pairs(request.scope["query_string"].decode("latin-1")):
        if name in lists:
            given.setdefault(name, []).append(value)
        elif name in given:
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
