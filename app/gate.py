"""What every request passes first: a request id, the Host and Origin checks, the size of its body. Knows no route.
What every answer gets: the id, and the headers that keep a browser from making more of it than it is.

A browser can reach a service on loopback, so a page anywhere could have it work: a Host that is not ours means DNS
rebinding, a foreign Origin means another site's form or script.

Pure ASGI: nothing stands between a route and its connection. All of it runs for each picture: it looks at each header
once, and no coroutine of its own is in the way of what is sent.
"""

import functools
import random
import re
from collections.abc import Awaitable, Iterable
from urllib.parse import urlsplit

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import problem
from app.telemetry import Telemetry
from core.errors import BodyTooLarge, GanymedeError, HostNotAllowed, OriginNotAllowed
from core.log import REQUEST_ID as CURRENT_REQUEST_ID

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::\d{0,5})?")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 1 << 20
# Paths whose POST may send GANYMEDE_MAX_UPLOAD bytes.
UPLOADS = (re.compile(r"/models/[^/]+/versions"), re.compile(r"/datasets"))
BROWSER_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# For a page that does not bring its own: it may load nothing, and stand in no frame.
PAGE_POLICY = (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'")

_source = random.Random()  # seeded by the system, once: an id is no secret, and each question to the system costs 20 us


class Gate:
    """Middleware; refusals are problem documents like all others."""

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...], max_upload: int, telemetry: Telemetry) -> None:
        self.app, self.allowed_hosts = app, {host.lower() for host in allowed_hosts}
        self.max_upload, self.telemetry = max_upload, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of two with one name the first counts
        request_id = request_id_of(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        CURRENT_REQUEST_ID.set(request_id)  # until the next one: also what is logged further out names it

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                own = message["headers"]
                message["headers"] = [*own, (b"request-id", request_id.encode()), *BROWSER_HEADERS, *_page_policy(own)]
            return send(message)

        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self.app(scope, receive, send_with_id)
            return
        self.telemetry.rejected.labels(refusal.code).inc()
        text, about = str(refusal), {"instance": scope["path"], "request_id": request_id}
        response = problem(refusal.status, refusal.code, text, title=refusal.title, **about)
        await response(scope, receive, send_with_id)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> GanymedeError | None:
        """Why this request goes no further; None if it may."""
        host = headers.get(b"host", b"").decode("latin-1")
        if not is_host_allowed(headers, self.allowed_hosts):
            return HostNotAllowed(f"Host {host[:100]!r} is not served here; see GANYMEDE_ALLOWED_HOSTS")
        if scope["method"] not in SAFE_METHODS:
            origin = headers[b"origin"].decode("latin-1") if b"origin" in headers else None
            if origin is not None and _origin_host(origin) != host.lower():
                return OriginNotAllowed(f"Origin {origin[:100]!r} may not change anything here")
            if headers.get(b"sec-fetch-site") == b"cross-site":
                return OriginNotAllowed("a request from another site may not change anything here")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > (limit := max_body_bytes(scope, self.max_upload)):
            return BodyTooLarge(f"a body may have up to {limit} bytes here; this one has {int(length)}")
        return None


class BodyLimit:
    """Middleware that counts a body as it comes: the only limit of one that was sent without a length."""

    def __init__(self, app: ASGIApp, max_upload: int) -> None:
        self.app, self.max_upload = app, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = max_body_bytes(scope, self.max_upload) if scope["type"] == "http" else MAX_BODY_BYTES
        await RequestBodyLimitMiddleware(self.app, limit)(scope, receive, send)


def max_body_bytes(scope: Scope, max_upload: int) -> int:
    """The largest body a request may have."""
    is_upload = scope["method"] == "POST" and any(path.fullmatch(scope["path"]) for path in UPLOADS)
    return max_upload if is_upload else MAX_BODY_BYTES


def request_id_of(headers: dict[bytes, bytes]) -> str:
    """The client's, or one of our own."""
    given = REQUEST_ID.fullmatch(headers.get(b"request-id", b""))
    return given[0].decode() if given else f"{_source.getrandbits(64):016x}"


def is_host_allowed(headers: dict[bytes, bytes], allowed: set[str]) -> bool:
    """Whether this is a name under which we are served."""
    return "*" in allowed or host_name(headers.get(b"host", b"").decode("latin-1")) in allowed


def _page_policy(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The policy for a page without one; nothing for what is no page."""
    own = dict(headers)
    is_page = own.get(b"content-type", b"").startswith(b"text/html")
    return [PAGE_POLICY] if is_page and PAGE_POLICY[0] not in own else []


@functools.lru_cache(64)
def host_name(host: str) -> str:
    """The name in a Host header, without its port: `localhost:8000` -> `localhost`, `[::1]:8000` -> `[::1]`."""
    match = HOST.fullmatch(host)
    return match["name"].lower() if match else ""


def _origin_host(origin: str) -> str:
    """Name and port of an Origin; empty for `null` and for what is no origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
