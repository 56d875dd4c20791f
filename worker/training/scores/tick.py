"""What long work calls between two parts of it: who waits sees how far it is, and may end it by raising."""

from collections.abc import Callable

Tick = Callable[[], None]


def unwatched() -> None:
    """Nobody looks, and nothing is to end."""
