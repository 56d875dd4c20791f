"""What keys have used: requests of a minute, in memory; images and training of a day, in a file. Knows no HTTP.

A bucket holds as many requests as a key may send a minute, and fills evenly. Days are those of UTC, and never go back:
a clock that is set back gives nobody a second day. The file is written before a picture is drawn, and while a
run trains.
"""

import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.keys.errors import QuotaExceeded, RateLimited
from core.keys.record import Key
from core.store import files

SCHEMA = 1
MODE = 0o600
MINUTE_S = 60.0


class DayCount(BaseModel):
    """The file: images, and seconds of training, by the id of the key, on one day."""

    model_config = ConfigDict(strict=True, extra="ignore")

    form: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    day: str = ""
    images: dict[str, int] = Field(default_factory=dict)
    training_s: dict[str, float] = Field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    """How many requests a key may send at once, as of a time."""

    left: float
    at: float


class KeyUsage:
    """What all keys of a service have used."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path, self._now = path, now
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: Key) -> tuple[int, int] | None:
        """Count one request; returns how many are left and the seconds until all are, None for a key without a limit.

        Raises:
            RateLimited: none is left.
        """
        limit = key.per_minute
        if limit is None:
            return None
        now = time.monotonic()
        bucket = self._buckets.setdefault(key.id, Bucket(limit, now))
        bucket.left = min(limit, bucket.left + (now - bucket.at) * limit / MINUTE_S)
        bucket.at = now
        if bucket.left < 1:
            told = f"the key {key.id} may send {limit} requests a minute"
            raise RateLimited(told, (1 - bucket.left) * MINUTE_S / limit)
        bucket.left -= 1
        return int(bucket.left), int((limit - bucket.left) * MINUTE_S / limit)

    def draw(self, key: Key, num_images: int) -> None:
        """Count images before they are drawn; a negative number gives back those that were not.

        Raises:
            QuotaExceeded: the key may not draw so many today.
        """
        limit = key.images_a_day
        if limit is None:
            return
        with files.lock_beside(self.path):
            count = self._of_today()
            drawn = count.images.get(key.id, 0) + num_images
            if num_images > 0 and drawn > limit:
                left = max(limit - drawn + num_images, 0)
                told = (
                    f"the key {key.id} may draw {limit} images a day; {left} are left, and this asks for {num_images}"
                )
                raise QuotaExceeded(told, self._until_tomorrow_s())
            count.images[key.id] = max(drawn, 0)
            self._write(count)

    def train(self, key: Key, seconds: float) -> bool:
        """Count time that a run of the key has trained; return whether it may go on today."""
        limit = key.training_minutes_a_day
        if limit is None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_beside(self.path):
            count = self._of_today()
            count.training_s[key.id] = spent_s = count.training_s.get(key.id, 0.0) + seconds
            self._write(count)
        return spent_s < limit * MINUTE_S

    def check_training(self, key: Key) -> None:
        """Raise QuotaExceeded where the key has trained as many minutes as it may today."""
        limit = key.training_minutes_a_day
        if limit is not None and self._of_today().training_s.get(key.id, 0.0) >= limit * MINUTE_S:
            raise QuotaExceeded(minutes_used_up(key), self._until_tomorrow_s())

    def _write(self, count: DayCount) -> None:
        text = json.dumps(count.model_dump(by_alias=True))
        files.write_atomic(self.path, text.encode(), durable=False, mode=MODE)

    def _of_today(self) -> DayCount:
        today = self._today().isoformat()
        try:
            kept = DayCount.model_validate_json(self.path.read_bytes())
        except (FileNotFoundError, ValidationError):  # damaged: the day begins anew
            kept = DayCount(schema=SCHEMA)
        return kept if kept.day >= today else DayCount(schema=SCHEMA, day=today)

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._now(), dt.UTC).date()

    def _until_tomorrow_s(self) -> float:
        return 86_400 - self._now() % 86_400


def minutes_used_up(key: Key) -> str:
    return f"the key {key.id} may train {key.training_minutes_a_day} minutes a day (of UTC), and they are used up"
