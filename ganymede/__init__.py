"""What people use: the `ganymede` command and the Python client. Runs without torch; the servers are processes.

from ganymede import Client
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganymede.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Load the client when it is asked for: the service, which imports ganymede.schemas, needs none of it."""
    if name == "Client":
        from ganymede.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
