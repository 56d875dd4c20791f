"""`ganymede train --dry-run`: what a run would be and what it would take; starts none. Knows no option's meaning."""

from typing import TYPE_CHECKING, Any

from ganymede.commands import show
from ganymede.commands.session import Session

if TYPE_CHECKING:
    from ganymede.schemas.validation import ValidationBody


def dry_run(session: Session, what: list[str], **asked: Any) -> int:
    """Have the service measure a run, and print the result."""
    if not (session.as_json or session.quiet or session.curl):
        session.say("measuring some steps ...")
    answer = session.client.validate(*what, **asked)
    session.reply([], lambda: _show(session, answer))
    return 0


def _show(session: Session, answer: "ValidationBody") -> None:
    show.facts(_facts(answer))
    for warning in answer.warnings:
        field = f"{warning.pointer}: " if warning.pointer else ""
        session.say(show.clean(f"{field}{warning.detail}"), "yellow")


def _facts(answer: "ValidationBody") -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("recipe", answer.recipe),
        ("dataset", answer.dataset["name"]),
        ("model", answer.model),
    ]
    parameters = answer.parameters
    facts += [("parameters", f"generator {parameters.generator:,}, discriminator {parameters.discriminator:,}")]
    if answer.time is not None:
        speed = f"{answer.time.images_per_second:,.0f} images/s"
        facts += [("time", f"{show.duration(answer.time.seconds)} at {speed}")]
        least, most = answer.time.seconds_range.least, answer.time.seconds_range.most
        facts += [("between", f"{show.duration(least)} and {show.duration(most)}")]
    if answer.memory is not None:
        about = "" if answer.memory.is_measured else "about "
        facts += [("memory", f"{about}{show.size(answer.memory.bytes)} of {show.size(answer.memory.machine_bytes)}")]
    if answer.measured is not None:
        place = answer.measured
        facts += [("measured", f"on {place.host}: {place.device}, {place.precision}, {place.threads} threads")]
    return facts + [(name, value) for name, value in answer.resolved.items() if not isinstance(value, dict)]
