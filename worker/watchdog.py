"""Notices a training process that hangs: it lives, and its run does not move. Knows no process and no torch.

A run moves while its heartbeat does: the trainer writes it between two steps, and between two parts of what it prepares
or evaluates (worker/hooks/reporting.py), never from a thread beside.
"""

import time
from collections.abc import Callable

from core.errors import RunNotFound, StoreDamaged
from core.runs import Run

STALL_AFTER_S = 300.0
STALL_AFTER_STEPS = 20  # usual ones, where that is longer
LONGEST_LOOK_S = 30.0  # that counts between two looks: the watching process may have been stopped itself


class Watchdog:
    """Watches one attempt of a run. `stall_after_s`: None for the default."""

    def __init__(self, run: Run, stall_after_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.run, self._stall_after_s, self._clock = run, stall_after_s, clock
        self._heartbeat: str | None = None
        self._step_s = 0.0
        self._looked_at, self.still_s = clock(), 0.0

    @property
    def limit_s(self) -> float:
        """Seconds without progress after which a run counts as hung."""
        return self._stall_after_s or max(STALL_AFTER_S, STALL_AFTER_STEPS * self._step_s)

    def is_hung(self) -> bool:
        """Called every few seconds."""
        now = self._clock()
        passed_s, self._looked_at = min(now - self._looked_at, LONGEST_LOOK_S), now
        try:
            state = self.run.state()
        except (RunNotFound, StoreDamaged, OSError):  # nothing can be said of it
            return False
        self._step_s = state.step_seconds or 0.0
        self.still_s = self.still_s + passed_s if state.last_heartbeat_at == self._heartbeat else 0.0
        self._heartbeat = state.last_heartbeat_at
        return self.still_s > self.limit_s
