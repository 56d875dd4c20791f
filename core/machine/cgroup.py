"""How much of the machine's time a container may take: the CPU quota of its cgroup, of version 1 or 2. Knows no core.

A quota holds for all that is below it, so each folder from that of this process up to the top of the mount counts.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self")
_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes white space


def cpu_quota(proc: Path = PROC, root: Path = Path("/")) -> float | None:
    """Return the CPUs this process may keep busy, perhaps a fraction; None: all. The arguments are for tests."""
    quotas: list[float] = []
    with contextlib.suppress(OSError, ValueError):  # no cgroups here, or in a form that nobody knows yet
        paths = dict(_paths(proc / "cgroup"))
        for version, top, mounted in _mounts(proc / "mountinfo"):
            if (path := paths.get(version)) is None:
                continue
            # The top itself for a process outside, as in nested containers.
            is_within = path.is_relative_to(top) and ".." not in path.parts
            below = path.relative_to(top) if is_within else PurePosixPath()
            quotas += _quotas(root / mounted.relative_to("/"), below)
    return min(quotas, default=None)


def _paths(file: Path) -> Iterator[tuple[int, PurePosixPath]]:
    """Yield this process's cgroup for CPU time, by the version of its hierarchy."""
    for line in file.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield 2, PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            yield 1, PurePosixPath(path)


def _mounts(file: Path) -> Iterator[tuple[int, PurePosixPath, PurePosixPath]]:
    """Yield version, top cgroup, and mount point of each hierarchy for CPU time."""
    for line in file.read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            top, point = (
                PurePosixPath(_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field)) for field in left.split(" ")[3:5]
            )
            yield 2 if kind == "cgroup2" else 1, top, point


def _quotas(mounted: Path, below: PurePosixPath) -> Iterator[float]:
    for folder in (below, *below.parents):
        with contextlib.suppress(OSError, ValueError):  # it counts no CPU time: the root of all, for one
            quota, period = _limit(mounted / folder)
            if quota > 0 and period > 0:  # -1: no limit
                yield quota / period


def _limit(folder: Path) -> tuple[int, int]:
    """Return microseconds of CPU time, and the period; ValueError for `max`."""
    if (file := folder / "cpu.max").exists():
        quota, period = file.read_text().split()
        return int(quota), int(period)
    return int((folder / "cpu.cfs_quota_us").read_text()), int((folder / "cpu.cfs_period_us").read_text())
