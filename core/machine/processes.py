"""How a module of ours is started as a process of its own. Knows nothing of what the module does."""

import sys


def python_module(module: str, *arguments: object) -> list[str]:
    """Return the command for it. `-P`: never run a file of that name in the current folder."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]
