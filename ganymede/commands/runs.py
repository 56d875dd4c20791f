"""`ganymede runs`: training runs listed, and what can be done to one. History and files of a run: commands.history.

Knows no route.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ganymede.commands import completion, show
from ganymede.commands.session import Refused, Session, command
from ganymede.commands.train import pairs
from ganymede.commands.watch import remaining, watch

if TYPE_CHECKING:
    from ganymede.schemas.diagnosis import Diagnosis, TakenRemedy
    from ganymede.schemas.runs import RunBody

LAST = "@last"
PART_OF_ID = re.compile(r"(run_)?[0-9a-f]+")
ID_LENGTH = len("run_") + 20
LARGEST_PAGE = 200

runs = typer.Typer(no_args_is_help=True, help="Training runs: what they do, and what can be done to them.")

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id, its beginning or end if no other has it, or @last.",
        autocompletion=completion.runs,
    ),
]


def find_run(session: Session, name: str) -> str:
    runs = session.client.runs
    if name == LAST:
        return session.capture("RUN", "run_[0-9a-f]*", lambda: _newest(session))
    if len(name) >= ID_LENGTH or not name:
        return name  # the service says if there is none
    if not PART_OF_ID.fullmatch(name):
        raise Refused(f"no run's id begins or ends with {name!r}")
    digits = name.removeprefix("run_")
    if session.curl:
        pattern = f"run_[0-9a-f]*{digits}[0-9a-f]*" if name == digits else f"{name}[0-9a-f]*"
        return session.capture("RUN", pattern, lambda: next(runs.pages(page_size=LARGEST_PAGE)).data[0].id)
    found = [run.id for run in runs.list() if run.id.startswith(f"run_{digits}") or run.id.endswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused(f"no run's id begins or ends with {name!r}")
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    raise Refused(f"{name!r} may be any of {len(found)} runs: {shown}")


def _newest(session: Session) -> str:
    for run in session.client.runs.list(limit=1):
        return run.id
    raise Refused("there is no run yet")


@command(runs, "ls")
def list_runs(
    session: Session,
    status: Annotated[list[str] | None, typer.Option(help="Only runs in this status; may be repeated.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only runs with this label; may be repeated.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only runs on this dataset.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only runs of this recipe.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only runs that publish under this name.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="So many at most.")] = 20,
) -> None:
    """List runs, newest first."""
    pages = session.client.runs.pages(
        status=status or None,
        tags=pairs(tag, "--tag"),
        dataset=dataset,
        recipe=recipe,
        model=model,
        page_size=min(limit, LARGEST_PAGE),
    )
    columns = ("RUN", "STATUS", "RECIPE", "DATASET", "MODEL", "STEP", "LEFT", "NAME")
    session.reply_list(pages, columns, _row, limit)


def _row(run: "RunBody") -> tuple[object, ...]:
    step = f"{run.progress.step}/{run.progress.total}"
    return run.id, run.status, run.recipe, run.dataset, run.model, step, remaining(run.eta_at), run.name


@command(runs, "show")
def show_run(session: Session, run: RunName) -> None:
    """Show one run: status, progress, newest numbers, what it published."""
    body = session.client.runs.get(find_run(session, run))
    session.reply([body.id], lambda: show.facts(_facts(body)))


def _facts(run: "RunBody") -> list[tuple[str, object]]:
    progress, place = run.progress, run.queue.position
    published = [f"{entry.model}@{entry.version} (step {entry.step})" for entry in run.published]
    speed = progress.images_per_second
    return [
        ("run", run.id),
        ("name", run.name),
        ("status", run.status),
        ("phase", run.phase),
        ("in the queue", None if place is None else "next" if place == 0 else f"{place} before it"),
        ("failure", run.failure and f"{run.failure.code}: {run.failure.message}"),
        ("ended early", run.ended_early and run.ended_early.message),
        *_diagnosis(run.diagnosis),
        *(("remedy", _remedy(taken)) for taken in run.remedies),
        ("recipe", run.recipe),
        ("chosen", run.recipe_reason),
        ("dataset", run.dataset),
        ("model", run.model),
        ("starts from", run.init and run.init.reference),
        ("step", f"{progress.step} of {progress.total} ({progress.fraction:.0%}), attempt {run.attempt}"),
        ("images", f"{progress.images_seen}" + (f", {speed:,.0f} a second" if speed else "")),
        ("left", remaining(run.eta_at)),
        ("numbers", show.numbers(run.latest.metrics)),
        ("checkpoint", run.latest.checkpoint_step and f"step {run.latest.checkpoint_step}"),
        ("best", run.best and f"step {run.best.step}: {run.best.metric} {run.best.value:.4g}"),
        ("published", ", ".join(published) or None),
        ("asked", _listed(run.config.items())),
        ("stop", f"{run.stop.action} on {', '.join(run.stop.on)}" if run.stop.on else None),
        ("limits", _listed(run.limits.model_dump(exclude_none=True).items())),
        ("tags", _listed(run.tags.items())),
        ("notes", run.notes),
        ("made by", show.key(run.made_by)),
        ("created", run.created_at),
        ("started", run.started_at),
        ("finished", run.finished_at),
    ]


def _diagnosis(found: "Diagnosis | None") -> list[tuple[str, object]]:
    if found is None:
        return []
    since = f", since step {found.since_step}" if found.since_step != found.step else ""
    return [
        ("diagnosis", f"{found.verdict} (step {found.step}{since}): {found.summary}"),
        *(("advice", each.text) for each in found.advice),
        ("done about it", found.action),
    ]


def _remedy(taken: "TakenRemedy") -> str:
    left = f"{taken.verdict} at step {taken.from_step}"
    return f"{left}: back to step {taken.step} (branch {taken.branch}), and on with {taken.in_words()}"


def _listed(values: Iterable[tuple[str, object]]) -> str | None:
    return ", ".join(f"{key}={value}" for key, value in values) or None


@command(runs, "watch")
def watch_run(session: Session, run: RunName) -> int:
    """Watch a run until it ends. Ctrl-C stops watching; the run goes on. With --json: its events, one a line."""
    return watch(session, find_run(session, run), print_events=session.as_json)


@command(runs, "cancel")
def cancel(session: Session, run: RunName) -> None:
    """End a run; a running one keeps a last checkpoint."""
    _changed(session, session.client.runs.cancel(find_run(session, run)))


@command(runs, "pause")
def pause(session: Session, run: RunName) -> None:
    """Let a run leave its worker, with a checkpoint to go on from."""
    _changed(session, session.client.runs.pause(find_run(session, run)))


@command(runs, "resume")
def resume(session: Session, run: RunName) -> None:
    """Let a paused run go on."""
    _changed(session, session.client.runs.resume(find_run(session, run)))


@command(runs, "retry")
def retry(session: Session, run: RunName) -> None:
    """Let a failed or canceled run go on from its last checkpoint."""
    _changed(session, session.client.runs.retry(find_run(session, run)))


def _changed(session: Session, run: "RunBody") -> None:
    session.reply([run.id], lambda: show.line(f"{run.id} {run.status}"))


@command(runs, "edit")
def edit(
    session: Session,
    run: RunName,
    name: Annotated[str | None, typer.Option(help="A title for people; empty: none.")] = None,
    notes: Annotated[str | None, typer.Option(help="Free text; empty: none.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label; empty: without it. May be repeated.")
    ] = None,
) -> None:
    """Change the name, notes or labels of a run. What is left out stays."""
    labels = {key: text or None for key, text in pairs(tag, "--tag").items()}
    changes = {key: text or None for key, text in (("name", name), ("notes", notes)) if text is not None}
    if not changes and not labels:
        raise typer.BadParameter("say what to change: --name, --notes or --tag")
    _changed(session, session.client.runs.patch(find_run(session, run), **changes, **({"tags": labels} if tag else {})))


@command(runs, "rm")
def remove(
    session: Session,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs that have ended.", autocompletion=completion.runs)
    ],
) -> None:
    """Delete runs and their files. What they published stays."""
    for name in runs:
        run_id = find_run(session, name)
        session.step(lambda found=run_id: session.client.runs.delete(found))  # type: ignore[misc]
        if not session.curl:
            session.say(f"deleted {run_id}")
