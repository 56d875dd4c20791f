"""Messages between the API and its engine process: a line of JSON, and bytes behind it. No pickle. Knows no meaning.

Shape suffixes: H height, W width, A channels of a picture, and whether a pixel is known.
"""

import asyncio
import json
import math
import socket
import struct
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from app.engine.batch import Rows
from app.engine.commands import RefineCommand, Refined, TensorList
from core.media.images import Images
from models.context import Descent

_LENGTHS = struct.Struct("!IQ")  # bytes of the JSON, and of the block behind it
Frame = tuple[Any, memoryview]  # a command or an answer of app/engine/commands.py, and what came behind it


def pack(message: Mapping[str, object], *blocks: Any) -> bytes:
    """Pack a message and its blocks (bytes or C-contiguous arrays, which arrive as one)."""
    text = json.dumps(message).encode()
    views = [memoryview(block).cast("B") for block in blocks]
    return b"".join((_LENGTHS.pack(len(text), sum(map(len, views))), text, *views))


def pack_rows(rows: Rows) -> tuple[TensorList, list[Any]]:
    """Split rows into the part for the message and the blocks."""
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in rows.tensors.items()}
    return [(name, array.dtype.str, array.shape) for name, array in arrays.items()], list(arrays.values())


def unpack_rows(tensors: TensorList, block: memoryview) -> Rows:
    """Restore the rows of a message; copied, because in it they lie at any address."""
    arrays, at = {}, 0
    for name, dtype, shape in tensors:
        arrays[name] = np.frombuffer(block, dtype, math.prod(shape), at).reshape(shape).copy()
        at += arrays[name].nbytes
    return Rows(arrays)


def pack_descent(draft: Descent, picture_HWA: Images | None = None) -> tuple[TensorList, list[Any]]:
    """Split the numbers of a search, and the picture where it is sent, as `pack_rows` does."""
    tensors = {"noise": draft.noise, "mean": draft.mean, "square": draft.square}
    return pack_rows(Rows(tensors if picture_HWA is None else {**tensors, "picture": picture_HWA}))


def unpack_descent(message: RefineCommand | Refined, label: int | None, block: memoryview) -> tuple[Descent, Images]:
    """Restore them; no picture, where none was sent."""
    tensors = dict(unpack_rows(message["tensors"], block).tensors)
    picture_HWA = tensors.pop("picture", np.empty(0, np.uint8))
    return Descent(**tensors, label=label, step=message["step"], distance=message["distance"]), picture_HWA


def receive(connection: socket.socket) -> Frame:
    """Return the next message; EOFError or OSError when the other side is gone."""
    text, block = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size))
    return _unpack(text, _exactly(connection, text + block))


class Connection(asyncio.BufferedProtocol):
    """The event loop's side: one message goes out, one comes back. Bytes are copied once, into their place."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._text: int | None = None  # bytes of JSON in the message that comes; None: its lengths come
        self._content, self._filled = bytearray(_LENGTHS.size), 0

    async def exchange(self, message: bytes) -> Frame:
        """Return the answer to a packed message, one at a time; ConnectionError when the other side is gone."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, _: int) -> memoryview:
        return memoryview(self._content)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if self._filled < len(self._content):
            return
        content, text = self._content, self._text
        if text is None:
            self._text, block = _LENGTHS.unpack(content)
            self._content, self._filled = bytearray(self._text + block), 0
            return
        self._text, self._content, self._filled = None, bytearray(_LENGTHS.size), 0
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(_unpack(text, content))

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())


def _unpack(text: int, content: bytearray) -> Frame:
    return json.loads(content[:text]), memoryview(content)[text:]


def _exactly(connection: socket.socket, length: int) -> bytearray:
    content = bytearray(length)
    view, at = memoryview(content), 0
    while at < length:
        read = connection.recv_into(view[at:])
        if not read:
            raise EOFError
        at += read
    return content
