"""Messages between the API and its painter: a line of JSON and blocks of bytes. No pickle. Knows no command."""

import json
from multiprocessing.connection import Connection
from typing import Any


def send(connection: Connection, message: dict[str, Any], *blocks: Any) -> None:
    """A message, and blocks: bytes or C-contiguous arrays."""
    connection.send_bytes(json.dumps(message | {"blocks": len(blocks)} if blocks else message).encode())
    for block in blocks:
        connection.send_bytes(memoryview(block).cast("B"))


def receive(connection: Connection) -> dict[str, Any]:
    """A message; its blocks come after it. EOFError or OSError when the other side is gone."""
    message: dict[str, Any] = json.loads(connection.recv_bytes())
    return message


def receive_block(connection: Connection) -> bytearray:
    """One block, in memory of its own that may be written to."""
    return bytearray(connection.recv_bytes())
