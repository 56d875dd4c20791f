"""What a run does besides its steps: how far it is, for its state and its log. Knows no network and no files."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.machine.clock import timestamp
from core.runs.states import Task

FIRST_LINE_AFTER_S, LINE_EVERY_S = 1.0, 10.0  # in the log: what is done in a moment has none

log = logging.getLogger(__name__)


class Tasks:
    """One task at a time. `look` is called between its parts, and may end it by raising."""

    def __init__(self, look: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._name, self._done, self._total = "", 0, 0
        self._began_at, self._began, self._line_at = "", 0.0, 0.0

    @contextmanager
    def begin(self, name: str, total: int | None = None) -> Iterator[None]:
        """`total`: the expected number of parts; None: unknown."""
        self._name, self._done, self._total = name, 0, total or 0
        self._began_at, self._began = timestamp(), self._clock()
        self._line_at = self._began + FIRST_LINE_AFTER_S
        try:
            yield
            if self._line_at > self._began + FIRST_LINE_AFTER_S:  # it was told of
                log.info("%s: done in %.0f s", self._title, self._clock() - self._began)
        finally:
            self._name = ""

    def tick(self, parts: int = 1) -> None:
        """Count finished parts."""
        self._done = min(self._done + parts, self._total)
        if self._name and self._clock() >= self._line_at:
            self._line_at = self._clock() + LINE_EVERY_S
            self._log_progress()
        self._look()

    def current(self) -> Task | None:
        if not self._name:
            return None
        facts = {"began_at": self._began_at, "at": timestamp()}
        return Task(name=self._name, done=self._done, total=self._total or None, **facts)

    def _log_progress(self) -> None:
        spent_s = self._clock() - self._began
        if not self._done:
            log.info("%s: since %.0f s", self._title, spent_s)
            return
        left_s = spent_s * (self._total - self._done) / self._done
        log.info("%s: %.0f %%, about %.0f s left", self._title, 100 * self._done / self._total, left_s)

    @property
    def _title(self) -> str:
        return self._name.replace("_", " ")
