"""How fast the engine is, all slots together, or the encoders are, as measured while more waits. Knows no queue.

Seconds of a lone batch say how much work it is; how much of that is done in a second depends on what else the machine
does: its other slots, encoders, the event loop, other processes.
"""

import math

MEMORY_S = 2.0  # of busy time; what was longer ago counts less than a third
MARGIN = 1.25  # of a wait that is judged: so much longer may it become, and nearly all get theirs in time


class Pace:
    """Measures how much work all slots do in a second, in seconds of one slot alone."""

    def __init__(self) -> None:
        self.speed = 1.0  # until it is known: low, for what was promised too early cannot be kept
        self._work_s, self._wall_s = 0.0, 0.0
        self._since: float | None = None  # when the last batch was done, if more than that waited then

    def did(self, work_s: float, now: float, *, more_waits: bool) -> None:
        """Note a batch that ended at `now` (seconds), and whether every slot still has work."""
        if self._since is not None:
            faded = math.exp(-(now - self._since) / MEMORY_S)
            self._work_s = self._work_s * faded + work_s
            self._wall_s = self._wall_s * faded + now - self._since
            if self._wall_s >= MEMORY_S / 4:  # a few batches say little
                self.speed = self._work_s / self._wall_s
        self._since = now if more_waits else None
