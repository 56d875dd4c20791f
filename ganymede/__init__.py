"""What people use: the `ganymede` command and the Python clients. Runs without torch; the servers are processes.

from ganymede import Client, AsyncClient
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganymede.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    """Load the clients when one is asked for: the service, which imports ganymede.schemas, needs none of it."""
    if name in __all__:
        from ganymede import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
