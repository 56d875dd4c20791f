"""A client that hangs up in the middle of its request, at a moment that the test names."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI


async def hang_up(
    app: FastAPI,
    path: str,
    query: dict[str, Any],
    body: bytes,
    headers: dict[str, str],
    when: Callable[[], Awaitable[object]],
) -> list[dict[str, Any]]:
    """POST `body`, and close the connection when `when()` returns; what the app sent before it noticed."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": [(name.lower().encode(), text.encode()) for name, text in {"Host": "localhost", **headers}.items()],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    sent: list[dict[str, Any]] = []
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (part := next(parts, None)) is not None:
            return part
        await when()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 300)
    return sent
