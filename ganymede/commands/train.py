"""`ganymede train`: starts a run and watches it. Knows no option's meaning: the service checks them."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ganymede.commands import completion, show
from ganymede.commands.dry_run import dry_run
from ganymede.commands.session import Session
from ganymede.commands.watch import watch

if TYPE_CHECKING:
    from ganymede.schemas.runs import RunBody

T = TypeVar("T")
WHAT = "[RECIPE] DATASET"


def _two_at_most(given: list[str]) -> list[str]:
    if len(given) > 2:
        raise typer.BadParameter(f"expected {WHAT}, got {' '.join(given)}")
    return given


What = Annotated[
    list[str],
    typer.Argument(
        metavar=WHAT,
        callback=_two_at_most,
        autocompletion=completion.datasets,
        help="What to train on (ganymede datasets ls), and how, say cgan; auto, or left out: what suits the pictures.",
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the training; may be repeated.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A label; may be repeated.")]
Init = Annotated[str | None, typer.Option(metavar="REF", help="Weights to start from: a model, or run:RUN@STEP.")]
PublishEvery = Annotated[int | None, typer.Option(metavar="N", help="Steps between published versions.")]
Final = Annotated[str | None, typer.Option(metavar="WHICH", help="What to publish at the end: best or last.")]
StopOn = Annotated[list[str] | None, typer.Option(metavar="VERDICT", help="Act on this verdict; may be repeated.")]
StopAction = Annotated[str | None, typer.Option(metavar="HOW", help="remedy, alert, pause, rollback or stop.")]
Patience = Annotated[int | None, typer.Option(metavar="N", help="End after so many evaluations without a better one.")]
MaxImages = Annotated[int | None, typer.Option(metavar="N", help="End after so many real images.")]
MaxDuration = Annotated[float | None, typer.Option(metavar="S", help="End after so many seconds of work.")]
Processes = Annotated[
    int | None, typer.Option(metavar="N", help="Processes that share each batch: one a GPU, or on the CPU.")
]
Webhook = Annotated[str | None, typer.Option(metavar="URL", help="Where to send its events.")]
WebhookSecret = Annotated[str | None, typer.Option(metavar="NAME", help="The secret that signs them; default.")]


def train(
    session: Session,
    what: What,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model to publish under.")] = None,
    name: Annotated[str | None, typer.Option(help="A title for people.")] = None,
    init: Init = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, batches and noise.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Length in generator updates.")] = None,
    publish_every: PublishEvery = None,
    publish_final: Final = None,
    stop_on: StopOn = None,
    stop_action: StopAction = None,
    patience: Patience = None,
    max_images: MaxImages = None,
    max_duration: MaxDuration = None,
    processes: Processes = None,
    webhook: Webhook = None,
    webhook_secret: WebhookSecret = None,
    settings: Settings = None,
    tags: Tags = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Do not watch.")] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Tell what it would be and take; start nothing.")] = False,
) -> int:
    """Start a training run and watch it. Ctrl-C stops watching; the run goes on."""
    config = {key: value(text) for key, text in pairs(settings, "--set").items()} | _given(steps=steps)
    asked: dict[str, Any] = {"model": model, "name": name, "init": init, "seed": seed, "config": config or None}
    asked |= {
        "publish": _given(every_steps=publish_every, final=publish_final) or None,
        "stop": _given(on=stop_on or None, action=stop_action, patience=patience) or None,
        "limits": _given(max_images=max_images, max_duration=max_duration) or None,
        "resources": _given(processes=processes) or None,
        "webhook": _given(url=webhook, secret=webhook_secret) or None,
        "tags": pairs(tags, "--tag") or None,
    }
    if is_dry:
        return dry_run(session, what, **asked)
    if session.curl:
        run_id = session.capture("RUN", "run_[0-9a-f]*", lambda: session.client.train(*what, **asked).id)
        return 0 if detach else watch(session, run_id)
    return _follow(session, session.client.train(*what, **asked), detach)


def _follow(session: Session, run: "RunBody", detach: bool) -> int:
    if detach:
        session.reply([run.id], lambda: show.line(f"{run.id} {run.status}"))
        if run.recipe_reason:
            session.say(show.clean(f"  it trains {run.recipe}: {run.recipe_reason}"))
        session.say(f"  watch it:  ganymede runs watch {run.id}")
        return 0
    if not session.as_json:
        show.line(run.id)
    status = watch(session, run.id)
    if session.as_json:
        session.client.runs.get(run.id)
        session.reply_json()
    return status


def _given(**options: T) -> dict[str, T]:
    return {name: content for name, content in options.items() if content is not None}


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Turn `["a=1"]` into `{"a": "1"}`."""
    found: dict[str, str] = {}
    for text in given or ():
        key, equals, content = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
        found[key] = content
    return found


def value(text: str) -> Any:
    """Parse a text as JSON, else return it."""
    try:
        read = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if isinstance(read, float) and not math.isfinite(read) else read
