"""How a run is asked to stop: a signal to this process, or its status. Imported by the parent, so without torch."""

import signal
from typing import Literal

Reason = Literal["preempted", "cancel", "pause"]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopTraining(Exception):
    """Raised between two steps; the run is checkpointed and its process ends."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class _Flag:
    raised = False


def on_stop_signal(_signum: int, _frame: object) -> None:
    _Flag.raised = True


def is_asked_by_signal() -> bool:
    return _Flag.raised
