"""`ganymede runs log`, `events`, `metrics`, `samples`, `nearest`, `timeline`, `checkpoints`, `publish`: what a
run has left behind.

Knows no route.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganymede.commands import output as saving
from ganymede.commands import show
from ganymede.commands.runs import RunName, find_run, runs
from ganymede.commands.session import Session, command

if TYPE_CHECKING:
    from ganymede.schemas.runs import MetricsBody

LOOK_EVERY_S = 1.0
MOVING = {".webp": "webp", ".gif": "gif", ".apng": "apng"}  # endings of files that move


@command(runs, "log")
def log(
    session: Session,
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    tail: Annotated[int | None, typer.Option(metavar="N", min=1, help="Begin with so many last lines.")] = None,
) -> None:
    """Print the log of a run."""
    for part in _log(session, find_run(session, run), follow, tail):
        show.text(part)


def _log(session: Session, run_id: str, follow: bool, tail: int | None) -> Iterator[str]:
    """Yield the log in parts; a long one has several also without `follow`."""
    runs = session.client.runs
    part = runs.log(run_id, tail=tail, after=0 if tail is None else None)
    yield part.text
    while part.next_offset is not None:
        is_over = not follow or runs.get(run_id).is_terminal  # asked before: what comes later is not missed
        part = runs.log(run_id, after=part.next_offset)
        yield part.text
        if not part.text and is_over:
            return
        if not part.text:
            time.sleep(LOOK_EVERY_S)


@command(runs, "events")
def events(
    session: Session,
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
) -> None:
    """Print what happened to a run."""
    run_id = find_run(session, run)
    columns = ("ID", "AT", "TYPE", "DATA")
    if not follow:
        pages = session.client.runs.event_pages(run_id)
        session.reply_list(pages, columns, lambda e: (e.id, e.at, e.type, _flat(e.data)))
        return
    for event in session.client.runs.events(run_id):
        if session.as_json:
            show.line(event.model_dump_json())
        else:
            show.line("\t".join(show.clean(value) for value in (event.id, event.at, event.type, _flat(event.data))))
        show.flush()


def _flat(data: dict[str, Any]) -> str:
    parts = [_flat(value) if isinstance(value, dict) else f"{name}={show.clean(value)}" for name, value in data.items()]
    return ", ".join(parts)


@command(runs, "metrics")
def metrics(
    session: Session,
    run: RunName,
    csv: Annotated[bool, typer.Option("--csv", help="Every point, as CSV.")] = False,
    max_points: Annotated[int | None, typer.Option(metavar="N", help="So many points at most.")] = None,
) -> None:
    """Show how the numbers of a run went."""
    run_id = find_run(session, run)
    if csv:
        show.text(session.client.runs.metrics_csv(run_id, max_points=max_points))
        return
    body = session.client.runs.metrics(run_id, max_points=max_points)
    session.reply(body.columns, lambda: show.table(("METRIC", "NEWEST", "LOWEST", "HIGHEST", "COURSE"), _courses(body)))


def _courses(body: "MetricsBody") -> Iterator[tuple[object, ...]]:
    for name, values in zip(body.columns, body.data[1:], strict=False):
        measured = [value for value in values if value is not None]
        if measured:
            yield name, measured[-1], min(measured), max(measured), show.curve(values)


@command(runs, "samples")
def samples(
    session: Session,
    run: RunName,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save a grid (WebP) instead of listing them; - is stdout."),
    ] = None,
    step: Annotated[str, typer.Option(help="Which grid to save.")] = "latest",
) -> None:
    """List a run's grids of samples, or save one."""
    if output is not None:
        saving.check(session, output)
    run_id = find_run(session, run)
    if output is None:
        pages = session.client.runs.sample_pages(run_id)
        session.reply_list(pages, ("STEP", "SIZE", "AT", "URL"), lambda s: (s.step, show.size(s.bytes), s.at, s.url))
        return
    grid = session.client.runs.sample(run_id, step)
    saving.put(output, grid)
    session.show_picture(grid)
    session.say(f"samples of {run_id}, step {step} -> {saving.shown_name(output)}")


