"""What every request passes first: a request id, the Host and Origin checks, its key, the size of its body. Knows no
route.

What every answer gets: the id, and the headers that keep a browser from making more of it than it is.

A browser can reach a service on loopback, so a page anywhere could have it work: a Host that is not ours means DNS
rebinding, a foreign Origin means another site's form or script.

Pure ASGI: nothing stands between a route and its connection. All of it runs for each picture: it looks at each header
once, and no coroutine of its own is in the way of what is sent.
"""

import functools
import ipaddress
import random
import re
from collections.abc import Awaitable, Iterable
from urllib.parse import quote, unquote_to_bytes

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import answer
from app.http.access import Access, private
from app.http.proxy import forwarded_host
from app.http.routing import SAFE_METHODS
from app.http.telemetry import Telemetry
from core.errors import BadRequest, BodyTooLarge, GanymedeError, HostNotAllowed, OriginNotAllowed
from core.log import REQUEST_ID as CURRENT_REQUEST_ID
from core.network.hosts import is_served, served_host

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{0,5}))?")
DEFAULT_PORTS = {"http": "80", "https": "443"}
PROBES = frozenset({"/livez", "/readyz"})
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
HOW_TO_WRITE = (
    "it begins with /, and whatever is no visible character of ASCII is percent-encoded, as UTF-8 "
    "(a space is %20, \u00fc is %C3%BC, % itself is %25)"
)
HOW_TO_BE_ONE = "and a proxy has to pass Host on as it came (GANYMEDE_ALLOWED_HOSTS lists the names that are served)"
LISTS = frozenset({b"accept", b"if-match", b"if-none-match"})  # of the headers that are read here
MAX_BODY_BYTES = 1 << 20
# Paths whose POST may send GANYMEDE_MAX_UPLOAD bytes.
UPLOADS = (re.compile(r"/models/[^/]+/versions"), re.compile(r"/datasets"))
LARGER = {"/classify": 1 << 26}  # bytes that the POST of a path may send; no more than GANYMEDE_MAX_UPLOAD
BROWSER_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# For a page that does not bring its own: it may load nothing, and stand in no frame.
PAGE_POLICY = (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'")

_source = random.Random()  # seeded by the system, once: an id is no secret, and each question to the system costs 20 us


class Guard:
    """Middleware that refuses unsafe requests with problem documents."""

    def __init__(
        self, app: ASGIApp, allowed_hosts: tuple[str, ...], max_upload: int, telemetry: Telemetry, access: Access
    ) -> None:
        self.app, self.allowed_hosts = app, frozenset(map(served_host, allowed_hosts))
        self.max_upload, self.telemetry, self.access = max_upload, telemetry, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of two with one name the first counts
        if len(headers) < len(scope["headers"]):
            scope["headers"] = joined(scope["headers"])
        request_id = request_id_of(headers)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        CURRENT_REQUEST_ID.set(request_id)  # until the next one: also what is logged further out names it

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                own = message["headers"]
                if "key" in state:
                    own = [*private(own), *state.get("rate", ())]
                message["headers"] = [*own, (b"request-id", request_id.encode()), *BROWSER_HEADERS, *_page_policy(own)]
            return send(message)

        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self.app(scope, receive, send_with_id)
            return
        self.telemetry.rejected.labels(refusal.code).inc()
        await answer(Request(scope), refusal)(scope, receive, send_with_id)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> GanymedeError | None:
        for part in (scope.get("raw_path") or b"", scope["query_string"]):
            if b"%" in part and (wrong := _misspelt(part)):
                return BadRequest(f"the address cannot be read ({wrong}): {HOW_TO_WRITE}")
        if not is_host_allowed(headers, self.allowed_hosts) and not is_probe(scope):
            host = headers.get(b"host", b"").decode("latin-1")
            return HostNotAllowed(f"Host {host[:100]!r} is not served here; see GANYMEDE_ALLOWED_HOSTS")
        if scope["method"] not in SAFE_METHODS and (error := _foreign(self._as_asked(scope, headers))):
            return error
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > (limit := max_body_bytes(scope, self.max_upload)):
            return BodyTooLarge(f"a body may have up to {limit} bytes here; this one has {int(length)}")
        return self.access.refusal(scope, headers)

    def _as_asked(self, scope: Scope, headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Replace the Host by the one that a trusted proxy received, if that is one of ours."""
        asked = forwarded_host(scope)
        as_asked = {**headers, b"host": asked.encode("latin-1")} if asked else headers
        return as_asked if is_host_allowed(as_asked, self.allowed_hosts) else headers


class BodyLimit:
    """Middleware that counts a body while it arrives: the only limit of one sent without a length."""

    def __init__(self, app: ASGIApp, max_upload: int) -> None:
        self.app, self.max_upload = app, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = max_body_bytes(scope, self.max_upload) if scope["type"] == "http" else MAX_BODY_BYTES
        await RequestBodyLimitMiddleware(self.app, limit)(scope, receive, send)


def max_body_bytes(scope: Scope, max_upload: int) -> int:
    if scope["method"] != "POST":
        return MAX_BODY_BYTES
    if any(path.fullmatch(scope["path"]) for path in UPLOADS):
        return max_upload
    return min(max_upload, LARGER.get(scope["path"], MAX_BODY_BYTES))


def joined(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join each list header into one line, whatever number of lines it had (RFC 9110, 5.3)."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        lines.setdefault(name, []).append(value)
    return [
        (name, value) for name, values in lines.items() for value in ([b", ".join(values)] if name in LISTS else values)
    ]


def request_id_of(headers: dict[bytes, bytes]) -> str:
    given = REQUEST_ID.fullmatch(headers.get(b"request-id", b""))
    return given[0].decode() if given else f"{_source.getrandbits(64):016x}"


def is_host_allowed(headers: dict[bytes, bytes], allowed: frozenset[str]) -> bool:
    """Return whether this is a name under which we are served."""
    return is_served(host_name(headers.get(b"host", b"").decode("latin-1")), allowed)


def _page_policy(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the policy of a page that has none; nothing for other content."""
    own = dict(headers)
    is_page = own.get(b"content-type", b"").startswith(b"text/html")
    return [PAGE_POLICY] if is_page and PAGE_POLICY[0] not in own else []


def is_probe(scope: Scope) -> bool:
    """Return whether this is a health check: by address, or (HTTP/1.0) without any Host."""
    return scope["method"] in SAFE_METHODS and scope["path"] in PROBES


@functools.lru_cache(64)
def host_name(host: str) -> str:
    """Strip the port of a Host header: `localhost:8000` -> `localhost`, `[::1]:8000` -> `[::1]`."""
    return _split(host)[0]


def _misspelt(part: bytes) -> str | None:
    """Describe a wrong escape in a path or query; None if there is none."""
    if escape := BAD_ESCAPE.search(part):
        return f"{escape[0].decode('latin-1')!r} stands for no character"
    decoded = unquote_to_bytes(part)
    if b"\0" in decoded:
        return "%00 may stand nowhere"
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        return f"{quote(decoded[error.start : error.end])!r} is no UTF-8"
    return None


def _foreign(headers: dict[bytes, bytes]) -> OriginNotAllowed | None:
    """Refuse a change requested by another site's page; None for any other request."""
    host = headers.get(b"host", b"").decode("latin-1")
    sides = f"at Host {host[:100]!r}"
    if b"origin" in headers:
        origin = headers[b"origin"].decode("latin-1")
        if not _is_same(origin, host):
            told = f"a page of Origin {origin[:100]!r} may not change anything {sides}"
            return OriginNotAllowed(f"{told}: both have to be the same, {HOW_TO_BE_ONE}")
        sides += f", Origin {origin[:100]!r}"
    if headers.get(b"sec-fetch-site") == b"cross-site":
        told = f"a page of another site (Sec-Fetch-Site: cross-site) may not change anything {sides}"
        return OriginNotAllowed(f"{told}: open one of the service's own, {HOW_TO_BE_ONE}")
    return None


def _is_same(origin: str, host: str) -> bool:
    """Return whether an Origin has the name and port of a Host; a missing port is the default of its scheme."""
    scheme, _, rest = origin.partition("://")
    default = DEFAULT_PORTS.get(scheme.lower())
    if default is None:  # `null` too
        return False
    (name, port), (own, own_port) = _split(rest), _split(host)
    return bool(name) and (name, port or default) == (own, own_port or default)


def _split(host: str) -> tuple[str, str]:
    """Split a host into name and port (each may be empty): lower case, no final dot, IPv6 in short form."""
    match = HOST.fullmatch(host)
    if match is None:
        return "", ""
    name, port = match["name"].lower(), str(int(match["port"])) if match["port"] else ""
    if not name.startswith("["):
        return name.removesuffix("."), port
    try:
        return f"[{ipaddress.IPv6Address(name[1:-1])}]", port
    except ValueError:
        return "", ""
