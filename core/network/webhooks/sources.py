"""Where events come from: the event log of a run, the history of a model's aliases. Knows no HTTP.

A source is read again and again, and yields each event once. What it needs of the disk is a stat while nothing happens.
"""

from pathlib import Path
from typing import Protocol

from core.errors import StoreDamaged
from core.network.webhooks.messages import OutgoingMessage, model_message, run_message
from core.network.webhooks.subscription import ModelWebhooks, Subscription
from core.registry import Registry
from core.registry.cache import is_settled
from core.runs import Run
from core.runs.events import EventTail
from core.store import Stamp, files


class EventSource(Protocol):
    """What a webhook is told of."""

    subscription: Subscription
    progress_path: Path

    @property
    def newest(self) -> int:
        """The place of the last event that was read."""

    @property
    def rests(self) -> bool:
        """Whether nothing is expected to happen."""

    def skip(self, cursor: int) -> None:
        """Read nothing of what is done with, where that can be told without."""

    def read(self) -> list[OutgoingMessage]:
        """Events since the last call, oldest first; FileNotFoundError once what they are about is gone."""


class RunSource:
    """The events of a run that has a webhook."""

    def __init__(self, run: Run, subscription: Subscription) -> None:
        self.run, self.subscription = run, subscription
        self.progress_path, self._tail = run.webhook_file, EventTail(run.events_file)

    @property
    def newest(self) -> int:
        return self._tail.newest_id

    @property
    def rests(self) -> bool:
        return self._tail.has_ended

    def skip(self, cursor: int) -> None:
        tail = EventTail(self.run.events_file)
        tail.skip()
        if tail.newest_id <= cursor:
            self._tail = tail

    def read(self) -> list[OutgoingMessage]:
        return [run_message(self.run.id, self.run.spec().model, event) for event in self._tail.read()]


class ModelSource:
    """What is published and promoted of a model."""

    rests = False

    def __init__(self, registry: Registry, hooks: ModelWebhooks, model: str) -> None:
        self.model, self.newest, self._registry = model, 0, registry
        self._hook_path, self._hook_stamp = hooks.path(model), files.stamp(hooks.path(model))
        self._seen: Stamp = ()
        self.subscription, self.progress_path = hooks.get(model), hooks.progress_path(model)

    def skip(self, cursor: int) -> None:
        self.newest = cursor

    def read(self) -> list[OutgoingMessage]:
        if files.stamp(self._hook_path) != self._hook_stamp:
            raise FileNotFoundError(f"the webhook of {self.model} was replaced")
        seen = self._registry.stamp(self.model)
        if seen[-1] is None:
            raise FileNotFoundError(f"the pointers of {self.model} are gone")
        if seen == self._seen:
            return []
        is_final = is_settled(seen)  # asked before the look: afterwards a change under its hands would pass
        try:
            history = self._registry.pointers(self.model).history
        except StoreDamaged:  # looked at again when it has changed
            history = []
        self._seen = seen if is_final else ()
        moves = sorted((move for move in history if move.id > self.newest), key=lambda move: move.id)
        self.newest = moves[-1].id if moves else self.newest
        return [message for move in moves if (message := model_message(self.model, move)) is not None]
