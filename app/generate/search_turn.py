"""One search at a time: whose turn it is, and when to come again. Knows no network and no request."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.engine.telemetry import EngineTelemetry
from core.errors import Overloaded

LEAST_S = 1.0  # that who comes too early is told to wait


@dataclass(eq=False, slots=True)
class Turn:
    """A search under way, `done` of it: 0 to 1. At `ends_by` (monotonic seconds) it is over, whatever becomes of it."""

    ends_by: float
    began_at: float = field(default_factory=time.monotonic)
    done: float = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until it is over, at the speed it had so far."""
        now = time.monotonic()
        expected_s = (now - self.began_at) * (1 - self.done) / self.done if self.done else self.ends_by - now
        return max(LEAST_S, min(expected_s, self.ends_by - now))


class SearchTurns:
    """Used on the event loop alone. A search may take `within_s`."""

    def __init__(self, within_s: float, telemetry: EngineTelemetry) -> None:
        self.within_s, self._telemetry = within_s, telemetry
        self._current: Turn | None = None

    @contextlib.contextmanager
    def taken(self) -> Iterator[Turn]:
        """Have the turn meanwhile; Overloaded if another search has it."""
        current, now = self._current, time.monotonic()
        if current is not None and now < current.ends_by:
            self._telemetry.rejected.labels(Overloaded.code).inc()
            raise Overloaded("another search is under way, and one is made at a time", current.left_s)
        turn = self._current = Turn(now + self.within_s)
        try:
            yield turn
        finally:
            if self._current is turn:
                self._current = None
