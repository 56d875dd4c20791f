"""How much memory there is for this process, and giving it back. Knows nothing of who needs it."""

import contextlib
import ctypes
import os
from pathlib import Path

CGROUP_LIMIT, CGROUP_USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
MEMINFO, STATUS = Path("/proc/meminfo"), Path("/proc/self/status")


def total_bytes() -> int:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(whole, _number(CGROUP_LIMIT) or whole)


def available_bytes() -> int:
    """Return the memory free for this process; half of all where the system does not tell."""
    limit, used = _number(CGROUP_LIMIT), _number(CGROUP_USED)
    free = _line(MEMINFO, "MemAvailable") or total_bytes() // 2
    return min(free, max(0, limit - used)) if limit and used else free


def peak_resident_bytes() -> int | None:
    """Return the peak memory of this process; None where the system does not tell."""
    return _line(STATUS, "VmHWM")


def give_back() -> None:
    """Have glibc's allocator return freed memory to the system.

    It keeps small blocks otherwise: of 27 MB of weights in 200 dropped engines it returned 0 MB by itself, and all
    with this call (0.2 to 3 ms). Large blocks go back at once.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _number(path: Path) -> int | None:
    """Read the number in a file; None if there is no file, or no number ("max": no limit)."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _line(path: Path, name: str) -> int | None:
    """Read a line like `MemAvailable:  1024 kB` of a file, in bytes."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
