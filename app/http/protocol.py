"""How bytes become requests: uvicorn's protocol, and two things that it leaves to us. Knows no route.

What is no request is answered as every error is, and told how to write it. And HTTP/1.0, which knows no chunks, is
spoken by uvicorn's other protocol: an answer without a length ends there when the connection does.
"""

import sys
from http import HTTPStatus

import httptools
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import problem
from app.http.guard import BROWSER_HEADERS, HOW_TO_WRITE, request_id_of
from core.errors import BadRequest, GanymedeError, UrlTooLong

MAX_URL = 65_535  # bytes; of the parser
MAX_SHOWN = 200  # bytes of an address
VERSION_1_0 = b"HTTP/1.0"
# What the parsers say, and what may be done about it.
ADDRESS = ("Expected HTTP/", "illegal request line")
FOLDED = "Unexpected whitespace after header value"
METHOD = "the method is none of HTTP, in capitals; or TLS (https) was spoken, and this port speaks http"


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with our answers to what is no HTTP."""

    _line: bytes | None = b""  # what has come of the first line; None: it is known, and was HTTP/1.1

    def data_received(self, data: bytes) -> None:
        if self._line is not None:
            data = self._line + data
            line, end, _ = data.partition(b"\n")
            if not end and len(line) <= MAX_URL:
                self._line = data
                return
            self._line = None
            if line.rstrip().endswith(VERSION_1_0):
                self._hand_over(data)
                return
        super().data_received(data)

    def _hand_over(self, data: bytes) -> None:
        """Hand the connection to another protocol, as uvicorn does for a WebSocket."""
        self.connections.discard(self)
        older = OlderProtocol(self.config, self.server_state, self.app_state, self.loop)
        self.transport.set_protocol(older)
        older.connection_made(self.transport)
        older.data_received(data)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words; they say less than the error
        _refuse(self, self.url)


class OlderProtocol(H11Protocol):
    """HTTP/1.0."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        _refuse(self, b"")


def _refuse(protocol: HttpToolsProtocol | H11Protocol, url: bytes) -> None:
    """Answer the current error and hang up: nobody knows where the next request would begin."""
    error, request_id = _known(sys.exception(), len(url)), request_id_of({})
    path = url.partition(b"?")[0][:MAX_SHOWN].decode("ascii", "replace")
    answer = problem(error, path, request_id)
    own = [(b"request-id", request_id.encode()), *BROWSER_HEADERS, (b"connection", b"close")]
    headers = [*protocol.server_state.default_headers, *answer.raw_headers, *own]
    lines = [b"HTTP/1.1 %d %b" % (error.status, HTTPStatus(error.status).phrase.encode())]
    lines += [b"%b: %b" % header for header in headers]
    protocol.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
    protocol.transport.close()


def _known(error: BaseException | None, size: int) -> GanymedeError:
    """Turn a parser's error into one of ours."""
    if isinstance(error, httptools.HttpParserCallbackError):
        error = error.__context__ or error
    said = str(error)
    if size > MAX_URL:
        return UrlTooLong(
            f"an address may have up to {MAX_URL} bytes, and this one has {size}; "
            "POST /generate takes what GET /generate does as a JSON body"
        )
    if isinstance(error, httptools.HttpParserInvalidURLError) or said.startswith(ADDRESS):
        return BadRequest(f"the address cannot be read ({said}): {HOW_TO_WRITE}")
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return BadRequest(f"this is no request of HTTP/1.1 ({said}): {METHOD}")
    hint = "; a header has to be in one line" if said == FOLDED else ""
    return BadRequest(f"this is no request of HTTP/1.1: {said}{hint}")
