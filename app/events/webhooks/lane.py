"""One webhook at work: its events that wait, in their order, and how far it is. Knows no HTTP.

Used by one task at a time; what it holds can be made again from the files.
"""

from collections import deque

from core.network.webhooks.messages import OutgoingMessage, ReceiverAnswer
from core.network.webhooks.progress import DeliveryProgress, RetryPace
from core.network.webhooks.sources import EventSource
from ganymede.schemas.webhooks import Outcome


class Lane:
    """`look_at`: the time of a monotonic clock from which on to look for events again."""

    def __init__(self, source: EventSource, pace: RetryPace) -> None:
        self.source, self.pace = source, pace
        told = self.subscription = source.subscription
        self.progress = DeliveryProgress.find(source.progress_path, told.created_at, told.since)
        self.waiting: deque[OutgoingMessage] = deque()
        self.is_busy = False
        self.look_at = 0.0
        source.skip(self.progress.cursor)

    def look(self) -> None:
        """Take in what has happened; FileNotFoundError once the webhook, or what it is about, is gone."""
        for message in self.source.read():
            if message.place > self.progress.cursor and message.event in self.subscription.events:
                self.waiting.append(message)
        if not self.waiting and self.source.rests and self.progress.cursor < self.source.newest:
            self._keep(self.progress.model_copy(update={"cursor": self.source.newest}))  # read no more after a restart

    def is_due(self, now: float) -> bool:
        """Whether an event is to be sent at this Unix time."""
        return bool(self.waiting) and not self.progress.is_gone and self.progress.next_at <= now

    def note(self, message: OutgoingMessage, answer: ReceiverAnswer, now: float) -> Outcome:
        """Keep what came of sending the first that waits; FileNotFoundError as look()."""
        self._keep(self.progress.after(message, answer, now, self.pace))
        if self.progress.cursor >= message.place:
            self.waiting.popleft()
        return self.progress.attempts[-1].outcome

    def _keep(self, progress: DeliveryProgress) -> None:
        progress.write(self.source.progress_path)
        self.progress = progress
