"""The events of a run as they happen: over broken connections and restarts of the service, each once and in order.

Knows the stream's own rules: ids count up from 1 without a gap, so that a double and a hole can be told.
"""

import time
from collections.abc import Callable, Iterator

from pydantic import ValidationError

from ganymede.client.connection import ServiceConnection
from ganymede.client.sse import Message, MessageParser
from ganymede.errors import ApiError, ClientError, NotUnderstood, Unreachable
from ganymede.schemas.bodies import Page
from ganymede.schemas.runs import EventBody, ProgressMessage, RunBody

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0  # before connecting again; doubles while nothing comes
SILENT_FOR_S = 60.0  # then the connection is taken for dead
PAGE = 500
NO_CONTENT = 204


class Follower:
    """Follows one run's events after the id `after`, to its end."""

    def __init__(
        self,
        connection: ServiceConnection,
        run_path: str,
        after: int,
        give_up_after_s: float,
        on_break: Callable[[ClientError], object] | None = None,
    ) -> None:
        self.connection, self.run_path, self.path = connection, run_path, f"{run_path}/events"
        self.last_id = after
        self.give_up_after_s, self.on_break = give_up_after_s, on_break
        self.pause_s = FIRST_PAUSE_S
        self._saw_end = False  # as the newest event: a run that was retried has an end in the middle

    def __iter__(self) -> Iterator[EventBody | ProgressMessage]:
        """Yield until the run is over, whatever happens to the connection.

        Raises:
            ApiError: there is no such run (any more).
            Unreachable: nothing has answered for `give_up_after_s`.
        """
        self._answered_at = time.monotonic()
        while True:
            try:
                for message in self._messages():
                    self.pause_s = FIRST_PAUSE_S
                    yield from self._read(message)
                is_over = self.connection.get(RunBody, self.run_path).is_terminal
                if not self._saw_end:  # it had ended before `after`, or its last words were lost
                    yield from self._missed()
                if is_over:
                    return
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    raise
                if time.monotonic() - self._answered_at > self.give_up_after_s:
                    raise
                if self.on_break is not None:
                    self.on_break(error)
            time.sleep(self.pause_s)
            self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)

    def _messages(self) -> Iterator[Message]:
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = str(self.last_id)
        parser = MessageParser()
        with self.connection.stream(self.path, timeout=SILENT_FOR_S, headers=headers) as answer:
            if answer.status_code == NO_CONTENT:  # it is over, and we have every event
                return
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise NotUnderstood(f"{self.connection.url}{self.path} does not answer with events")
            self._answered_at = time.monotonic()
            for chunk in answer.iter_bytes():
                self._answered_at = time.monotonic()
                yield from parser.feed(chunk)
        self.pause_s = max(self.pause_s, parser.retry_s or 0)

    def _read(self, message: Message) -> Iterator[EventBody | ProgressMessage]:
        try:
            if message.type == "progress":
                yield ProgressMessage.model_validate_json(message.data)
                return
            if message.type == "reset":  # the service does not know our last id: a crash took its newest events
                stored = list(self._stored(0))
                self.last_id = min(self.last_id, stored[-1].id if stored else 0)
                return
            event = EventBody.model_validate_json(message.data)
        except ValidationError:
            return  # a kind of message that this build does not know
        if event.id > self.last_id + 1:
            yield from self._missed()
        if event.id > self.last_id:
            self.last_id, self._saw_end = event.id, event.type == "end"
            yield event

    def _missed(self) -> Iterator[EventBody]:
        for event in self._stored(self.last_id):
            if event.id > self.last_id:
                self.last_id = event.id
                yield event

    def _stored(self, after: int) -> Iterator[EventBody]:
        for page in self.connection.pages(Page[EventBody], self.path, {"after": after or None, "limit": PAGE}):
            yield from page.data
