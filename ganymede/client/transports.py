"""Two ways to send, httpx.Client and httpx.AsyncClient, behind the same coroutines. Knows no service.

Those of BlockingHttp never suspend, so no event loop is needed to run them (ganymede/client/blocking.py).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer whose body is read as it comes; that of a refusal has been read."""

    head: httpx.Response
    chunks: AsyncIterator[bytes]


class Http(Protocol):
    """What a ServiceConnection sends with; options and errors are those of httpx."""

    async def request(self, method: str, path: str, **asked: Any) -> httpx.Response: ...

    def stream(self, path: str, **asked: Any) -> AbstractAsyncContextManager[StreamedAnswer]: ...

    async def sleep(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


class BlockingHttp:
    def __init__(self, **options: Any) -> None:
        self._client = httpx.Client(**options)

    async def request(self, method: str, path: str, **asked: Any) -> httpx.Response:
        return self._client.request(method, path, **asked)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, **asked: Any) -> AsyncIterator[StreamedAnswer]:
        with self._client.stream("GET", path, **asked) as answer:
            if not answer.is_success:
                answer.read()
            yield StreamedAnswer(answer, _chunks(answer))

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def close(self) -> None:
        self._client.close()


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    for chunk in answer.iter_bytes():
        yield chunk


class AsyncHttp:
    def __init__(self, **options: Any) -> None:
        self._client = httpx.AsyncClient(**options)

    async def request(self, method: str, path: str, **asked: Any) -> httpx.Response:
        return await self._client.request(method, path, **asked)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, **asked: Any) -> AsyncIterator[StreamedAnswer]:
        async with self._client.stream("GET", path, **asked) as answer:
            if not answer.is_success:
                await answer.aread()
            yield StreamedAnswer(answer, answer.aiter_bytes())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        await self._client.aclose()
