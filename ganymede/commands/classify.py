"""`ganymede classify`: names what pictures show. Knows no route."""

from typing import Annotated

import typer

from ganymede.commands import show
from ganymede.commands.generate import Model
from ganymede.commands.session import Session


def classify(
    session: Session,
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Files of any usual format and size.")],
    model: Model = None,
    top: Annotated[int | None, typer.Option(help="Number of classes that are told of each; 5 unless you say.")] = None,
) -> int:
    """Name what pictures show: of each the likeliest classes, with their probabilities."""
    body = session.client.classify(*pictures, model=model, top=top)
    rows = [
        (picture.file, each.name, f"{each.probability:.1%}") for picture in body.pictures for each in picture.classes
    ]
    session.reply(
        [picture.classes[0].name for picture in body.pictures],
        lambda: show.table(("PICTURE", "CLASS", "PROBABILITY"), rows),
    )
    return 0
