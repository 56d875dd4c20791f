"""How many cores there are for this process."""

import math
import os

from core.machine.cgroup import cpu_quota


def available_cores() -> int:
    """Count the cores of this process's affinity, within a container's CPU quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))
