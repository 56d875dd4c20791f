"""`ganymede complete`: fills the hole of a picture, and writes what came to a file or to stdout. Knows no route."""

from pathlib import Path
from typing import Annotated

import typer

from ganymede.commands import output as saving
from ganymede.commands.generate import ENDINGS, Format, Labels, Model, Output, print_facts
from ganymede.commands.session import Session

Picture = Annotated[
    str, typer.Argument(metavar="PICTURE", help="A PNG, as large as the model's; its hole is transparent.")
]
Mask = Annotated[
    str | None, typer.Option("--mask", metavar="FILE", help="A PNG of that size: what is not black is a hole.")
]
Method = Annotated[
    str | None, typer.Option(help="search: by any model that draws, in a while; else by one that learnt to complete.")
]


def complete(
    session: Session,
    picture: Picture,
    output: Output,
    mask: Mask = None,
    model: Model = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same draft; without one a random seed is told.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several, like 0,1,4-6, instead of --seed and -n.")] = None,
    label: Labels = None,
    n: Annotated[int | None, typer.Option("-n", help="Number of drafts; from 2 on, PNG is a contact sheet.")] = None,
    truncation: Annotated[float | None, typer.Option(help="Shrinks the noise: above 0, up to 1.")] = None,
    scale: Annotated[int | None, typer.Option(help="Every pixel becomes a square of so many pixels: 1 to 8.")] = None,
    format: Format = None,
    method: Method = None,
    steps: Annotated[int | None, typer.Option(help="Of a search, for each draft: 0 to 1000.")] = None,
) -> int:
    """Fill the hole of a picture. What is known of it comes back as it was."""
    saving.check(session, output, is_text=format == "json")
    ending = Path(output).suffix.removeprefix(".").lower()
    drawing = session.client.complete(
        picture,
        mask,
        model=model,
        seed=seed,
        seeds=seeds,
        label=label or None,
        n=n,
        truncation=truncation,
        scale=scale,
        format=format or (ending if ending in ENDINGS else None),
        method=method,
        steps=steps,
    )
    saving.put(output, drawing.content)
    session.show_picture(drawing.content)
    print_facts(session, drawing, output)
    return 0
