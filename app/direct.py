"""A route that reads its request itself: documented like any other, called without FastAPI's machinery around it.

For the one address that is asked thousands of times a second: FastAPI takes 120 microseconds of the event loop to solve
what a handler needs, a handler that is given the request takes none (docs/decisions/0006). Knows no other route.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """Add its instances to `app.router.routes` themselves: an included router would put its own machinery around.

    The endpoint of the route is what FastAPI documents. Its attribute `direct`, a Handler, is what answers.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.direct: Handler = endpoint.direct  # type: ignore[attr-defined]
        self._allowed = frozenset(self.methods or ())
        self._found = {"endpoint": endpoint, "path_params": {}, "route": self}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"] != self.path:
            return Match.NONE, {}
        return (Match.FULL if scope["method"] in self._allowed else Match.PARTIAL), self._found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self._allowed:
            await super().handle(scope, receive, send)  # 405
            return
        response = await self.direct(Request(scope, receive))
        await response(scope, receive, send)
