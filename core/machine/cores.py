"""How many cores there are for this process."""

import math
import os

from core.machine.cgroup import cpu_quota


def available_cores() -> int:
    """Count the cores this process may use: its affinity, limited by a container's CPU quota.

    A part of a core counts as one, or it would stay idle. macOS has no affinity: there all cores count.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))
