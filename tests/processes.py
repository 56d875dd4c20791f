"""What tests know of processes: bench/proc.py, and the memory of their own."""

import sys
from pathlib import Path

import pytest

from bench.proc import children, command_line, descendants, freeze, lives

__all__ = ["PeakMemory", "children", "command_line", "descendants", "freeze", "lives", "on_linux"]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


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
