"""`ganymede inspect`: what a picture tells of itself, and whether that is true. Knows no route."""

from typing import Annotated

import typer

from ganymede.commands import show
from ganymede.commands.session import FAILED, Session

VERDICTS = {True: "yes", False: "no", None: "cannot be told"}


def inspect(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A PNG that was drawn with --metadata.")],
    verify: Annotated[bool, typer.Option("--verify", help="Draw it again; 1 unless every pixel is the same.")] = False,
) -> int:
    """Tell how a picture was drawn, and whether drawing it again gives the same pixels."""
    body = session.client.inspect(file, verify=verify)
    recipe = body.recipe
    session.reply(
        [f"{recipe.model}@{recipe.version}"],
        lambda: show.facts(
            [
                ("model", f"{recipe.model}@{recipe.version}"),
                ("digest", recipe.digest),
                ("seed", _listed(recipe.seed)),
                ("label", _listed(recipe.label)),
                ("noise", None if recipe.z is None else f"given, {len(recipe.z)} rows"),
                ("truncation", recipe.truncation),
                ("scale", recipe.scale),
                ("size", f"{body.width}x{body.height}"),
                ("verified", VERDICTS[body.verified] if verify else None),
                ("reason", body.reason),
            ]
        ),
    )
    return FAILED if verify and body.verified is not True else 0


def _listed(value: int | list[int] | None) -> str | None:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return None if value is None else str(value)
