"""`client.runs`: training runs, their history and what can be done to them. Knows the routes under /train.

Knows no terminal.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ganymede.client.blocking import Blocking, blocking, blocking_iterator
from ganymede.client.connection import ServiceConnection, flat, given, part
from ganymede.client.follow import Follower
from ganymede.errors import ClientError
from ganymede.schemas.bodies import Page
from ganymede.schemas.drawings import TimelineBody
from ganymede.schemas.models import VersionBody
from ganymede.schemas.nearest import NearestBody
from ganymede.schemas.runs import CheckpointBody, EventBody, MetricsBody, ProgressMessage, RunBody, SampleBody

PAGE = 100
GIVE_UP_AFTER_S = 300.0  # of a service that does not answer while its events are followed

RunRef = str | RunBody


@dataclass(frozen=True, slots=True)
class LogPart:
    """Some of a run's log; `next_offset` is the `after` of what comes behind it."""

    text: str = field(repr=False)
    next_offset: int | None


class AsyncRuns:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def list(self, /, *, limit: int | None = None, **filters: Any) -> AsyncGenerator[RunBody, None]:
        """Runs, newest first, fetched page by page; `filters` as in `pages`."""
        return flat(self.pages(page_size=min(limit or PAGE, PAGE), **filters), limit)

    def pages(
        self,
        *,
        status: str | Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        dataset: str | None = None,
        recipe: str | None = None,
        model: str | None = None,
        page_size: int = PAGE,
    ) -> AsyncGenerator[Page[RunBody], None]:
        """The list as the service gives it; of several `status` a run has one."""
        named = {f"tag.{key}": value for key, value in (tags or {}).items()}
        asked = {"status": status, "dataset": dataset, "recipe": recipe, "model": model, "limit": page_size, **named}
        return self._connection.pages(Page[RunBody], "/train", asked)

    async def get(self, run: RunRef) -> RunBody:
        return await self._connection.get(RunBody, _path(run))

    async def patch(self, /, run: RunRef, **changes: Any) -> RunBody:
        """Change `name`, `tags` (merged; None removes one) or `notes`; None removes."""
        return await self._connection.ask(RunBody, "PATCH", _path(run), json=changes)

    async def delete(self, run: RunRef) -> None:
        """Remove a run and its files; the versions it published stay."""
        await self._connection.send("DELETE", _path(run))

    async def cancel(self, run: RunRef) -> RunBody:
        return await self._do(run, "cancel")

    async def pause(self, run: RunRef) -> RunBody:
        return await self._do(run, "pause")

    async def resume(self, run: RunRef) -> RunBody:
        return await self._do(run, "resume")

    async def retry(self, run: RunRef) -> RunBody:
        return await self._do(run, "retry")

    def watch(
        self,
        run: RunRef,
        after: int | None = None,
        *,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        on_break: Callable[[ClientError], object] | None = None,
    ) -> AsyncGenerator[EventBody | ProgressMessage, None]:
        """Events as they happen, and between them where the run is; ends with the event `end`.

        A broken connection is made again, after telling `on_break`; no event comes twice, none is left out.
        """
        return Follower(self._connection, _path(run), after or 0, give_up_after_s, on_break).events()

    async def events(
        self,
        run: RunRef,
        after: int | None = None,
        *,
        follow: bool = True,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> AsyncGenerator[EventBody, None]:
        """Events after the id `after`: those there are and, with `follow`, those that come, until `end`."""
        if not follow:
            async for event in flat(self.event_pages(run, after)):
                yield event
            return
        async with aclosing(self.watch(run, after, give_up_after_s=give_up_after_s)) as live:
            async for each in live:
                if isinstance(each, EventBody):
                    yield each

    def event_pages(self, run: RunRef, after: int | None = None) -> AsyncGenerator[Page[EventBody], None]:
        return self._connection.pages(Page[EventBody], f"{_path(run)}/events", {"after": after})

    async def wait(self, run: RunRef) -> RunBody:
        """Until the run has ended; returns how."""
        async for _ in self.events(run):
            pass
        return await self.get(run)

    async def metrics(
        self,
        run: RunRef,
        *,
        x: str | None = None,
        columns: Sequence[str] | None = None,
        max_points: int | None = None,
        after_step: int | None = None,
        branch: int | None = None,
    ) -> MetricsBody:
        """The metric history along `x` (`step`, `images_seen` or `time`), thinned to `max_points`; of one `branch`
        also what a newer one left behind."""
        asked = {"x": x, "columns": columns, "max_points": max_points, "after_step": after_step, "branch": branch}
        return await self._connection.get(MetricsBody, f"{_path(run)}/metrics", asked)

    async def metrics_csv(self, run: RunRef, *, max_points: int | None = None) -> str:
        """Every point, or `max_points` of them."""
        asked, headers = given(max_points=max_points), {"Accept": "text/csv"}
        answer = await self._connection.send("GET", f"{_path(run)}/metrics", params=asked, headers=headers)
        return answer.text

    def samples(self, run: RunRef) -> AsyncGenerator[SampleBody, None]:
        return flat(self.sample_pages(run))

    def sample_pages(self, run: RunRef) -> AsyncGenerator[Page[SampleBody], None]:
        return self._connection.pages(Page[SampleBody], f"{_path(run)}/samples")

    async def sample(self, run: RunRef, step: int | str = "latest") -> bytes:
        """One grid of samples as WebP: of a step, or the newest."""
        return await self._connection.content(f"{_path(run)}/samples/{part(step)}")

    async def nearest(self, run: RunRef, step: int | str = "latest") -> NearestBody:
        """The fakes of an evaluated step that are nearest to a real picture, and what is usual among real ones."""
        path, headers = f"{_path(run)}/checkpoints/{part(step)}/nearest", {"Accept": "application/json"}
        return await self._connection.ask(NearestBody, "GET", path, headers=headers)

    async def nearest_sheet(self, run: RunRef, step: int | str = "latest", *, form: str = "webp") -> bytes:
        """The same as a sheet, each fake beside its real picture: `webp` or `png`."""
        path, headers = f"{_path(run)}/checkpoints/{part(step)}/nearest", {"Accept": f"image/{form}"}
        return await self._connection.content(path, headers=headers)

    async def timeline(self, /, run: RunRef, **how: Any) -> TimelineBody:
        """One seed, drawn by each checkpoint that the run keeps and each version that was published of it, and what is
        gone; `how` as in `timeline_picture`."""
        asked = {"run": _id(run), **given(**how), "format": "json"}
        return await self._connection.get(TimelineBody, "/generate/timeline", asked)

    async def timeline_picture(
        self,
        run: RunRef,
        *,
        seed: int | None = None,
        label: int | str | None = None,
        truncation: float | None = None,
        scale: int | None = None,
        fps: int | None = None,
        form: str = "png",
    ) -> bytes:
        """The same as one picture: a strip (`png`), or one that moves (`webp`, `gif` or `apng`)."""
        how = given(seed=seed, label=label, truncation=truncation, scale=scale, fps=fps)
        return await self._connection.content("/generate/timeline", params={"run": _id(run), **how, "format": form})

    def checkpoints(self, run: RunRef) -> AsyncGenerator[CheckpointBody, None]:
        return flat(self.checkpoint_pages(run))

    def checkpoint_pages(self, run: RunRef) -> AsyncGenerator[Page[CheckpointBody], None]:
        return self._connection.pages(Page[CheckpointBody], f"{_path(run)}/checkpoints")

    async def publish(self, run: RunRef, step: int | str, *, model: str | None = None) -> VersionBody:
        """Make a checkpoint a version of a model: the run's own, or `model`."""
        path = f"{_path(run)}/checkpoints/{part(step)}/publish"
        return await self._connection.ask(VersionBody, "POST", path, json=given(model=model))

    async def log(self, run: RunRef, *, tail: int | None = None, after: int | None = None) -> LogPart:
        """Of the log the last `tail` lines, or what stands behind the offset `after`; else as the service chooses."""
        asked = given(tail=tail, after=after)
        answer = await self._connection.send("GET", f"{_path(run)}/log", params=asked)
        offset = answer.headers.get("Next-Offset", "")
        return LogPart(answer.text, int(offset) if offset.isascii() and offset.isdecimal() else None)

    async def _do(self, run: RunRef, verb: str) -> RunBody:
        return await self._connection.ask(RunBody, "POST", f"{_path(run)}/{verb}")


def _path(run: RunRef) -> str:
    return f"/train/{part(_id(run))}"


def _id(run: RunRef) -> str:
    return run if isinstance(run, str) else run.id


class Runs(Blocking):
    """`AsyncRuns` for who waits."""

    list = blocking_iterator(AsyncRuns.list)
    pages = blocking_iterator(AsyncRuns.pages)
    get = blocking(AsyncRuns.get)
    patch = blocking(AsyncRuns.patch)
    delete = blocking(AsyncRuns.delete)
    cancel = blocking(AsyncRuns.cancel)
    pause = blocking(AsyncRuns.pause)
    resume = blocking(AsyncRuns.resume)
    retry = blocking(AsyncRuns.retry)
    watch = blocking_iterator(AsyncRuns.watch)
    events = blocking_iterator(AsyncRuns.events)
    event_pages = blocking_iterator(AsyncRuns.event_pages)
    wait = blocking(AsyncRuns.wait)
    metrics = blocking(AsyncRuns.metrics)
    metrics_csv = blocking(AsyncRuns.metrics_csv)
    samples = blocking_iterator(AsyncRuns.samples)
    sample_pages = blocking_iterator(AsyncRuns.sample_pages)
    sample = blocking(AsyncRuns.sample)
    nearest = blocking(AsyncRuns.nearest)
    nearest_sheet = blocking(AsyncRuns.nearest_sheet)
    timeline = blocking(AsyncRuns.timeline)
    timeline_picture = blocking(AsyncRuns.timeline_picture)
    checkpoints = blocking_iterator(AsyncRuns.checkpoints)
    checkpoint_pages = blocking_iterator(AsyncRuns.checkpoint_pages)
    publish = blocking(AsyncRuns.publish)
    log = blocking(AsyncRuns.log)
