"""Messages between the API and its painter: a line of JSON, and bytes behind it. No pickle. Knows no command."""

import asyncio
import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct("!IQ")  # bytes of the JSON, and of the block behind it
Message = tuple[dict[str, Any], memoryview]


def pack(message: dict[str, Any], *blocks: Any) -> bytes:
    """A message and its blocks (bytes or C-contiguous arrays, which arrive as one), as they are sent."""
    text = json.dumps(message).encode()
    views = [memoryview(block).cast("B") for block in blocks]
    return b"".join((_LENGTHS.pack(len(text), sum(map(len, views))), text, *views))


async def read(reader: asyncio.StreamReader) -> Message:
    """The next message. IncompleteReadError or OSError when the other side is gone."""
    text, block = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    return _unpack(text, await reader.readexactly(text + block))


def receive(connection: socket.socket) -> Message:
    """The next message. EOFError or OSError when the other side is gone."""
    text, block = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size))
    return _unpack(text, _exactly(connection, text + block))


def _unpack(text: int, content: bytes | bytearray) -> Message:
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
