"""How many cores there are for this process."""

import os


def available_cores() -> int:
    """Cores this process may use; macOS does not tell which, so there it is all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
