"""Processes as Linux shows them in /proc: no tool has to be installed to look at them."""

import sys
from pathlib import Path

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that have not ended."""
    return [child for child in _pids() if _parent(child) == pid]


def command_line(pid: int) -> str:
    """The words a process was started with; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def lives(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    return _parent(pid) is not None


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent(pid: int) -> int | None:
    """The parent's pid; None for a zombie and for what is not there."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else int(parent)


class PeakMemory:
    """The most memory that this process held in the block, beyond what it held before."""

    def __enter__(self) -> "PeakMemory":
        Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
        self._before = _peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.grown = _peak() - self._before


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
