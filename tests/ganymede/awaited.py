"""The blocking client spoken to as the other one is, so that a test says once what both do."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

from ganymede import AsyncClient, Client
from ganymede.client.blocking import Blocking

KINDS = ("Client", "AsyncClient")


@asynccontextmanager
async def talking(kind: str, url: str, **options: Any) -> AsyncIterator[AsyncClient]:
    """A client of a service; one of KINDS."""
    if kind == "AsyncClient":
        async with AsyncClient(url, **options) as client:
            yield client
        return
    with Client(url, **options) as blocking:
        yield cast(AsyncClient, Awaited(blocking))


class Awaited:
    """Each call of a blocking client as a coroutine, each iterator of it as one for `async for`."""

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blocking, name)
        if isinstance(found, Blocking):
            return Awaited(found)
        return _awaited(found) if callable(found) else found


def _awaited(call: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        return _each(answer) if isinstance(answer, Iterator) else _whole(answer)

    async def _whole(answer: object) -> object:
        return answer

    async def _each(answers: Iterator[object]) -> AsyncIterator[object]:
        try:
            for answer in answers:
                yield answer
        finally:
            answers.close()  # type: ignore[attr-defined]  # a generator

    return made
