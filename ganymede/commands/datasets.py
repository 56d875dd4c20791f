"""`ganymede datasets`: what can be trained on, in and out. Knows no route."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganymede.commands import completion, show
from ganymede.commands import output as saving
from ganymede.commands.folder import Found, pack
from ganymede.commands.session import Refused, Session, command
from ganymede.commands.watch_import import show_import
from ganymede.names import readable

if TYPE_CHECKING:
    from ganymede.schemas.models import DatasetBody, ImportReport

BAD_SHOWN = 20
MAX_NAME = 60  # characters of a folder's name, which may take four bytes each

datasets = typer.Typer(no_args_is_help=True, help="What can be trained on.")

Name = Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset.", autocompletion=completion.datasets)]


@command(datasets, "ls")
def list_datasets(session: Session) -> None:
    """List the datasets."""
    session.reply_list(
        session.client.datasets.pages(),
        ("DATASET", "IMAGES", "SIZE", "CLASSES", "LICENCE"),
        lambda d: (d.name, d.count, f"{d.height}x{d.width}x{d.channels}", len(d.class_names), d.licence),
    )


@command(datasets, "show")
def show_dataset(session: Session, dataset: Name) -> None:
    """Show one dataset: size, classes, source, licence."""
    body = session.client.datasets.get(dataset)
    session.reply([body.name], lambda: _show(body))


@command(datasets, "import")
def import_dataset(
    session: Session,
    dataset: Name,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="A zip, a tar or a folder of pictures or sounds, an .npz, .npy or IDX files."
        ),
    ],
    size: Annotated[int | None, typer.Option(help="Pixels a side: 16, 28, 32, 56, 64, 112, 128, 224 or 256.")] = None,
    crop: Annotated[str | None, typer.Option(help="centre (the middle square) or none (all of it).")] = None,
    channels: Annotated[int | None, typer.Option(help="1 or 3; default: 1 if every picture is grey.")] = None,
    background: Annotated[str | None, typer.Option(help="white or black, behind what is transparent.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of file names that are not in UTF-8, as cp932, gbk or cp1252.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where the pictures come from.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which licence.")] = None,
    attribution: Annotated[str | None, typer.Option(help="Whom to name.")] = None,
) -> None:
    """Upload pictures or sounds in class folders, arrays (.npz, .npy) or IDX files, and make a dataset of them."""
    with _uploadable(session, paths) as (files, left_out), show_import(session) as request_id:
        body = session.client.datasets.add(
            dataset,
            files,
            size=size,
            crop=crop,
            channels=channels,
            background=background,
            encoding=encoding,
            source=source,
            licence=licence,
            attribution=attribution,
            request_id=request_id,
        )
    _print_report(session, body.report, left_out)
    session.reply([body.name], lambda: _show(body))
    session.say(f"{body.name} {body.change}; train on it:  ganymede train dcgan {body.name}", "green")


@command(datasets, "preview")
def preview(
    session: Session,
    dataset: Name,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to, a PNG; - is stdout.")],
    label: Annotated[str | None, typer.Option("--label", "-l", help="Class name or index: only this class.")] = None,
    n: Annotated[int | None, typer.Option("-n", help="Largest number of images.")] = None,
) -> None:
    """Save a contact sheet of a dataset."""
    saving.check(session, output)
    sheet = session.client.datasets.preview(dataset, label=label, n=n)
    saving.put(output, sheet)
    session.show_picture(sheet)
    session.say(f"{dataset} -> {saving.shown_name(output)}")


@command(datasets, "clip")
def clip(
    session: Session,
    dataset: Name,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to, a WAV; - is stdout.")],
    label: Annotated[str | None, typer.Option("--label", "-l", help="Class name or index: of this class.")] = None,
    index: Annotated[int | None, typer.Option(help="Which clip; default: the first.")] = None,
) -> None:
    """Save a clip of a dataset of sounds."""
    saving.check(session, output)
    saving.put(output, session.client.datasets.clip(dataset, label=label, index=index))
    session.say(f"{dataset} -> {saving.shown_name(output)}")


@command(datasets, "rm")
def remove(
    session: Session,
    names: Annotated[
        list[str], typer.Argument(metavar="DATASET...", help="Names.", autocompletion=completion.datasets)
    ],
) -> None:
    """Delete datasets with all their versions; one that a run needs is refused."""
    for name in names:
        session.step(lambda name=name: session.client.datasets.delete(name))  # type: ignore[misc]
        if not session.curl:
            session.say(f"deleted {name}")


@contextlib.contextmanager
def _uploadable(session: Session, paths: list[Path]) -> Iterator[tuple[list[Path], list[Found]]]:
    """Yield the files to send, and what is left out; a folder becomes a temporary tar."""
    if not any(path.is_dir() for path in paths):
        yield paths, []
        return
    if len(paths) > 1:
        raise typer.BadParameter("one folder at a time", param_hint="PATH")
    if session.curl:
        raise Refused(f"{paths[0]} is a folder; with --curl give a zip or a tar of it")
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / f"{paths[0].resolve().name[:MAX_NAME] or 'files'}.tar"
        left_out = pack(paths[0], target)
        yield [target], left_out


def _print_report(session: Session, report: "ImportReport", left_out: list[Found]) -> None:
    for found in left_out[:BAD_SHOWN]:
        session.say(f"  {show.clean(readable(found.name))}: {found.reason}", "yellow")
    if len(left_out) > BAD_SHOWN:
        session.say(f"  and {len(left_out) - BAD_SHOWN} more that cannot be sent", "yellow")
    session.say(f"{report.taken} of {report.files} files taken, {report.bad} bad, {report.ignored} ignored")
    if report.enlarged:
        session.say(f"{report.enlarged} were smaller than the size, and were enlarged", "yellow")
    for bad in report.bad_files[:BAD_SHOWN]:
        session.say(f"  {show.clean(bad.name)}: {show.clean(bad.reason)}", "yellow")
    if report.bad > BAD_SHOWN:
        session.say(f"  and {report.bad - BAD_SHOWN} more", "yellow")
    for note in report.notes:
        session.say(show.clean(note), "yellow")


def _show(body: "DatasetBody") -> None:
    classes = ", ".join(f"{name} {count}" for name, count in zip(body.class_names, body.class_counts, strict=False))
    show.facts(
        [
            ("dataset", body.name),
            ("version", body.version),
            ("images", body.count),
            ("size", f"{body.height}x{body.width}, {body.channels} channels"),
            ("classes", classes or None),
            ("mean", _listed(body.mean)),
            ("deviation", _listed(body.std)),
            ("duplicates", body.duplicates),
            ("bytes", None if body.bytes is None else show.size(body.bytes)),
            ("source", body.source),
            ("licence", body.licence),
            ("attribution", body.attribution),
            ("digest", body.digest),
            ("made by", show.key(body.made_by)),
            ("created", body.created_at),
        ]
    )


def _listed(values: list[float] | None) -> str | None:
    return None if values is None else ", ".join(show.clean(value) for value in values)
