"""A run watched to its end: a bar on a terminal, a line every few seconds elsewhere. Knows events, no connection."""

import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from ganymede.commands import show
from ganymede.commands.session import FAILED, INTERRUPTED, Session

if TYPE_CHECKING:
    from ganymede.schemas.runs import EventBody, ProgressMessage, RunBody

LINE_EVERY_S = 5.0
NOT_TOLD = frozenset({"metrics", "sample", "checkpoint", "progress", "end"})  # the numbers tell of them


class _Lines:
    """Plain lines: for a log file, or a pipe."""

    def __init__(self, session: Session) -> None:
        self.say = session.say
        self._due_at = 0.0

    def show(self, now: "ProgressMessage") -> None:
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + LINE_EVERY_S
            self.say(f"{_where(now)}  {_numbers(now)}".rstrip())


class _Bar:
    """One line that moves; what happens scrolls by above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("waiting", total=None, where="", numbers="")

    def say(self, message: str, style: str = "") -> None:
        self._progress.console.print(Text(message, style), soft_wrap=True)

    def show(self, now: "ProgressMessage") -> None:
        task = now.task
        self._progress.update(
            self._task,
            description=show.clean(now.phase if task else "training"),
            completed=task.done if task else now.step,
            total=task.total if task else now.total,
            where=_where(now),
            numbers=_numbers(now),
        )


class _Numbers(ProgressColumn):
    """The newest numbers; where the terminal is narrow, they give way."""

    def get_table_column(self) -> Column:
        return Column()

    def render(self, task: Task) -> Text:
        return Text(task.fields["numbers"], "dim", no_wrap=True, overflow="ellipsis")


def watch(session: Session, run_id: str, *, print_events: bool = False) -> int:
    """Follow a run until it ends; return the exit status. Ctrl-C stops watching, not the run."""
    from ganymede.schemas.runs import ProgressMessage

    try:
        with contextlib.ExitStack() as stack:
            display = _display(session, stack)
            broke = lambda error: display.say(f"{error}; trying again", "yellow")  # noqa: E731
            for message in session.client.runs.watch(run_id, on_break=broke):
                if isinstance(message, ProgressMessage):
                    display.show(message)
                    continue
                if print_events:
                    show.line(message.model_dump_json())
                if message.type not in NOT_TOLD:
                    display.say(describe(message))
    except KeyboardInterrupt:
        session.say(f"\nno longer watching; {run_id} goes on")
        session.say(f"  come back:  ganymede runs watch {run_id}\n  end it:     ganymede runs cancel {run_id}")
        return INTERRUPTED
    run = session.client.runs.get(run_id)
    if session.shows_pictures and run.latest.sample_step is not None:
        session.show_picture(session.client.runs.sample(run_id))
    return conclude(session, run)


def conclude(session: Session, run: "RunBody") -> int:
    """Print how a run ended; return 0 only if it succeeded."""
    if run.status == "succeeded":
        versions = ", ".join(f"{entry.model}@{entry.version}" for entry in run.published[-3:])
        session.say(f"{run.id} succeeded after {run.progress.step} steps; published {versions or 'nothing'}", "green")
        if run.ended_early:
            session.say(f"  of {run.progress.total}: {show.clean(run.ended_early.message)}", "yellow")
        if run.published:
            session.say(f"  draw from it:  ganymede generate -m {run.model} -o {run.model}.png")
        return 0
    session.say(f"{run.id} is {run.status} at step {run.progress.step} of {run.progress.total}", "red")
    if run.failure:
        session.say(f"  {show.clean(run.failure.code)}: {show.clean(run.failure.message)}")
    if run.is_terminal:
        session.say(f"  go on from its last checkpoint:  ganymede runs retry {run.id}")
    return FAILED


def describe(event: "EventBody") -> str:
    """Describe an event in one line, and each piece of advice in another."""
    data = event.data
    if event.type == "status":
        again = f" (attempt {data['attempt']})" if data.get("attempt", 1) != 1 else ""
        return f"{clock(event.at)} {show.clean(data.get('status'))}{again}"
    if event.type == "published":
        return f"{clock(event.at)} published {show.clean(data.get('model'))}@{show.clean(data.get('version'))}"
    if event.type == "diagnosis":
        advice = "".join(f"\n  {show.clean(each.get('text'))}" for each in data.get("advice", ()))
        verdict = f" {show.clean(data['verdict'])}" if "verdict" in data else ""
        return f"{clock(event.at)} diagnosis{verdict}: {show.clean(data.get('summary'))}{advice}"
    text = data.get("summary") or data.get("message") or ", ".join(f"{name} {value}" for name, value in data.items())
    return f"{clock(event.at)} {show.clean(event.type)}: {show.clean(text)}"


def clock(at: str) -> str:
    """Return the local time of day; text that is no time stays."""
    with contextlib.suppress(ValueError):
        return dt.datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
    return show.clean(at)


def remaining(eta_at: str | None) -> str | None:
    if eta_at is None:
        return None
    with contextlib.suppress(ValueError, TypeError):
        left = dt.datetime.fromisoformat(eta_at) - dt.datetime.now(dt.UTC)
        return show.duration(left.total_seconds())
    return None


def _where(now: "ProgressMessage") -> str:
    if now.task is not None:
        share = "" if now.task.fraction is None else f" {now.task.fraction:.0%}"
        left = remaining(now.task.eta_at)
        return f"{show.clean(now.task.name).replace('_', ' ')}{share}" + (f"  {left} left" if left else "")
    speed = f"  {now.images_per_second:,.0f} images/s" if now.images_per_second else ""
    left = remaining(now.eta_at)
    return f"step {now.step}/{now.total} ({now.fraction:.0%}){speed}" + (f"  {left} left" if left else "")


def _numbers(now: "ProgressMessage") -> str:
    return show.numbers({name: value for name, value in now.metrics.items() if name != "images_per_second"}) or ""


def _display(session: Session, stack: contextlib.ExitStack) -> _Bar | _Lines:
    if session.quiet or not session.talk.is_terminal:
        return _Lines(session)
    where = TextColumn("{task.fields[where]}", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), where, _Numbers())
    return _Bar(stack.enter_context(Progress(*columns, console=session.talk, transient=True)))
