"""Whether a client is still there. Knows no route."""

from starlette.requests import Request


async def until_gone(request: Request) -> None:
    """Comes to its end when the client has hung up; the body has to be read by then, or nobody's concern."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
