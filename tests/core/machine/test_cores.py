"""Cores of this process: its affinity, and the CPU quota of its cgroup as kernels and container engines write it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.machine.cgroup import cpu_quota
from core.machine.cores import available_cores

Machine = Callable[..., float | None]

V2 = "30 24 0:26 {top} {at} ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 24 0:29 {top} {at} rw,nosuid,nodev,noexec,relatime shared:14 - cgroup cgroup rw,cpu,cpuacct"
OTHERS = [
    "22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw",
    "34 24 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset",
]
UNIFIED, SPLIT = "/sys/fs/cgroup", "/sys/fs/cgroup/cpu,cpuacct"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The quota on a machine of these mounts, these lines of /proc/self/cgroup, and these files."""

    def quota(mounts: list[str], cgroups: list[str], files: dict[str, str]) -> float | None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "mountinfo").write_text("\n".join([*OTHERS, *mounts]) + "\n")
        (tmp_path / "proc" / "cgroup").write_text("\n".join(cgroups) + "\n")
        for name, content in files.items():
            file = tmp_path / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return cpu_quota(tmp_path / "proc", tmp_path)

    return quota


def v2(at: str = UNIFIED, top: str = "/") -> list[str]:
    return [V2.format(at=at, top=top)]


def v1(at: str = SPLIT, top: str = "/") -> list[str]:
    return [V1.format(at=at, top=top)]


def cfs(folder: str, quota: int, period: int = 100_000) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


DEEP = f"{UNIFIED}/a.slice/b.scope"


@pytest.mark.parametrize(
    ("mounts", "cgroups", "files", "expected"),
    [
        (v2(), ["0::/"], {f"{UNIFIED}/cpu.max": "150000 100000\n"}, 1.5),
        (v2(), ["0::/"], {f"{UNIFIED}/cpu.max": "max 100000\n"}, None),
        (v2(), ["0::/"], {f"{UNIFIED}/cpu.max": "50000 200000\n"}, 0.25),
        (v2(), ["0::/a.slice/b.scope"], {f"{DEEP}/cpu.max": "max 100000\n"}, None),
        (v2(), ["0::/a.slice/b.scope"], {f"{DEEP}/cpu.max": "400000 100000"}, 4.0),
        # of nested ones the narrowest holds, wherever it is
        (
            v2(),
            ["0::/a.slice/b.scope"],
            {f"{DEEP}/cpu.max": "400000 100000", f"{UNIFIED}/a.slice/cpu.max": "200000 100000"},
            2.0,
        ),
        (
            v2(),
            ["0::/a.slice/b.scope"],
            {f"{DEEP}/cpu.max": "100000 100000", f"{UNIFIED}/a.slice/cpu.max": "max 100000"},
            1.0,
        ),
        # a container that sees the host's paths, and a mount of its own cgroup alone
        (v2(top="/docker/c0"), ["0::/docker/c0"], {f"{UNIFIED}/cpu.max": "300000 100000"}, 3.0),
        (v2(top="/docker/c0"), ["0::/docker/c0/x"], {f"{UNIFIED}/x/cpu.max": "300000 100000"}, 3.0),
        (v2(), ["0::/../../elsewhere"], {f"{UNIFIED}/cpu.max": "300000 100000"}, 3.0),
        (v2(top="/docker/c0"), ["0::/other"], {f"{UNIFIED}/cpu.max": "300000 100000"}, 3.0),
        (v2(at="/run/my\\040cgroups"), ["0::/"], {"/run/my cgroups/cpu.max": "100000 100000"}, 1.0),
        # version 1, and both at once
        (v1(), ["4:cpu,cpuacct:/"], cfs(SPLIT, 250_000), 2.5),
        (v1(), ["4:cpu,cpuacct:/"], cfs(SPLIT, -1), None),
        (v1(), ["4:cpu,cpuacct:/docker/c0"], cfs(SPLIT, -1) | cfs(f"{SPLIT}/docker/c0", 20_000, 10_000), 2.0),
        (v1(top="/docker/c0"), ["4:cpuacct,cpu:/docker/c0"], cfs(SPLIT, 100_000), 1.0),
        (v1(), ["3:cpuset:/x", "4:cpu,cpuacct:/"], cfs("/sys/fs/cgroup/cpuset/x", 1) | cfs(SPLIT, 300_000), 3.0),
        (
            [*v1(), *v2(at="/sys/fs/cgroup/unified")],
            ["4:cpu,cpuacct:/c", "0::/c"],
            cfs(f"{SPLIT}/c", 150_000) | {"/sys/fs/cgroup/unified/c/cgroup.procs": "1"},
            1.5,
        ),
        # nothing that could be read
        (v2(), ["0::/"], {}, None),
        (v2(), ["0::/"], {f"{UNIFIED}/cpu.max": "something new\n"}, None),
        (v2(), ["0::/"], {f"{UNIFIED}/cpu.max": ""}, None),
        (v1(), ["4:cpu,cpuacct:/"], cfs(SPLIT, 100_000, 0), None),
        ([], ["0::/"], {}, None),
        (v2(), ["garbage"], {f"{UNIFIED}/cpu.max": "100000 100000"}, None),
    ],
)
def test_the_quota_is_the_narrowest_of_all_that_hold(
    machine: Machine, mounts: list[str], cgroups: list[str], files: dict[str, str], expected: float | None
) -> None:
    assert machine(mounts, cgroups, files) == expected


def test_without_the_kernels_files_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.25, 1), (2, 16.0, 2), (8, 0.001, 1), (1, 1.0, 1)],
)
def test_a_quota_counts_as_cores_do(
    monkeypatch: pytest.MonkeyPatch, allowed: int, quota: float | None, expected: int
) -> None:
    monkeypatch.setattr("core.machine.cores.os.sched_getaffinity", lambda pid: set(range(allowed)), raising=False)
    monkeypatch.setattr("core.machine.cores.cpu_quota", lambda: quota)

    assert available_cores() == expected
