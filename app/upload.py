"""Multipart bodies, part by part onto the disk: never whole in memory. Knows no route and none of their contents."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from core.errors import FieldProblem, InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

NEEDS_MULTIPART = "Content-Type: multipart/form-data with a boundary is needed"


async def receive_parts(request: Request, folder: Path, limits: Mapping[str, int]) -> None:
    """Write each part of a body to `folder` / its name. `limits` has the largest size, in bytes, of every part.

    Raises:
        InvalidRequest: it is no multipart body or ends too soon, a part is missing, unknown, there twice or too large.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest(NEEDS_MULTIPART, [FieldProblem("", NEEDS_MULTIPART)])
    writer = _Writer(folder, limits)
    try:
        parser = MultipartParser(boundary, writer.callbacks)
        async for chunk in request.stream():
            await run_in_threadpool(parser.write, chunk)
    except FormParserError as error:
        raise InvalidRequest(f"the body is not multipart/form-data: {error}") from None
    except ClientDisconnect:
        raise InvalidRequest("the client went away") from None  # nobody hears it; the log is spared a traceback
    finally:
        writer.close()
    writer.check_complete()


class _Writer:
    """What the parser calls: one open file at a time."""

    def __init__(self, folder: Path, limits: Mapping[str, int]) -> None:
        self.folder, self.limits = folder, limits
        self.written: dict[str, int] = {}
        self._name, self._is_over = "", False
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
        if missing := [name for name in self.limits if name not in self.written]:
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
        if name not in self.limits:  # the name becomes a path: nothing but these
            raise InvalidRequest(f"the parts are {', '.join(self.limits)}; got one named {name[:80]!r}")
        if name in self.written:
            raise InvalidRequest.field(f"/{name}", "is there twice")
        self._name, self.written[name] = name, 0
        self._file = (self.folder / name).open("xb")

    def _write(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        self.written[self._name] += end - start
        if self.written[self._name] > self.limits[self._name]:
            raise InvalidRequest.field(f"/{self._name}", f"may have up to {self.limits[self._name]} bytes")
        self._file.write(data[start:end])

    def _end(self) -> None:
        self._is_over = True
