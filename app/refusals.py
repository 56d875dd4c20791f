"""What can only be refused is refused here, by uvicorn's protocol, before any of the application runs. Knows no model.

Under ten times the load nine requests of ten are refused, and what that costs is missing for the tenth: a task, seven
layers of middleware and a request that is read take three times as long as what is left here (docs/decisions/0006).
The answer is the application's own, to the byte. Whatever is not plainly a GET /generate goes the usual way.
"""

import asyncio
import functools
import time
from collections.abc import Mapping
from math import ceil
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.deps import Services
from app.errors import problem
from app.gate import BROWSER_HEADERS, is_host_allowed, request_id_of
from core.errors import NotReady, Overloaded

PATH = "/generate"
# A request with one of these is read: what it asks for may be known, or it has a body.
READ = frozenset({b"if-none-match", b"content-length", b"transfer-encoding", b"expect"})
WORDINGS = 16  # that are kept: the text names what waits, which changes a hundred times a second
HERE = "0" * 16  # where the request id goes


class Refusals:
    """The answers to those who come while the batcher is full."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.hosts = {host.lower() for host in services.settings.allowed_hosts}
        self.is_on = not services.settings.access_log  # a line in the log is written further in

    def answer(self, scope: Mapping[str, Any]) -> list[bytes] | None:
        """Headers and body of a refusal, in pieces; None: the application answers."""
        services = self.services
        if not (services.batcher.is_full and self.is_on and scope["path"] == PATH and scope["method"] == "GET"):
            return None
        headers = dict(reversed(scope["headers"]))
        if not READ.isdisjoint(headers) or services.pictures.may_have(scope["query_string"]):
            return None
        if not is_host_allowed(headers, self.hosts):
            return None
        began = time.perf_counter()
        try:
            services.batcher.check_room()
        except Overloaded as error:
            request_id = request_id_of(headers).encode()
            start, middle, end, after, size = _worded(str(error), ceil(error.retry_after_s))
        except NotReady:
            return None
        else:
            return None
        services.telemetry.answered(PATH, Overloaded.status)
        services.telemetry.took(PATH, time.perf_counter() - began)
        return [start, b"%d" % (size + len(request_id)), middle, request_id, end, request_id, after]


@functools.lru_cache(WORDINGS)
def _worded(detail: str, retry_after_s: int) -> tuple[bytes, bytes, bytes, bytes, int]:
    """The answer around its length and, twice, the request id; bytes of the body without that id."""
    retry_after = {"Retry-After": str(retry_after_s)}
    known: dict[str, Any] = {"title": Overloaded.title, "headers": retry_after, "instance": PATH, "request_id": HERE}
    response = problem(Overloaded.status, Overloaded.code, detail, **known)
    here, body = HERE.encode(), bytes(response.body)
    headers = [*response.raw_headers, (b"request-id", here), *BROWSER_HEADERS]
    lines = [b"%b: %b\r\n" % (name, here if name == b"content-length" else value) for name, value in headers]
    start, middle, end, after = b"".join([*lines, b"\r\n", body]).split(here)
    return start, middle, end, after, len(body) - len(here)


class Protocol(HttpToolsProtocol):
    """uvicorn's, but that it asks the app's `state.refusals` first."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._refusals: Refusals = config.app.state.refusals  # type: ignore[union-attr]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        """A request whose headers are there. Refused in place: where others wait behind it, one after the other."""
        pieces = self._refusals.answer(cycle.scope) if cycle.keep_alive and not self.pipeline else None
        if pieces is None:
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]
            return
        cycle.response_started = cycle.response_complete = True
        always = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        self.transport.write(b"".join([STATUS_LINE[Overloaded.status], *always, *pieces]))
        self.on_response_complete()
