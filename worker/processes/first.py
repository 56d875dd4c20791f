"""`python -m worker.processes.first PARENT SIZE HOST...`: the queue worker of a training group.

It is below the group's first process, the RQ worker that every other is, and never imports torch; the processes that it
forks train with the others (worker/processes/leading.py).
"""

import signal
import sys

from core.machine.lifeline import die_with_parent
from core.queue.snapshot import Group
from worker.__main__ import work
from worker.processes.launch import LOST_PEER
from worker.training.stopping import STOP_SIGNALS


def main(parent: int, group: Group) -> int:
    """Return the exit status: LOST_PEER if an attempt was lost, and the group with it."""
    die_with_parent(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    return LOST_PEER if work(group) else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Group(processes=int(sys.argv[2]), hosts=tuple(sys.argv[3:]))))
