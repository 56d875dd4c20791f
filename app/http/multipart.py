"""Multipart bodies, part by part onto the disk: never whole in memory. Knows no route and none of their contents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from core.errors import FieldProblem, InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_REPEATS = 16
MAX_FILENAME = 100  # characters
NEEDS_MULTIPART = "Content-Type: multipart/form-data with a boundary is needed"


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What a body may have under one name."""

    max_bytes: int
    is_needed: bool = True
    may_repeat: bool = False
    most: int = MAX_REPEATS  # of those that may repeat


@dataclass(frozen=True, slots=True)
class Received:
    """A part written to `path`; `filename` is the sender's name for it, and no path here."""

    name: str
    path: Path
    filename: str


def body_size(request: Request) -> int | None:
    """Return the bytes that a body is announced to have; None where it is not."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() else None


async def receive_parts(
    request: Request,
    folder: Path,
    parts: Mapping[str, PartLimits],
    *,
    count: Callable[[int], None] = lambda _bytes: None,
    check: Callable[[str, list[Received]], None] = lambda _name, _before: None,
) -> list[Received]:
    """Write each part to `folder` / its name; repeated parts to NAME-0, NAME-1 ...

    `count` gets the bytes of each chunk. `check` gets each new part and those already complete; it may raise.

    Raises:
        InvalidRequest: the body is not multipart or is cut short; a part is missing, unknown, repeated too often or too
            large.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest(NEEDS_MULTIPART, [FieldProblem("", NEEDS_MULTIPART)])
    writer = _Writer(folder, parts, check)
    try:
        parser = MultipartParser(boundary, writer.callbacks)
        async for chunk in request.stream():
            await run_in_threadpool(parser.write, chunk)
            count(len(chunk))
    except FormParserError as error:
        raise InvalidRequest(f"the body is not multipart/form-data: {error}") from None
    except ClientDisconnect:
        raise InvalidRequest("the client went away") from None  # nobody hears it; the log is spared a traceback
    finally:
        writer.close()
    writer.check_complete()
    return writer.received


class _Writer:
    """Callbacks for the parser; one open file at a time."""

    def __init__(
        self, folder: Path, parts: Mapping[str, PartLimits], check: Callable[[str, list[Received]], None]
    ) -> None:
        self.folder, self.parts, self.check = folder, parts, check
        self.received: list[Received] = []
        self._name, self._written, self._is_over = "", 0, False
        self._file: BinaryIO | None = None
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def check_complete(self) -> None:
        if not self._is_over:
            raise InvalidRequest("the body ends before its last boundary")
        there = {part.name for part in self.received}
        if missing := [name for name, part in self.parts.items() if part.is_needed and name not in there]:
            raise InvalidRequest(
                f"parts are missing: {', '.join(missing)}", [FieldProblem(f"/{name}", "is missing") for name in missing]
            )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._disposition = b""

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in self.parts:  # the name becomes a path: nothing but these
            raise InvalidRequest(f"the parts are {', '.join(self.parts)}; got one named {name[:80]!r}")
        before = sum(part.name == name for part in self.received)
        if before and not self.parts[name].may_repeat:
            raise InvalidRequest.field(f"/{name}", "is there twice")
        if before >= self.parts[name].most:
            raise InvalidRequest.field(f"/{name}", f"may be there up to {self.parts[name].most} times")
        self.check(name, self.received)
        path = self.folder / (f"{name}-{before}" if self.parts[name].may_repeat else name)
        self.received.append(Received(name, path, _shown(options.get(b"filename", b""), name)))
        self._name, self._written = name, 0
        self._file = path.open("xb")

    def _write(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        self._written += end - start
        if self._written > self.parts[self._name].max_bytes:
            raise InvalidRequest.field(f"/{self._name}", f"may have up to {self.parts[self._name].max_bytes} bytes")
        self._file.write(data[start:end])

    def _end(self) -> None:
        self._is_over = True


def _shown(filename: bytes, default: str) -> str:
    """Return a sender's file name for messages."""
    name = PurePosixPath(filename.decode("utf-8", "replace").replace("\\", "/")).name
    return "".join(c if c.isprintable() else "?" for c in name)[:MAX_FILENAME] or default
