"""Answers in gzip, for clients that take it: JSON, text, HTML, scripts, styles. Knows no route.

ISA-L, which writes our PNG, is four times as fast as zlib, for a tenth more bytes. What is small, a part of a file,
an event stream, a picture or compressed already is sent as it is. An ETag names bytes: in gzip it ends in `-gzip`, and
is heeded with that ending where a client sends it back, also in If-Match.
"""

import re
from typing import Any

from anyio import to_thread
from isal import isal_zlib
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.negotiation import ANY, entries

LEAST_BYTES = 1000  # a shorter answer fits into one packet as it is
MOST_BYTES = 1 << 18  # that the event loop compresses itself, in some 2 ms
LEVEL, GZIP = 3, 31  # of ISA-L; the window, with the header of gzip, whose time is 0
KINDS = frozenset({"application/json", "application/problem+json", "application/schema+json", "image/svg+xml"})
STREAM = "text/event-stream"
TAG = re.compile(rb'((?:[Ww]/)?"[^"]*)"')
OURS = re.compile(rb'-gzip"')
CONDITIONS = (b"if-match", b"if-none-match")
NOT_MODIFIED, PARTIAL = 304, 206
PICTURES = "/generate"


class Compression:
    """Middleware. Answers of /generate pass as they are, since FastPath, further out, gives some of the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("path") == PICTURES:
            await self.app(scope, receive, send)
            return
        headers = [(name, OURS.sub(b'"', value) if name in CONDITIONS else value) for name, value in scope["headers"]]
        is_tagged = headers != scope["headers"]
        takes_gzip = takes(", ".join(Headers(scope=scope).getlist("accept-encoding")))
        answer = CompressibleAnswer(send, takes_gzip, is_tagged)
        await self.app({**scope, "headers": headers} if is_tagged else scope, receive, answer.send)


def takes(accept_encoding: str) -> bool:
    """Whether a client takes gzip, and no less gladly than what is not compressed."""
    if "gzip" not in accept_encoding.lower() and "*" not in accept_encoding:
        return False
    weights = {"*" if kind == ANY else kind: weight for kind, weight, _ in entries(accept_encoding)}
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return weight > 0 and weight >= weights.get("identity", 0.0)


class CompressibleAnswer:
    """Sends one answer on, in gzip if that is worth it."""

    def __init__(self, send: Send, takes_gzip: bool, is_tagged: bool) -> None:
        self._send, self.takes_gzip, self.is_tagged = send, takes_gzip, is_tagged
        self._start: Message | None = None  # held back until the first part of the body shows what becomes of it
        self._gzip: Any = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._look(message)
            if self._start is None:
                await self._send(message)
        elif message["type"] == "http.response.body" and (self._start or self._gzip):
            await self._body(message)
        else:
            await self._send(message)

    def _look(self, start: Message) -> None:
        headers = MutableHeaders(raw=start["headers"])
        if start["status"] == NOT_MODIFIED and self.is_tagged and self.takes_gzip:
            _tag(headers)
        if not _is_text(headers):
            return
        headers.add_vary_header("Accept-Encoding")
        is_small = int(headers.get("content-length", LEAST_BYTES)) < LEAST_BYTES
        if self.takes_gzip and not is_small and start["status"] != PARTIAL and "content-encoding" not in headers:
            self._start = start

    async def _body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            if not more and len(body) < LEAST_BYTES:
                await self._send(start)
                await self._send(message)
                return
            self._gzip = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)
            headers = MutableHeaders(raw=start["headers"])
            for name in ("content-length", "accept-ranges"):
                del headers[name]
            headers["content-encoding"] = "gzip"
            _tag(headers)
            packed = await self._packed(body, more)
            if not more:
                headers["content-length"] = str(len(packed))
            await self._send(start)
        else:
            packed = await self._packed(body, more)
        if packed or not more:
            await self._send({**message, "body": packed})

    async def _packed(self, body: bytes, more: bool) -> bytes:
        def pack() -> bytes:
            return bytes(self._gzip.compress(body) + (b"" if more else self._gzip.flush()))

        return await to_thread.run_sync(pack) if len(body) > MOST_BYTES else pack()


def _is_text(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return (kind.startswith("text/") and kind != STREAM) or kind in KINDS


def _tag(headers: MutableHeaders) -> None:
    """Let a strong ETag name the bytes in gzip; a weak one names them all."""
    if headers.get("etag", "").startswith('"'):
        headers["etag"] = TAG.sub(rb'\1-gzip"', headers["etag"].encode("latin-1")).decode("latin-1")
