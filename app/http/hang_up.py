"""Whether a client is still there, and work that nobody waits for any more. Knows no route."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from core.errors import ClientGone

T = TypeVar("T")


async def until_gone(request: Request) -> None:
    """Return when the client hangs up; call it once the body is read, or nobody needs it."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def unless_gone(request: Request, work: Coroutine[Any, Any, T], what: str) -> T:
    """Return the result of `work`; end it and raise ClientGone, naming `what`, when the client hangs up first."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(until_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone(f"the client went away, and {what} ended")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
