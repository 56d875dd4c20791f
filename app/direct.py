"""A route that reads its request itself: documented like any other, called without FastAPI's machinery around it.

For the one address that is asked thousands of times a second: to solve what an endpoint needs, FastAPI takes more of
the event loop than all the rest of an answer (docs/decisions/0006). Knows no other route.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]
Query = TypeVar("Query", bound=BaseModel)


class DirectRoute(APIRoute):
    """Answered by `handler`; `endpoint` is never called, its parameters and its text are what FastAPI documents.

    Append it to `app.router.routes`: an included router would put its own machinery around.
    """

    def __init__(self, path: str, handler: Handler, endpoint: Callable[..., None], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._handler, self._allowed = handler, frozenset(self.methods or ())
        self._found = {"endpoint": endpoint, "path_params": {}, "route": self}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"] != self.path:
            return Match.NONE, {}
        return (Match.FULL if scope["method"] in self._allowed else Match.PARTIAL), self._found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self._allowed:
            await super().handle(scope, receive, send)  # 405
            return
        response = await self._handler(Request(scope, receive))
        await response(scope, receive, send)


def read_query(request: Request, model: type[Query], lists: frozenset[str]) -> Query:
    """The query parameters as `model`; those of `lists` may be repeated, of the others the last counts.

    Raises:
        RequestValidationError: as FastAPI would.
    """
    given: dict[str, Any] = {}
    for name, value in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(
            [{**entry, "loc": ("query", *entry["loc"])} for entry in error.errors(include_url=False)]
        ) from None
