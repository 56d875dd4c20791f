"""The events of a run as they happen: over broken connections and restarts of the service, each once and in order.

Knows the stream's own rules: ids count up from 1 without a gap, so that a double and a hole can be told.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from pydantic import ValidationError

from ganymede.client.connection import ServiceConnection, flat
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

    async def events(self) -> AsyncGenerator[EventBody | ProgressMessage, None]:
        """Yield until the run is over, whatever happens to the connection.

        Raises:
            ApiError: there is no such run (any more).
            Unreachable: nothing has answered for `give_up_after_s`.
        """
        self._answered_at = time.monotonic()
        while True:
            try:
                async with aclosing(self._messages()) as messages:
                    async for message in messages:
                        self.pause_s = FIRST_PAUSE_S
                        async for event in self._read(message):
                            yield event
                is_over = (await self.connection.get(RunBody, self.run_path)).is_terminal
                if not self._saw_end:  # it had ended before `after`, or its last words were lost
                    async for event in self._missed():
                        yield event
                if is_over:
                    return
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    raise
                if time.monotonic() - self._answered_at > self.give_up_after_s:
                    raise
                if self.on_break is not None:
                    self.on_break(error)
            await self.connection.pause(self.pause_s)
            self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)

    async def _messages(self) -> AsyncGenerator[Message, None]:
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = str(self.last_id)
        parser = MessageParser()
        async with self.connection.stream(self.path, timeout=SILENT_FOR_S, headers=headers) as answer:
            if answer.head.status_code == NO_CONTENT:  # it is over, and we have every event
                return
            if not answer.head.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise NotUnderstood(f"{self.connection.url}{self.path} does not answer with events")
            self._answered_at = time.monotonic()
            async for chunk in answer.chunks:
                self._answered_at = time.monotonic()
                for message in parser.feed(chunk):
                    yield message
        self.pause_s = max(self.pause_s, parser.retry_s or 0)

    async def _read(self, message: Message) -> AsyncGenerator[EventBody | ProgressMessage, None]:
        try:
            if message.type == "progress":
                yield ProgressMessage.model_validate_json(message.data)
                return
            if message.type == "reset":  # the service does not know our last id: a crash took its newest events
                stored = [event.id async for event in self._stored(0)]
                self.last_id = min(self.last_id, stored[-1] if stored else 0)
                return
            event = EventBody.model_validate_json(message.data)
        except ValidationError:
            return  # a kind of message that this build does not know
        if event.id > self.last_id + 1:
            async for missed in self._missed():
                yield missed
        if event.id > self.last_id:
            self.last_id, self._saw_end = event.id, event.type == "end"
            yield event

    async def _missed(self) -> AsyncGenerator[EventBody, None]:
        async for event in self._stored(self.last_id):
            if event.id > self.last_id:
                self.last_id = event.id
                yield event

    def _stored(self, after: int) -> AsyncGenerator[EventBody, None]:
        asked = {"after": after or None, "limit": PAGE}
        return flat(self.connection.pages(Page[EventBody], self.path, asked))
