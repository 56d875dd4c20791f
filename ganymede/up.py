"""`ganymede up`: the whole service in one terminal, until Ctrl-C."""

import re
import time

import httpx
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from core.keys.door import refuse_open_door
from core.settings import Settings, SettingsError, load_settings
from ganymede.schemas.system import Readiness
from ganymede.supervisor import LOOK_EVERY_S, Say, Supervisor, base_url, relative_home, until_asked_to_stop

SLOW_AFTER_S = 60.0  # then a wait is told
NO_ANSWER = "the API does not answer yet; it is waited for"


def run(talk: Console) -> int:
    """Start everything, say where it is, keep it alive; return the exit status."""
    settings = load_settings()
    refuse_open_door(settings)
    if settings.bucket is not None:
        told = "a worker needs a folder: with an object store start the API alone (python -m app)"
        raise SettingsError(f"GANYMEDE_STORE: {told}")

    def say(text: str) -> None:
        talk.print(text, style="yellow", markup=False, soft_wrap=True)

    readiness = _ReadinessReport(talk, settings, say)
    supervisor = Supervisor(settings, say)
    with until_asked_to_stop() as is_asked_to_stop, supervisor.running():
        while not is_asked_to_stop():
            supervisor.look_after()
            readiness.look()
            time.sleep(LOOK_EVERY_S)
        talk.print("stopping: the API, then the worker (it writes a checkpoint), then the broker")
    return 0


class _ReadinessReport:
    """Reports what the service waits for, each reason once, and then that it is ready."""

    def __init__(self, talk: Console, settings: Settings, say: Say) -> None:
        self.talk, self.settings, self.say = talk, settings, say
        self.began, self.said, self.is_done = time.monotonic(), "", False

    def look(self) -> None:
        if self.is_done:
            return
        why, waited_s = why_not_ready(self.settings), time.monotonic() - self.began
        if why is None:
            self.is_done = True
            introduce(self.talk, self.settings, waited_s)
            return
        why = why or (NO_ANSWER if waited_s > SLOW_AFTER_S else self.said)
        if why != self.said:
            self.said = why
            self.say(why)


def why_not_ready(settings: Settings) -> str | None:
    """Say why the API cannot draw, and what to do; empty while nothing answers, None if it can."""
    url = base_url(settings)
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5, trust_env=False)  # no proxy
    except httpx.TransportError:
        return ""
    if answer.status_code == 200:
        return None
    try:
        reason = Readiness.model_validate_json(answer.content).reason
    except ValidationError:
        return f"{url}/readyz answers with status {answer.status_code}; is that our service?"
    is_missing = re.split("[@:]", settings.default_model)[0] in (reason or "")
    todo = "; train it, import it, or name another in GANYMEDE_DEFAULT_MODEL (ganymede models ls)" if is_missing else ""
    return f"{url} answers, but does not draw yet: {reason}{todo}"


def introduce(talk: Console, settings: Settings, took_s: float) -> None:
    """Say where the service is and what to try; no line is wrapped, so that it can be copied."""
    url = base_url(settings)
    home = escape(relative_home(settings))
    talk.print(f"\n[bold]Ganymede is ready[/] at {url} after {took_s:.1f} s; all it keeps: {home}/", soft_wrap=True)
    talk.print(f"  look:   {url}/ in a browser: draw, train, watch", soft_wrap=True)
    talk.print(f"  draw:   curl '{url}/generate?seed=42&label=7' -o seven.png", soft_wrap=True)
    body = '{"dataset":"mnist-10k","model":"mine"}'
    talk.print(f"  train:  curl --json '{body}' {url}/train", soft_wrap=True, markup=False)
    talk.print("  stop:   Ctrl-C\n")
