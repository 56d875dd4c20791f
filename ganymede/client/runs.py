"""`client.runs`: training runs, their history and what can be done to them. Knows the routes under /train.

Knows no terminal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ganymede.client.connection import ServiceConnection, given, part
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


class Runs:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def list(self, *, limit: int | None = None, **filters: Any) -> Iterator[RunBody]:
        """Runs, newest first, fetched page by page; `filters` as in `pages`."""
        pages = self.pages(page_size=min(limit or PAGE, PAGE), **filters)
        return islice((run for page in pages for run in page.data), limit)

    def pages(
        self,
        *,
        status: str | Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        dataset: str | None = None,
        recipe: str | None = None,
        model: str | None = None,
        page_size: int = PAGE,
    ) -> Iterator[Page[RunBody]]:
        """The list as the service gives it; of several `status` a run has one."""
        named = {f"tag.{key}": value for key, value in (tags or {}).items()}
        asked = {"status": status, "dataset": dataset, "recipe": recipe, "model": model, "limit": page_size, **named}
        return self._connection.pages(Page[RunBody], "/train", asked)

    def get(self, run: RunRef) -> RunBody:
        return self._connection.get(RunBody, _path(run))

    def patch(self, run: RunRef, **changes: Any) -> RunBody:
        """Change `name`, `tags` (merged; None removes one) or `notes`; None removes."""
        return self._connection.ask(RunBody, "PATCH", _path(run), json=changes)

    def delete(self, run: RunRef) -> None:
        """Remove a run and its files; the versions it published stay."""
        self._connection.send("DELETE", _path(run))

    def cancel(self, run: RunRef) -> RunBody:
        return self._do(run, "cancel")

    def pause(self, run: RunRef) -> RunBody:
        return self._do(run, "pause")

    def resume(self, run: RunRef) -> RunBody:
        return self._do(run, "resume")

    def retry(self, run: RunRef) -> RunBody:
        return self._do(run, "retry")

    def watch(
        self,
        run: RunRef,
        after: int | None = None,
        *,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        on_break: Callable[[ClientError], object] | None = None,
    ) -> Iterator[EventBody | ProgressMessage]:
        """Events as they happen, and between them where the run is; ends with the event `end`.

        A broken connection is made again, after telling `on_break`; no event comes twice, none is left out.
        """
        return iter(Follower(self._connection, _path(run), after or 0, give_up_after_s, on_break))

    def events(
        self,
        run: RunRef,
        after: int | None = None,
        *,
        follow: bool = True,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> Iterator[EventBody]:
        """Events after the id `after`: those there are and, with `follow`, those that come, until `end`."""
        if follow:
            live = self.watch(run, after, give_up_after_s=give_up_after_s)
            return (event for event in live if isinstance(event, EventBody))
        return (event for page in self.event_pages(run, after) for event in page.data)

    def event_pages(self, run: RunRef, after: int | None = None) -> Iterator[Page[EventBody]]:
        return self._connection.pages(Page[EventBody], f"{_path(run)}/events", {"after": after})

    def wait(self, run: RunRef) -> RunBody:
        """Until the run has ended; returns how."""
        for _ in self.events(run):
            pass
        return self.get(run)

    def metrics(
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
        return self._connection.get(MetricsBody, f"{_path(run)}/metrics", asked)

    def metrics_csv(self, run: RunRef, *, max_points: int | None = None) -> str:
        """Every point, or `max_points` of them."""
        asked = given(max_points=max_points)
        answer = self._connection.send("GET", f"{_path(run)}/metrics", params=asked, headers={"Accept": "text/csv"})
        return answer.text

    def samples(self, run: RunRef) -> Iterator[SampleBody]:
        return (sample for page in self.sample_pages(run) for sample in page.data)

    def sample_pages(self, run: RunRef) -> Iterator[Page[SampleBody]]:
        return self._connection.pages(Page[SampleBody], f"{_path(run)}/samples")

    def sample(self, run: RunRef, step: int | str = "latest") -> bytes:
        """One grid of samples as WebP: of a step, or the newest."""
        return self._connection.send("GET", f"{_path(run)}/samples/{part(step)}").content

    def nearest(self, run: RunRef, step: int | str = "latest") -> NearestBody:
        """The fakes of an evaluated step that are nearest to a real picture, and what is usual among real ones."""
        path, headers = f"{_path(run)}/checkpoints/{part(step)}/nearest", {"Accept": "application/json"}
        return self._connection.ask(NearestBody, "GET", path, headers=headers)

    def nearest_sheet(self, run: RunRef, step: int | str = "latest", *, form: str = "webp") -> bytes:
        """The same as a sheet, each fake beside its real picture: `webp` or `png`."""
        path, headers = f"{_path(run)}/checkpoints/{part(step)}/nearest", {"Accept": f"image/{form}"}
        return self._connection.send("GET", path, headers=headers).content

    def timeline(self, run: RunRef, **how: Any) -> TimelineBody:
        """One seed, drawn by each checkpoint that the run keeps and each version that was published of it, and what is
        gone; `how` as in `timeline_picture`."""
        asked = {"run": _id(run), **given(**how), "format": "json"}
        return self._connection.get(TimelineBody, "/generate/timeline", asked)

    def timeline_picture(
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
        return self._connection.send(
            "GET", "/generate/timeline", params={"run": _id(run), **how, "format": form}
        ).content

    def checkpoints(self, run: RunRef) -> Iterator[CheckpointBody]:
        return (checkpoint for page in self.checkpoint_pages(run) for checkpoint in page.data)

    def checkpoint_pages(self, run: RunRef) -> Iterator[Page[CheckpointBody]]:
        return self._connection.pages(Page[CheckpointBody], f"{_path(run)}/checkpoints")

    def publish(self, run: RunRef, step: int | str, *, model: str | None = None) -> VersionBody:
        """Make a checkpoint a version of a model: the run's own, or `model`."""
        path = f"{_path(run)}/checkpoints/{part(step)}/publish"
        return self._connection.ask(VersionBody, "POST", path, json=given(model=model))

    def log(self, run: RunRef, *, tail: int | None = None, after: int | None = None) -> LogPart:
        """Of the log the last `tail` lines, or what stands behind the offset `after`; else as the service chooses."""
        asked = given(tail=tail, after=after)
        answer = self._connection.send("GET", f"{_path(run)}/log", params=asked)
        offset = answer.headers.get("Next-Offset", "")
        return LogPart(answer.text, int(offset) if offset.isascii() and offset.isdecimal() else None)

    def _do(self, run: RunRef, verb: str) -> RunBody:
        return self._connection.ask(RunBody, "POST", f"{_path(run)}/{verb}")


def _path(run: RunRef) -> str:
    return f"/train/{part(_id(run))}"


def _id(run: RunRef) -> str:
    return run if isinstance(run, str) else run.id
