"""The worker's connection to Redis. Knows no run.

RQ asks the server for the address of the connection, to show it. On a Unix socket that is its path, and the parser of
redis-py fails at one with white space or `=` in it.
"""

import re

from redis import Redis

ADDRESS = re.compile(r"(?:\A| )addr=(.*?)(?= laddr=| fd=|\Z)", re.DOTALL)


def connect(url: str) -> Redis:
    """A connection that waits as long as RQ wants to, whatever the socket's path is."""
    connection = Redis.from_url(url)
    connection.set_response_callback("CLIENT INFO", _address)
    connection.set_response_callback("CLIENT LIST", lambda *_, **__: [])  # asked only by old servers and in vain
    return connection


def _address(reply: bytes | str, **_: object) -> dict[str, str]:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    found = ADDRESS.search(text)
    return {"addr": found[1] if found else "unknown"}
