"""When each key was used last, to the minute: one small write a minute and key, no more. Knows no HTTP."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.store import files

SCHEMA = 1
MODE = 0o600
KEPT_EVERY_S = 60.0

log = logging.getLogger(__name__)


class UseTimes(BaseModel):
    """The file: unix times by the id of the key."""

    model_config = ConfigDict(strict=True, extra="ignore")

    form: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    used_at: dict[str, float] = Field(default_factory=dict)


class LastUse:
    """`key-last-use.json` under HOME; any number of processes may write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, float] = {}  # by this process; of time.monotonic()

    def is_due(self, key_id: str) -> bool:
        """Whether the use of a key is to be written: once in a while."""
        now = time.monotonic()
        if now - self._kept.get(key_id, float("-inf")) < KEPT_EVERY_S:
            return False
        self._kept[key_id] = now
        return True

    def note(self, key_id: str) -> None:
        """Remember that a key is used now, if that is due."""
        if self.is_due(key_id):
            self.write(key_id)

    def write(self, key_id: str) -> None:
        """Write that a key is used now; it may wait for other processes. A full disk keeps nobody out."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with files.lock_beside(self.path):
                times = self._read()
                times.used_at[key_id] = max(times.used_at.get(key_id, 0.0), time.time())
                text = times.model_dump_json(by_alias=True)
                files.write_atomic(self.path, text.encode(), durable=False, mode=MODE)
        except OSError as error:
            log.warning("%s cannot be written: %s", files.shown(self.path), error.strerror)

    def read(self) -> dict[str, datetime]:
        """When each key was used, by its id; those that never were are missing."""
        try:
            return {key_id: datetime.fromtimestamp(at, UTC) for key_id, at in self._read().used_at.items()}
        except (OSError, ValueError, OverflowError):
            return {}

    def _read(self) -> UseTimes:
        try:
            return UseTimes.model_validate_json(self.path.read_bytes())
        except (FileNotFoundError, ValidationError, RecursionError):  # damaged: it begins anew
            return UseTimes(schema=SCHEMA)
