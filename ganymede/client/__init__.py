"""The Python client: one object per service, its calls grouped by noun, its answers the types of `ganymede.schemas`.

    with Client() as client:
        run = client.train("mnist-10k", model="mine")
        client.runs.wait(run)
        client.generate(model="mine", seed=42, label=3).save("three.png")

`AsyncClient` is the same for `async` programs: every call is awaited, lists and events are for `async for`.
"""

from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from ganymede.client.blocking import Blocking, blocking, finished
from ganymede.client.calls import ServiceCalls
from ganymede.client.connection import ServiceConnection
from ganymede.client.datasets import Datasets
from ganymede.client.drawing import Drawing
from ganymede.client.models import Models
from ganymede.client.runs import Runs
from ganymede.client.transports import AsyncHttp, BlockingHttp

URL = "http://127.0.0.1:8000"

__all__ = ["URL", "AsyncClient", "Client", "Drawing"]


class AsyncClient(ServiceCalls):
    """A service at one address, for any number of tasks of one event loop. Use as a context, or close it.

    All else is as in `Client`. Who leaves a stream of events before its end closes it with `contextlib.aclosing`.
    Files that are sent or saved are read and written on the event loop.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        timeout: float | None = 30.0,
        key: str | SecretStr | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        retries: int = 2,
    ) -> None:
        super().__init__(
            ServiceConnection(url, AsyncHttp, timeout=timeout, key=key, transport=transport, retries=retries)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._connection.close()


class Client(Blocking):
    """A service at one address. Use as a context, or close it. Not for several threads at once.

    A request that changes nothing, or that carries an Idempotency-Key, is tried again up to `retries` times when the
    connection fails or the service asks to come back later. Errors are those of `ganymede.errors`.

    `key` is shown with every request; where none is given, that of the variable GANYMEDE_API_KEY is. `api_key` is the
    same under its older name.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        timeout: float | None = 30.0,
        key: str | SecretStr | None = None,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        retries: int = 2,
    ) -> None:
        shown = api_key if key is None else key
        self._connection = ServiceConnection(
            url, BlockingHttp, timeout=timeout, key=shown, transport=transport, retries=retries
        )
        calls = ServiceCalls(self._connection)
        super().__init__(calls)
        self.runs, self.models, self.datasets = Runs(calls.runs), Models(calls.models), Datasets(calls.datasets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        finished(self._connection.close())

    @property
    def url(self) -> str:
        return self._connection.url

    @property
    def last_answer(self) -> httpx.Response | None:
        """The newest answer as it came, before it was read into a type."""
        return self._connection.last_answer

    generate = blocking(ServiceCalls.generate)
    morph = blocking(ServiceCalls.morph)
    complete = blocking(ServiceCalls.complete)
    classify = blocking(ServiceCalls.classify)
    say = blocking(ServiceCalls.say)
    inspect = blocking(ServiceCalls.inspect)
    train = blocking(ServiceCalls.train)
    validate = blocking(ServiceCalls.validate)
    train_schema = blocking(ServiceCalls.train_schema)
    alive = blocking(ServiceCalls.alive)
    ready = blocking(ServiceCalls.ready)
    status = blocking(ServiceCalls.status)
    queue = blocking(ServiceCalls.queue)
    workers = blocking(ServiceCalls.workers)
