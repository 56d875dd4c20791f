"""How a module of ours is started as a process of its own. Knows nothing of what the module does."""

import sys


def python_module(module: str, *arguments: object) -> list[str]:
    """The command for it. `-P`: a file in the folder that somebody happens to be in is never run in its stead."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]
