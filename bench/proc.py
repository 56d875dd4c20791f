"""Processes as Linux shows them in /proc: no tool has to be installed to look at them."""

import os
import signal
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that have not ended."""
    return [child for child in _pids() if _parent(child) == pid]


def descendants(pid: int) -> list[int]:
    """Every process that comes from `pid`."""
    found: list[int] = []
    parents, waiting = {child: _parent(child) for child in _pids()}, [pid]
    while waiting:
        parent = waiting.pop()
        own = [child for child, of in parents.items() if of == parent]
        found += own
        waiting += own
    return found


def command_line(pid: int) -> str:
    """The words a process was started with; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def engine_of(api: int) -> int:
    """The process that draws for an API; there has to be exactly one."""
    (pid,) = (child for child in descendants(api) if "app.engine" in command_line(child))
    return pid


def lives(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    return _parent(pid) is not None


def freeze(pid: int) -> None:
    """Stop a process as SIGSTOP does, and return when none of its threads runs any more.

    The kernel first has one thread take the signal, which then stops the others: on a busy machine these go on for a
    while, and answer what was to be asked of a process that hangs.
    """
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    while tasks.is_dir() and any(_state(task) not in "TtZX" for task in tasks.iterdir()):
        time.sleep(0.001)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it ended
        return "X"


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent(pid: int) -> int | None:
    """The parent's pid; None for a zombie and for what is not there."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def threads(pid: int) -> int:
    """How many a process has; 0 if it has ended."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


def cpu_seconds(pid: int) -> float:
    """What a process has taken of a core so far, in user and kernel mode; its ended children are left out."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
