"""The minutes a day that the key of a run may train: counted while they pass. Knows no loop."""

import logging
import time

from core.keys import Keyring, KeyUsage
from core.keys.usage import minutes_used_up
from core.runs import Run
from core.settings import Settings
from worker.training.stopping import StopTraining

log = logging.getLogger(__name__)


class KeyMinutes:
    """Counts the time since the last look to the key that made the run; a run of no key costs nothing."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self.run, self.made_by = run, run.spec().made_by
        self._keyring = Keyring(settings.keys_path)
        self._usage = KeyUsage(settings.usage_path, self._keyring.now)
        self._counted_to = time.monotonic()

    def look(self) -> None:
        """Raise StopTraining where the minutes of today are used up: the run waits, with a checkpoint, for a resume."""
        now = time.monotonic()
        seconds, self._counted_to = now - self._counted_to, now
        key = self._keyring.known(self.made_by.id) if self.made_by else None
        if key is None or key.training_minutes_a_day is None:
            return
        try:
            may_go_on = self._usage.train(key, seconds)
        except OSError as error:  # a full disk: no reason to end a training
            log.warning("the minutes of the key %s cannot be counted: %s", key.id, error.strerror)
            return
        if not may_go_on:
            message = f"{minutes_used_up(key)}: paused, to be resumed tomorrow"
            log.warning("%s", message)
            self.run.log_event("action", {"action": "quota_exceeded", "message": message})
            raise StopTraining("pause")
