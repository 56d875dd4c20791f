"""A way past the router and FastAPI, to a function that is a route as any other.

For the one address that is asked thousands of times a second: to find a route and to solve what it needs takes more of
the event loop than all the rest of an answer (docs/decisions/0006). Knows no other route.
"""

from collections.abc import Awaitable, Callable

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import answer
from app.http.routing import READING

Handler = Callable[[Request], Awaitable[Response]]
RawHeaders = list[tuple[bytes, bytes]]


class FastPath:
    """Middleware that answers GET and HEAD of `route` by `handler`, before routing and without reading a body."""

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
    """A response sent as given: its header names are in lower case, and none is added."""

    def __init__(self, status_code: int, headers: RawHeaders, body: bytes = b"") -> None:
        self.status_code, self.raw_headers, self.body, self.background = status_code, headers, body, None
