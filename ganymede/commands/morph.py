"""`ganymede morph`: draws the way from seed to seed into a file that moves. Knows no route."""

from pathlib import Path
from typing import Annotated

import typer

from ganymede.commands import output as saving
from ganymede.commands.generate import Model, Output
from ganymede.commands.session import Session

ENDINGS = {"webp": "webp", "gif": "gif", "apng": "apng", "png": "apng", "zip": "zip"}  # of a file: its format

Labels = Annotated[
    list[str] | None, typer.Option("--label", "-l", help="Class name or index; repeat it for one per key.")
]


def morph(
    session: Session,
    seeds: Annotated[str, typer.Argument(metavar="SEEDS", help="The keys, like 1,7,12: two at least.")],
    output: Output,
    model: Model = None,
    label: Labels = None,
    frames: Annotated[int | None, typer.Option(metavar="N", help="Frames from one key to the next.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="From the last key back to the first.")] = False,
    fps: Annotated[int | None, typer.Option(metavar="N", help="Frames a second: 1 to 50.")] = None,
    truncation: Annotated[float | None, typer.Option(help="Shrinks the noise: above 0, up to 1.")] = None,
    scale: Annotated[int | None, typer.Option(help="Every pixel becomes a square of so many pixels: 1 to 8.")] = None,
    format: Annotated[
        str | None, typer.Option(help="webp, gif, apng or zip; default: as FILE ends, else webp.")
    ] = None,
) -> int:
    """Draw a moving picture: the way from seed to seed."""
    saving.check(session, output, is_text=False)
    ending = Path(output).suffix.removeprefix(".").lower()
    drawing = session.client.morph(
        seeds,
        model=model,
        label=label or None,
        frames=frames,
        loop=loop or None,
        fps=fps,
        truncation=truncation,
        scale=scale,
        format=format or ENDINGS.get(ending),
    )
    saving.put(output, drawing.content)
    session.show_picture(drawing.content)
    session.say(f"{drawing.reference} seeds {seeds} -> {saving.shown_name(output)}")
    return 0