@command(runs, "nearest")
def nearest(
    session: Session,
    run: RunName,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Save the sheet (WebP or PNG); - is stdout.")
    ] = None,
    step: Annotated[str, typer.Option(help="Which evaluated step.")] = "latest",
) -> None:
    """Are these copies? The fakes nearest to a real picture, or the sheet that shows both."""
    if output is not None:
        saving.check(session, output)
    run_id = find_run(session, run)
    if output is not None:
        form = "png" if output.lower().endswith(".png") else "webp"
        sheet = session.client.runs.nearest_sheet(run_id, step, form=form)
        saving.put(output, sheet)
        session.show_picture(sheet)
        session.say(f"nearest of {run_id}, step {step} -> {saving.shown_name(output)}")
        return
    from ganymede.schemas.bodies import Page  # here: `ganymede --help` needs no pydantic
    from ganymede.schemas.nearest import NearestPair

    told = session.client.runs.nearest(run_id, step)
    pages = iter([Page[NearestPair](data=told.pairs, next_cursor=None)])
    columns = ("SEED", "LABEL", "DISTANCE", "REAL PICTURE")
    session.reply_list(pages, columns, lambda p: (p.seed, p.label, f"{p.distance:.4g}", p.index))
    session.say(f"step {told.step}: median of fakes {told.fakes.median:.4g}, of real pictures {told.reals.median:.4g}")


@command(runs, "timeline")
def timeline(
    session: Session,
    run: RunName,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Save a strip (PNG), or what moves (WebP, GIF); - is stdout."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Drawn by each of them.")] = 0,
    label: Annotated[str | None, typer.Option("--label", "-l", help="Class name or index.")] = None,
    scale: Annotated[int | None, typer.Option(help="Every pixel becomes a square of so many pixels: 1 to 8.")] = None,
) -> None:
    """See a run learn: one seed through all that is kept of its steps."""
    if output is not None:
        saving.check(session, output)
    run_id = find_run(session, run)
    if output is not None:
        form = MOVING.get(Path(output).suffix.lower(), "png")
        strip = session.client.runs.timeline_picture(run_id, seed=seed, label=label, scale=scale, form=form)
        saving.put(output, strip)
        session.show_picture(strip)
        session.say(f"seed {seed} through the steps of {run_id} -> {saving.shown_name(output)}")
        return
    from ganymede.schemas.bodies import Page  # here: `ganymede --help` needs no pydantic
    from ganymede.schemas.drawings import TimelineFrame

    told = session.client.runs.timeline(run_id, seed=seed, label=label, scale=scale)
    pages = iter([Page[TimelineFrame](data=told.frames, next_cursor=None)])
    session.reply_list(pages, ("STEP", "DRAWN BY"), lambda frame: (frame.step, frame.reference))
    session.say(f"{told.num_gone} checkpoints are gone; -o FILE saves the pictures")


@command(runs, "checkpoints")
def checkpoints(session: Session, run: RunName) -> None:
    """List a run's checkpoints: what can be published, or gone on from."""
    session.reply_list(
        session.client.runs.checkpoint_pages(find_run(session, run)),
        ("STEP", "IMAGES", "SIZE", "NUMBERS", "PUBLISHED", "AT"),
        lambda c: (
            c.step,
            c.images_seen,
            show.size(c.bytes),
            show.numbers(c.metrics),
            ", ".join(f"{entry.model}@{entry.version}" for entry in c.published),
            c.created_at,
        ),
    )


@command(runs, "publish")
def publish(
    session: Session,
    run: RunName,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Step of a checkpoint.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Model to publish under; default: the run's.")
    ] = None,
) -> None:
    """Make a checkpoint a new version of a model."""
    version = session.client.runs.publish(find_run(session, run), step, model=model)
    reference = f"{version.model}@{version.version}"
    session.reply([reference], lambda: show.line(f"{reference} {version.digest}"))
