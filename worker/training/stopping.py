"""How a run is asked to stop, or to go back: by a signal, its status, a hook. Without torch: the parent imports it."""

import signal
from dataclasses import dataclass
from typing import Literal

Reason = Literal["preempted", "cancel", "pause", "give_up"]  # give_up: no remedy is left

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopTraining(Exception):
    """Raised between two steps; the run is checkpointed and its process ends."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class RollBack(Exception):
    """Raised between two steps: the run goes back to a checkpoint, on a new branch (worker/checkpoints/rollback.py).

    reason: why, in words for people. failure: the code with which the run fails where it went back too often.
    to_best: to the best checkpoint, if a metric says which that is; else to the newest. before: to none of this step
    or a later one. verdict: what a remedy is to be taken against; without it, learning rates are halved.
    """

    def __init__(
        self,
        reason: str,
        *,
        failure: str = "diverged",
        to_best: bool = False,
        before: int | None = None,
        verdict: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.failure, self.to_best, self.before = reason, failure, to_best, before
        self.verdict = verdict


@dataclass(frozen=True)
class RollBackFacts:
    """A RollBack as it is told to another process."""

    reason: str
    failure: str
    to_best: bool
    before: int | None
    verdict: str | None


class _Flag:
    raised = False


def on_stop_signal(_signum: int, _frame: object) -> None:
    _Flag.raised = True


def is_asked_by_signal() -> bool:
    return _Flag.raised
