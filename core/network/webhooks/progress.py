"""How far a webhook is: what was taken, what comes next and when, and the newest attempts. Knows no HTTP and no clock.

One file, replaced as a whole after each attempt: whoever is killed between an attempt and that sends the event again,
under the same id.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from core.errors import StoreDamaged
from core.machine.clock import timestamp
from core.network.webhooks.messages import OutgoingMessage, ReceiverAnswer
from core.store import Record
from ganymede.schemas.webhooks import AttemptBody, Outcome

ATTEMPTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class RetryPace:
    """When an event is tried again, and when it is given up: after `most` attempts, or once it is older than a day and
    was tried `least` times. Of each pause a part up to a half is left to chance, so that receivers are not flooded."""

    first_s: float = 1.0
    longest_s: float = 3 * 3600.0
    most: int = 20
    least: int = 3
    day_s: float = 86_400.0
    chance: Callable[[], float] = random.random

    def pause_s(self, tried: int) -> float:
        """After so many attempts: twice as long after each."""
        return float(min(self.first_s * 2 ** (tried - 1), self.longest_s) * (1 - self.chance() / 2))

    def is_spent(self, tried: int, age_s: float) -> bool:
        return tried >= self.most or (tried >= self.least and age_s > self.day_s)


class DeliveryProgress(Record):
    """The record. `hook`: when the webhook was made that it is of; `cursor`: place of the last event that is done with;
    `tried`, `next_at`: attempts of the next one so far, and the Unix time of the next attempt."""

    hook: str = ""
    cursor: int = 0
    tried: int = 0
    next_at: float = 0.0
    is_gone: bool = False
    attempts: list[AttemptBody] = Field(default_factory=list)

    @classmethod
    def find(cls, path: Path, hook: str, since: int) -> "DeliveryProgress":
        """That of a webhook; its beginning where there is none, or that of an earlier one."""
        try:
            found = cls.read(path)
        except (FileNotFoundError, StoreDamaged):  # sent again rather than not at all
            found = cls()
        return found if found.hook == hook else cls(hook=hook, cursor=since)

    def after(
        self, message: OutgoingMessage, answer: ReceiverAnswer, now: float, pace: RetryPace
    ) -> "DeliveryProgress":
        """The progress after an attempt that ended at the Unix time `now`."""
        tried, age_s = self.tried + 1, now - datetime.fromisoformat(message.at).timestamp()
        is_over = answer.is_taken or answer.is_gone or pace.is_spent(tried, age_s)
        outcome: Outcome = "delivered" if answer.is_taken else "given_up" if is_over else "failed"
        attempt = AttemptBody(
            at=timestamp(now),
            message=message.id,
            type=message.type,
            attempt=tried,
            outcome=outcome,
            status=answer.status,
            detail=answer.detail,
            took_s=round(answer.took_s, 3),
        )
        changes = (
            {"cursor": message.place, "tried": 0, "next_at": 0.0}
            if is_over
            else {"tried": tried, "next_at": now + pace.pause_s(tried)}
        )
        attempts = [*self.attempts, attempt][-ATTEMPTS_KEPT:]
        return self.model_copy(update={**changes, "attempts": attempts, "is_gone": self.is_gone or answer.is_gone})
