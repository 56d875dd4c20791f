"""`ganymede up`: the whole service in one terminal, until Ctrl-C."""

import time

import httpx
from rich.console import Console
from rich.markup import escape

from core.settings import Settings, load_settings
from ganymede.supervisor import LOOK_EVERY_S, Supervisor, base_url, relative_home, until_told_to_stop


def run(talk: Console) -> int:
    """Start everything, say where it is, keep it alive; returns the exit status."""
    settings = load_settings()
    began = time.monotonic()
    supervisor = Supervisor(settings, say=lambda text: talk.print(text, style="yellow", markup=False, soft_wrap=True))
    with until_told_to_stop() as told, supervisor.running():
        is_told = False
        while not told():
            supervisor.look_after()
            if not is_told and is_ready(settings):
                is_told = True
                introduce(talk, settings, time.monotonic() - began)
            time.sleep(LOOK_EVERY_S)
        talk.print("stopping: the API, then the worker (it writes a checkpoint), then the broker")
    return 0


def is_ready(settings: Settings) -> bool:
    """Whether the API answers that it can draw."""
    try:
        return httpx.get(f"{base_url(settings)}/readyz", timeout=5, trust_env=False).status_code == 200  # no proxy
    except httpx.TransportError:
        return False


def introduce(talk: Console, settings: Settings, took_s: float) -> None:
    """Say where the service is and what to try; no line is broken, so that it can be copied."""
    url = base_url(settings)
    home = escape(relative_home(settings))
    talk.print(f"\n[bold]Ganymede is ready[/] at {url} after {took_s:.1f} s; all it keeps: {home}/", soft_wrap=True)
    talk.print(f"  draw:   curl '{url}/generate?seed=42&label=7' -o seven.png", soft_wrap=True)
    body = '{"recipe":"cgan","dataset":"mnist-10k","model":"mine"}'
    talk.print(f"  train:  curl --json '{body}' {url}/train", soft_wrap=True, markup=False)
    talk.print("  stop:   Ctrl-C\n")
