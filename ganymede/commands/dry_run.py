"""`ganymede train --dry-run`: what a run would be and what it would take; starts none. Knows no option's meaning."""

from typing import TYPE_CHECKING, Any

from ganymede.commands import show
from ganymede.commands.session import Session

if TYPE_CHECKING:
    from ganymede.schemas.validation import ValidationBody


def dry_run(session: Session, what: list[str], asked: dict[str, Any]) -> int:
    """Ask the service, which measures; tell what it says."""
    if not (session.as_json or session.quiet or session.curl):
        session.say("measuring some steps ...")
    told = session.client.validate(*what, **asked)
    session.reply([], lambda: _show(session, told))
    return 0


def _show(session: Session, told: "ValidationBody") -> None:
    show.facts(_facts(told))
    for warning in told.warnings:
        field = f"{warning.pointer}: " if warning.pointer else ""
        session.say(show.clean(f"{field}{warning.detail}"), "yellow")


def _facts(told: "ValidationBody") -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("recipe", told.recipe),
        ("dataset", told.dataset["name"]),
        ("model", told.model),
    ]
    parameters = told.parameters
    facts += [("parameters", f"generator {parameters.generator:,}, discriminator {parameters.discriminator:,}")]
    if told.time is not None:
        speed = f"{told.time.images_per_second:,.0f} images/s"
        facts += [("time", f"{show.duration(told.time.seconds)} at {speed}")]
        least, most = told.time.seconds_range.least, told.time.seconds_range.most
        facts += [("between", f"{show.duration(least)} and {show.duration(most)}")]
    if told.memory is not None:
        about = "" if told.memory.is_measured else "about "
        facts += [("memory", f"{about}{show.size(told.memory.bytes)} of {show.size(told.memory.machine_bytes)}")]
    if told.measured is not None:
        place = told.measured
        facts += [("measured", f"on {place.host}: {place.device}, {place.precision}, {place.threads} threads")]
    return facts + [(name, value) for name, value in told.resolved.items() if not isinstance(value, dict)]
