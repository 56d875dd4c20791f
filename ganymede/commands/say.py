"""`ganymede say`: has a model of sounds say words, and writes them to a WAV or FLAC. Knows no route."""

from pathlib import Path
from typing import Annotated

import typer

from ganymede.commands import output as saving
from ganymede.commands.generate import Model, Output, print_facts
from ganymede.commands.session import Session

ENDINGS = frozenset({"wav", "flac", "zip"})  # that name a format


def say(
    session: Session,
    output: Output,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...", help="Class names or indices, one behind the other; without any: the seed's."
        ),
    ] = None,
    model: Model = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same sound; without one a random seed is told.")] = None,
    n: Annotated[int | None, typer.Option("-n", help="Number of clips of one word, one behind the other.")] = None,
    truncation: Annotated[float | None, typer.Option(help="Shrinks the noise: above 0, up to 1.")] = None,
) -> int:
    """Say words with a model that has learnt sounds. The same model version, seed and words give the same bytes."""
    words = words or []
    if n is not None and len(words) > 1:
        raise typer.BadParameter("for one word; of several each is said once", param_hint="-n")
    saving.check(session, output)
    ending = Path(output).suffix.removeprefix(".").lower()
    drawing = session.client.say(
        words[0] if len(words) == 1 else words or None,
        model=model,
        seed=seed,
        n=n,
        truncation=truncation,
        format=ending if ending in ENDINGS else None,
    )
    saving.put(output, drawing.content)
    print_facts(session, drawing, output)
    return 0
