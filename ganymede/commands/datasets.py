"""`ganymede datasets`: what can be trained on. Knows no route."""

from typing import Annotated

import typer

from ganymede.commands import show
from ganymede.commands.session import Session, command

datasets = typer.Typer(no_args_is_help=True, help="What can be trained on.")


@command(datasets, "ls")
def list_datasets(session: Session) -> None:
    """List the datasets."""
    session.reply_list(
        session.client.datasets.pages(),
        ("DATASET", "IMAGES", "SIZE", "CLASSES", "LICENCE"),
        lambda d: (d.name, d.count, f"{d.height}x{d.width}x{d.channels}", len(d.class_names), d.licence),
    )


@command(datasets, "show")
def show_dataset(
    session: Session, dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset.")]
) -> None:
    """Show one dataset: size, classes, source, licence."""
    body = session.client.datasets.get(dataset)
    classes = ", ".join(f"{name} {count}" for name, count in zip(body.class_names, body.class_counts, strict=False))
    session.reply(
        [body.name],
        lambda: show.facts(
            [
                ("dataset", body.name),
                ("version", body.version),
                ("images", body.count),
                ("size", f"{body.height}x{body.width}, {body.channels} channels"),
                ("classes", classes or None),
                ("source", body.source),
                ("licence", body.licence),
                ("attribution", body.attribution),
                ("digest", body.digest),
                ("created", body.created_at),
            ]
        ),
    )
