"""Server-sent events, as bytes to messages: the parser of the WHATWG standard. Knows no connection.

Own code, because httpx-sse differs from the standard: it takes a byte order mark for a part of the first field's name,
and holds back a line that ends in a CR at the end of a chunk until more bytes come.
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `last_id` is the newest id of the stream, not necessarily its own."""

    type: str
    data: str
    last_id: str


class MessageParser:
    """Takes bytes in any pieces; never yields a message that no blank line ends."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_s: float | None = None  # how long the server asks to wait before connecting again
        self._rest = b""
        self._is_start, self._after_cr = True, False
        self._type, self._data = "", list[str]()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        if chunk and self._after_cr:  # the other half of CR LF
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        self._rest += chunk
        if self._is_start and len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
            return  # perhaps half of a byte order mark
        if self._is_start:
            self._rest, self._is_start = self._rest.removeprefix(_BOM), False
        begin = 0
        for end in _END_OF_LINE.finditer(self._rest):
            line, begin = self._rest[begin : end.start()], end.end()
            if line:
                self._take(line.decode("utf-8", errors="replace"))
            elif (message := self._finish()) is not None:
                yield message
        self._after_cr = self._after_cr or self._rest.endswith(b"\r")
        self._rest = self._rest[begin:]

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")  # a comment has no name
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_s = int(value) / 1000

    def _finish(self) -> Message | None:
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        return Message(kind, "\n".join(data), self.last_id) if data else None
