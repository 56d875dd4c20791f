"""What is noted of every request: its count, its time, its line in the log. Knows no route.

An event stream lasts as long as its reader stays, so it is counted when it begins and its time is no request's time.
Pure ASGI, and the outermost: it also sees what the Guard refuses.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.telemetry import UNMATCHED, Telemetry
from core.keys.audit import AuditLog, Deed
from core.log import KEY, RUN

RUN_IN_ADDRESS = re.compile(rb"/(run_[0-9a-f]{20})(?=[/?#]|\Z)")
CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CHANGES_NOTHING = frozenset({"/generate", "/generate/morph", "/complete", "/classify", "/inspect"})
NOUNS = {"train": "run", "models": "model", "datasets": "dataset"}
OTHERS = ("session", "webhooks")  # whose names no member of a deed has
VALIDATIONS = frozenset({"/train/validate"})
UNKNOWN = frozenset({400, 401})  # no request, or nobody's
UNFINISHED = 499  # the client went away before it was answered: no status of HTTP, but nginx's, and well known
FAILED = 500
NOT_READY = ("/readyz", 503)  # what a probe may hear: no failure

log = logging.getLogger("app.access")


class AccessLog:
    """Middleware that logs failures and changes; with `is_access_logged`, every request."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, audit: AuditLog, is_access_logged: bool) -> None:
        self.app, self.telemetry, self.is_access_logged = app, telemetry, is_access_logged
        self.audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Answer(self.telemetry, scope, send)
        KEY.set("")
        RUN.set(run_in(scope["path"].encode(errors="replace")))
        began = time.perf_counter()
        try:
            await self.app(scope, receive, answer.send)
        except Exception:  # answered by errors.py, further out
            answer.status = answer.status or FAILED
            raise
        finally:
            self._note(answer, time.perf_counter() - began)
            if deed := deed_of(scope, answer.status, answer.location):
                await asyncio.to_thread(self.audit.note, deed)

    def _note(self, answer: "Answer", seconds: float) -> None:
        method, route = answer.scope["method"], answer.route
        if answer.is_stream:
            self.telemetry.streams.dec()
        else:
            answer.status = answer.status or UNFINISHED
            self.telemetry.answered(route, answer.status)
            self.telemetry.took(route, seconds)
        status = answer.status
        is_failure = status >= FAILED and (route, status) != NOT_READY
        is_change = method in CHANGING_METHODS and 200 <= status < 300 and route not in CHANGES_NOTHING
        if self.is_access_logged or is_failure or is_change:
            fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2)}
            log.info("%s %s %d %.1f ms", method, route, status, seconds * 1000, extra={"fields": fields})


class Answer:
    """What is known of one answer while it passes."""

    def __init__(self, telemetry: Telemetry, scope: Scope, send: Send) -> None:
        self.telemetry, self.scope, self._send = telemetry, scope, send
        self.status, self.is_stream, self.location = 0, False, ""

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                if name == b"content-type" and value.startswith(b"text/event-stream"):
                    self.is_stream = True
                    self.telemetry.answered(self.route, self.status)
                    self.telemetry.streams.inc()
                elif name == b"location":
                    self.location = value.decode("latin-1")
                    if not RUN.get():
                        RUN.set(run_in(value))
        return self._send(message)

    @property
    def route(self) -> str:
        """The address as the routes write it, like `/train/{run_id}`, so there are only as many as routes."""
        return getattr(self.scope.get("route"), "path_format", None) or UNMATCHED


def deed_of(scope: Scope, status: int, location: str) -> Deed | None:
    """Return what the audit log says of a request; nothing where it changes nothing by its nature, or showed no key.

    Who may not come in at all is no news: anyone could push all that matters out of a log that is bounded.
    """
    method, path = scope["method"], scope["path"]
    noun = path.split("/")[1]
    if method not in CHANGING_METHODS or noun not in (*NOUNS, *OTHERS) or path in VALIDATIONS or status in UNKNOWN:
        return None
    state = scope.get("state", {})
    key = state.get("key")
    place = path if path.count("/") > 1 else location  # what a request makes has its name there
    name = place.rpartition(f"/{noun}/")[2].split("/")[0][:100] if f"/{noun}/" in place else None
    return Deed(
        key=key.ref if key else None,
        what=f"{method} {path[:500]}",
        status=status,
        request_id=state.get("request_id"),
        **({NOUNS[noun]: name} if name and noun in NOUNS else {}),
    )


def run_in(address: bytes) -> str:
    """Return the run that an address names, or nothing."""
    found = RUN_IN_ADDRESS.search(address)
    return found[1].decode() if found else ""
