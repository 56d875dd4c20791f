"""Coroutines called as plain functions: how the blocking client is made of the other one. Knows no route.

All that the service can be asked is written once, as coroutines. Those of a connection over BlockingHttp never suspend:
their first step is their last, and needs no event loop. So they work where one runs already, as in a notebook.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """Has the methods of `calls`, as functions that return when all is done."""

    def __init__(self, calls: object) -> None:
        self._calls = calls


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends; return what it returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        coroutine.close()
    raise AssertionError("a blocking client waits for no event loop")


def blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Blocking, P], T]:
    """The same method of a Blocking."""

    @functools.wraps(method, assigned=("__name__", "__doc__"), updated=())
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finished(method(self._calls, *args, **kwargs))

    return call


def blocking_iterator(
    method: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Blocking, P], Iterator[T]]:
    """The same method of a Blocking, for one that yields."""

    @functools.wraps(method, assigned=("__name__", "__doc__"), updated=())
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return _each(method(self._calls, *args, **kwargs))

    return call


def _each(steps: AsyncGenerator[T, None]) -> Iterator[T]:
    try:
        while True:
            try:
                item = finished(anext(steps))
            except StopAsyncIteration:
                return
            yield item
    finally:  # closes what it has open
        finished(steps.aclose())
