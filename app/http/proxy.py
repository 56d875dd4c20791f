"""A proxy in front: under which prefix it shows the service, and which of its headers are believed. Knows no route.

A proxy may strip the prefix or pass it on: inside there is none, and every address that is told has it, without a host.
Pure ASGI, and the outermost: all others see the plain address.
"""

import contextlib
from collections.abc import Awaitable, Iterable
from contextvars import ContextVar
from typing import cast
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.network.proxies import checked_prefix, is_among, networks

FORWARDED = frozenset({b"x-forwarded-prefix", b"x-forwarded-host", b"x-forwarded-proto"})
SCHEMES = frozenset({"http", "https"})
REDIRECTS = range(300, 309)

_prefix: ContextVar[str] = ContextVar("prefix", default="")


def address(path: str) -> str:
    """Return a path as the client of the current request must write it."""
    return _prefix.get() + path


def forwarded_host(scope: Scope) -> str | None:
    """Return the Host that a trusted proxy received, if it says so."""
    return cast(str | None, scope.get("state", {}).get("forwarded_host"))


class Proxy:
    """Middleware; a prefix is never mistaken for `own`, the first parts of the service's addresses."""

    def __init__(self, app: ASGIApp, root_path: str, trusted: tuple[str, ...], own: Iterable[str]) -> None:
        self.app, self.root_path = app, root_path
        self._trusted, self._own = networks(trusted), frozenset(own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        prefix = self.root_path
        headers = {name: value for name, value in scope["headers"] if name in FORWARDED}
        if headers and is_among((scope.get("client") or ("",))[0], self._trusted):
            prefix = _believed(scope, headers) or prefix
        _prefix.set(prefix)
        if prefix and prefix.split("/", 2)[1] not in self._own:
            _strip(scope, prefix)

        def send_here(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start" and message["status"] in REDIRECTS:
                message["headers"] = [_without_host(*header) for header in message["headers"]]
            return send(message)

        await self.app(scope, receive, send_here)


def _believed(scope: Scope, headers: dict[bytes, bytes]) -> str:
    """Adopt the scheme and host that a proxy reports; return its prefix if valid."""
    given = {name: value.decode("latin-1").strip() for name, value in headers.items()}
    scheme = given.get(b"x-forwarded-proto", "").partition(",")[0].strip().lower()
    if scheme in SCHEMES:
        scope["scheme"] = scheme
    if host := given.get(b"x-forwarded-host", "").partition(",")[0].strip():
        scope.setdefault("state", {})["forwarded_host"] = host
    with contextlib.suppress(ValueError):  # several proxies, one behind the other, each add theirs
        return "".join(checked_prefix(part) for part in given.get(b"x-forwarded-prefix", "").split(","))
    return ""


def _strip(scope: Scope, prefix: str) -> None:
    """Remove the prefix from the address, if the proxy left it there."""
    path, raw = scope["path"], scope.get("raw_path") or b""
    if path == prefix or path.startswith(f"{prefix}/"):
        scope["path"] = path[len(prefix) :] or "/"
        if raw.startswith(prefix.encode()):
            scope["raw_path"] = raw[len(prefix) :] or b"/"


def _without_host(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Make a redirect relative: the framework uses the Host, which behind a proxy is an internal name."""
    if name == b"location" and b"://" in value:
        parts = urlsplit(value.decode("latin-1"))
        value = address(parts._replace(scheme="", netloc="").geturl()).encode("latin-1")
    return name, value
