"""Delivers: finds the webhooks of runs and models, and sends what each has waiting. One process at a time does.

It runs on an event loop of its own, in a thread, so that no request waits for its files and handshakes. Events of one
webhook go one after the other; those of several at once, but few to one host.
"""

import asyncio
import functools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from app.events.webhooks.lane import Lane
from app.events.webhooks.sender import Sender
from app.http.telemetry import Telemetry
from core.errors import GanymedeError
from core.network.webhooks.messages import OutgoingMessage, ReceiverAnswer
from core.network.webhooks.progress import RetryPace
from core.network.webhooks.signing import SecretsFile
from core.network.webhooks.sources import EventSource, ModelSource, RunSource
from core.network.webhooks.subscription import ModelWebhooks
from core.registry import Registry
from core.runs import Run, RunStore
from core.store import files

LOOK_EVERY_S = 0.5
RESTING_LOOK_EVERY_S = 30.0  # at a run that is over (it may be retried), and at what could not be read
LOCK_EVERY_S = 2.0  # where another process delivers
UNKEPT_PAUSE_S = 10.0  # where a disk takes nothing
MOST_AT_ONCE, MOST_TO_A_HOST = 32, 4

log = logging.getLogger(__name__)

IsOver = Callable[[], bool]


class Deliverer:
    """All webhooks of one store."""

    def __init__(
        self,
        runs: RunStore,
        registry: Registry,
        secrets: SecretsFile,
        sender: Sender,
        telemetry: Telemetry,
        pace: RetryPace | None = None,
    ) -> None:
        self.runs, self.registry, self.secrets, self.sender = runs, registry, secrets, sender
        self.telemetry, self.pace, self.hooks = telemetry, pace or RetryPace(), ModelWebhooks(runs.store)
        self._lanes: dict[str, Lane] = {}
        self._known: set[str] = set()  # runs that were looked at for a webhook
        self._unusable: dict[str, float] = {}  # models whose webhook cannot be read, and when to try again

    def run(self, is_over: IsOver) -> None:
        """Deliver until it is over, whenever no other process does."""
        asyncio.run(self._run(is_over))

    async def _run(self, is_over: IsOver) -> None:
        self.hooks.folder.mkdir(exist_ok=True)
        while not is_over():
            with files.try_lock_file(self.hooks.folder / ".deliverer.lock") as is_mine:
                if is_mine:
                    await self._deliver(is_over)
            await asyncio.sleep(LOCK_EVERY_S)

    async def _deliver(self, is_over: IsOver) -> None:
        self._lanes.clear()  # another process may have delivered meanwhile
        self._known.clear()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while not is_over():
                self.find()
                for lane in self.due():
                    lane.is_busy = True
                    task = asyncio.create_task(self._send_waiting(lane))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def find(self) -> None:
        """Find webhooks that are new."""
        ids = set(self.runs.index.ids())
        for run_id in sorted(ids - self._known):  # oldest first
            run = Run(self.runs.store, run_id)
            if run.webhook_file.exists():
                self._add(f"runs/{run_id}", functools.partial(_of_run, run))
        self._known = ids
        for model in self.hooks.names():
            name = f"models/{model}"
            if name not in self._lanes and self._unusable.get(name, 0.0) <= time.monotonic():
                self._add(name, functools.partial(ModelSource, self.registry, self.hooks, model))

    def due(self) -> Iterator[Lane]:
        """Look at every webhook, and yield those that have something to be sent now."""
        busy = Counter(_host(lane) for lane in self._lanes.values() if lane.is_busy)
        for name, lane in list(self._lanes.items()):
            if lane.is_busy or not self._look(name, lane):
                continue
            host = _host(lane)
            if lane.is_due(time.time()) and busy.total() < MOST_AT_ONCE and busy[host] < MOST_TO_A_HOST:
                busy[host] += 1
                yield lane

    def _add(self, name: str, source: Callable[[], EventSource | None]) -> None:
        try:
            found = source()
            if found is not None:
                self._lanes[name] = Lane(found, self.pace)
        except FileNotFoundError:
            pass  # gone already
        except (GanymedeError, OSError) as error:
            self._unusable[name] = time.monotonic() + RESTING_LOOK_EVERY_S
            log.warning("the webhook of %s cannot be used: %s", name, error)

    def _look(self, name: str, lane: Lane) -> bool:
        """Look for events where it is time; return whether the webhook is still there."""
        now = time.monotonic()
        if now < lane.look_at:
            return True
        try:
            lane.look()
            is_at_rest = lane.source.rests and not lane.waiting
            lane.look_at = now + (RESTING_LOOK_EVERY_S if is_at_rest else 0.0)
        except FileNotFoundError:
            del self._lanes[name]
            return False
        except (GanymedeError, OSError) as error:
            lane.look_at = now + RESTING_LOOK_EVERY_S
            log.warning("the webhook of %s cannot be looked at: %s", name, error)
        return True

    async def _send_waiting(self, lane: Lane) -> None:
        try:
            while lane.is_due(time.time()):
                message = lane.waiting[0]
                answer = await self._send(lane, message)
                outcome = lane.note(message, answer, time.time())
                self.telemetry.webhooks.labels(outcome).inc()
                if outcome == "given_up":
                    log.warning("the webhook of %s is given up: %s", message.id, answer.detail)
        except FileNotFoundError:
            lane.look_at = 0.0  # what it is about was deleted: the next look finds that
        except OSError as error:  # a full disk: what was sent is sent again
            log.warning("how far a webhook is cannot be kept: %s", error)
            await asyncio.sleep(UNKEPT_PAUSE_S)
        finally:
            lane.is_busy = False

    async def _send(self, lane: Lane, message: OutgoingMessage) -> ReceiverAnswer:
        told = lane.subscription
        try:
            secret = self.secrets.get(told.secret)
        except GanymedeError as error:
            return ReceiverAnswer(None, str(error), 0.0)
        if secret.id != told.secret_id:
            return ReceiverAnswer(None, f"the secret {told.secret!r} is another one since", 0.0)
        return await self.sender.send(told.url, secret, message.id, message.payload)


def _of_run(run: Run) -> RunSource | None:
    told = run.spec().webhook
    return None if told is None else RunSource(run, told)


def _host(lane: Lane) -> str:
    return urlsplit(lane.subscription.url).netloc
