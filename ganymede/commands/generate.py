"""`ganymede generate`: draws, and writes what came to a file or to stdout. Knows no route."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganymede.commands import completion, show
from ganymede.commands import output as saving
from ganymede.commands.session import Session

if TYPE_CHECKING:
    from ganymede.client import Drawing

ENDINGS = frozenset({"png", "webp", "npy", "zip", "json", "wav", "flac"})  # that name a format


Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is stdout.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="NAME, NAME@VERSION, NAME:ALIAS or run:ID@STEP; default: the service's.",
        autocompletion=completion.models,
    ),
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", "-l", help="Class name or index; repeat it for one per image.")
]
Format = Annotated[
    str | None,
    typer.Option(
        help="png, webp, json, zip or npy, of sounds also wav and flac; default: as FILE ends, else png (wav)."
    ),
]
Noise = Annotated[
    str | None,
    typer.Option("--z", metavar="FILE", help="A .npy file of noise, a row for each image, instead of seeds."),
]


def generate(
    session: Session,
    output: Output,
    model: Model = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same image; without one a random seed is told.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several, like 0,1,4-6, instead of --seed and -n.")] = None,
    label: Labels = None,
    n: Annotated[int | None, typer.Option("-n", help="Number of images; from 2 on, PNG is a contact sheet.")] = None,
    truncation: Annotated[float | None, typer.Option(help="Shrinks the noise: above 0, up to 1.")] = None,
    scale: Annotated[int | None, typer.Option(help="Every pixel becomes a square of so many pixels: 1 to 8.")] = None,
    format: Format = None,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Each PNG tells how it was drawn, for `ganymede inspect`.")
    ] = False,
    z: Noise = None,
) -> int:
    """Draw pictures. The same model version, seed and label give the same bytes."""
    saving.check(session, output, is_text=format == "json")
    ending = Path(output).suffix.removeprefix(".").lower()
    drawing = session.client.generate(
        model=model,
        seed=seed,
        seeds=seeds,
        label=label or None,
        n=n,
        truncation=truncation,
        scale=scale,
        format=format or (ending if ending in ENDINGS else None),
        metadata=metadata or None,
        z=_noise(z),
    )
    saving.put(output, drawing.content)
    session.show_picture(drawing.content)
    print_facts(session, drawing, output)
    return 0


def _noise(file: str | None) -> list[list[float]] | None:
    from ganymede.client.noise import read_noise  # here: `ganymede --help` needs no HTTP

    try:
        return None if file is None else read_noise(file)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--z") from None


def print_facts(session: Session, drawing: "Drawing", output: str) -> None:
    """Say what was drawn and where it is, for people or as JSON."""
    words = [drawing.reference]
    if drawing.seed is not None:
        words.append(f"seed {drawing.seed}" if drawing.seeds is None else f"seeds {','.join(map(str, drawing.seeds))}")
    if drawing.label is not None:
        words.append(f"label {drawing.label}")
    session.say(f"{' '.join(words)} -> {saving.shown_name(output)}")
    if session.as_json and output != saving.STDOUT:
        facts = {
            "model": drawing.model,
            "version": drawing.version,
            "digest": drawing.digest,
            "seed": drawing.seed,
            "seeds": drawing.seeds,
            "label": drawing.label,
            "bytes": len(drawing.content),
            "file": output,
            "timings": drawing.timings,
        }
        show.line(json.dumps(facts))
