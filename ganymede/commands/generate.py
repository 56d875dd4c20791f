"""`ganymede generate`: draws, and writes what came to a file or to stdout. Knows no route."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ganymede.commands import show
from ganymede.commands.session import Session

STDOUT = "-"
ENDINGS = frozenset(
    {"png", "webp", "npy", "zip", "json"}
)  # that name a format; whether it can be had, the service says


Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is stdout.")]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="NAME, NAME@VERSION, NAME:ALIAS or run:ID@STEP; default: the service's."),
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", "-l", help="Class name or index; repeat it for one per image.")
]
Format = Annotated[str | None, typer.Option(help="png or npy; default: as FILE ends, else png.")]


def generate(
    session: Session,
    output: Output,
    model: Model = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same image; without one a random seed is told.")] = None,
    label: Labels = None,
    n: Annotated[int | None, typer.Option("-n", help="Number of images; from 2 on, PNG is a contact sheet.")] = None,
    format: Format = None,
) -> int:
    """Draw pictures. The same model version, seed and label give the same bytes."""
    if output == STDOUT and sys.stdout.isatty() and not session.curl:
        raise typer.BadParameter("a picture is no text for a terminal: name a file, or pipe it on", param_hint="-o")
    session.save_to(output)
    ending = Path(output).suffix.removeprefix(".").lower()
    drawing = session.client.generate(
        model=model,
        seed=seed,
        label=label or None,
        n=n,
        format=format or (ending if ending in ENDINGS else None),
    )
    if output == STDOUT:
        sys.stdout.buffer.write(drawing.content)
        sys.stdout.buffer.flush()
    else:
        drawing.save(output)
    label_told = "" if drawing.label is None else f" label {drawing.label}"
    session.say(f"{drawing.reference} seed {drawing.seed}{label_told} -> {'stdout' if output == STDOUT else output}")
    if session.as_json and output != STDOUT:
        told: dict[str, object] = {
            "model": drawing.model,
            "version": drawing.version,
            "digest": drawing.digest,
            "seed": drawing.seed,
        }
        told |= {"label": drawing.label, "bytes": len(drawing.content), "file": output, "timings": drawing.timings}
        show.line(json.dumps(told))
    return 0
