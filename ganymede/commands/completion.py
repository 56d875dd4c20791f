"""What the shell completes that only the service knows: ids of runs, names of models and datasets. Knows no route.

A service that is away, slow or closed to us completes nothing; no error is told in the midst of typing.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from ganymede.commands.session import SERVICE

if TYPE_CHECKING:
    from ganymede.client import Client

AT_MOST_S = 2.0
MOST = 50


def runs(context: typer.Context, incomplete: str) -> list[str]:
    return _known(context, incomplete, lambda client: (run.id for run in client.runs.list(limit=MOST)))


def models(context: typer.Context, incomplete: str) -> list[str]:
    return _known(context, incomplete, lambda client: (model.name for model in client.models.list()))


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Names of models; once one alone is meant, its versions as NAME@VERSION."""
    name = incomplete.partition("@")[0]
    found = models(context, name)
    if len(found) != 1 and name not in found:
        return found
    model = name if name in found else found[0]
    return _known(
        context, incomplete, lambda client: (f"{model}@{each.version}" for each in client.models.versions(model))
    )


def datasets(context: typer.Context, incomplete: str) -> list[str]:
    return _known(context, incomplete, lambda client: (dataset.name for dataset in client.datasets.list()))


def _known(context: typer.Context, incomplete: str, names: "Callable[[Client], Iterable[str]]") -> list[str]:
    from ganymede.errors import ClientError

    with contextlib.suppress(ClientError, ValueError), _client(context) as client:
        return [name for name in names(client) if name.startswith(incomplete)]
    return []


@contextlib.contextmanager
def _client(context: typer.Context) -> "Iterator[Client]":
    from ganymede.client import Client  # here: `ganymede --help` needs no HTTP

    with Client(context.params.get("url") or SERVICE, timeout=AT_MOST_S, retries=0) as client:
        yield client
