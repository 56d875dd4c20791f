"""`ganymede demo`: the whole product once, from a training request to a picture that a judge can read.

A user of the client like any other: it starts the service on a free port with a home of its own, and ends it.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.machine.processes import python_module
from core.settings import Settings, load_settings
from ganymede.client import Client
from ganymede.errors import ClientError
from ganymede.supervisor import LOOK_EVERY_S, Supervisor, base_url, free_port, until_asked_to_stop
from ganymede.up import why_not_ready

MODEL = "demo"
# Half the usual width: 92 of 100 digits are right, not 94, in half the time. The judge measures, once.
CONFIG: dict[str, int | str] = {"steps": 1200, "width": 128, "extractor": "none"}
READY_WITHIN_S = 120.0
TIME_LIMIT_S = 900.0  # wall clock, for all of it: a core without bfloat16 takes four minutes
HOT_LOAD_WITHIN_S = 10.0
JUDGED_IMAGES = 1000
SHEET = 64  # images of one request
LEAST_ACCURACY = 0.85
GRID = Path("demo.png")

Config = Mapping[str, int | str]


class DemoFailed(Exception):
    """The demo failed; the text says how far it got."""


def run(talk: Console, config: Config = CONFIG, least_accuracy: float = LEAST_ACCURACY) -> int:
    """Train, draw, measure, report; return 0 only if enough digits are read right."""
    limit = time.monotonic() + TIME_LIMIT_S
    with tempfile.TemporaryDirectory(prefix="ganymede-demo-") as home:
        port = free_port()
        settings = load_settings().model_copy(
            update={"home": Path(home), "store": None, "redis_url": None, "host": "127.0.0.1", "port": port}
        )
        ours = {"HOME": home, "HOST": "127.0.0.1", "PORT": str(port)}  # of the user's own settings the rest is kept out
        empty = ("STORE", "REDIS_URL", "ALLOWED_HOSTS", "DEFAULT_MODEL", "MAX_IMAGES", "MAX_WAIT")
        environment = {f"GANYMEDE_{name}": value for name, value in {**dict.fromkeys(empty, ""), **ours}.items()}
        supervisor = Supervisor(settings, say=talk.print, environment=environment)
        with until_asked_to_stop() as is_asked_to_stop, supervisor.running():
            try:
                accuracy = _tour(_Watch(talk, supervisor, is_asked_to_stop, limit), settings, config)
            except (DemoFailed, ClientError, subprocess.TimeoutExpired) as failure:
                talk.print(f"[red]demo failed:[/] {failure}")
                return 1
    if accuracy < least_accuracy:
        talk.print(f"[red]demo failed:[/] {accuracy:.1%} of the digits are read right, not {least_accuracy:.0%}")
        return 1
    talk.print(f"[green]demo passed:[/] {accuracy:.1%} of the digits are read right; the grid is in {GRID}")
    return 0


class _Watch:
    """Keeps the service alive while the demo waits, and the demo within its time."""

    def __init__(self, talk: Console, supervisor: Supervisor, is_asked_to_stop: Any, limit: float) -> None:
        self.talk, self.supervisor, self.is_asked_to_stop, self.limit = talk, supervisor, is_asked_to_stop, limit

    def pause(self, doing: str, limit: float | None = None) -> None:
        self.supervisor.look_after()
        if self.is_asked_to_stop():
            raise DemoFailed("stopped by a signal")
        if time.monotonic() > min(self.limit, limit or self.limit):
            raise DemoFailed(f"out of time while {doing}")
        time.sleep(LOOK_EVERY_S)


def _tour(watch: _Watch, settings: Settings, config: Config) -> float:
    """Run all steps of the demo; return the label accuracy."""
    began = time.monotonic()
    while (why := why_not_ready(settings)) is not None:
        watch.pause(f"waiting for the API: {why or 'nothing answers'}", began + READY_WITHIN_S)
    watch.talk.print(f"the service is up after {time.monotonic() - began:.1f} s: {base_url(settings)}")
    with Client(base_url(settings)) as client:
        _train(watch, client, config)
        return _measure(watch, client, _draw(watch, client))


def _train(watch: _Watch, client: Client, config: Config) -> None:
    body = {"recipe": "cgan", "dataset": "mnist-10k", "model": MODEL, "config": config}
    run, began = client.train("cgan", "mnist-10k", model=MODEL, config=config), time.monotonic()
    steps = run.progress.total
    watch.talk.print(f"POST /train {json.dumps(body)} -> {run.id}", soft_wrap=True, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=watch.talk) as bar:
        task = bar.add_task("training", total=steps)
        while not run.is_terminal:
            watch.pause(f"training, at step {run.progress.step} of {steps}")
            run = client.runs.get(run)
            bar.update(task, completed=run.progress.step)
    if run.status != "succeeded":
        raise DemoFailed(f"the run is {run.status}: {run.failure}")
    seen, took = run.progress.images_seen, time.monotonic() - began
    versions = ", ".join(str(entry.version) for entry in run.published)
    watch.talk.print(
        f"trained {steps} steps in {took:.0f} s ({seen / took:.0f} images/s all in); published versions {versions}"
    )


def _draw(watch: _Watch, client: Client) -> str:
    """Wait for the hot-load, draw seeds 0 to 63 (the digits count up), and return the version's reference."""
    limit = time.monotonic() + HOT_LOAD_WITHIN_S
    newest = client.models.get(MODEL).newest_version
    while (sheet := client.generate(model=MODEL, seed=0, n=SHEET)).version != newest:
        watch.pause("waiting for the hot-load", limit)
    sheet.save(GRID)
    watch.talk.print(f"GET /generate?model={MODEL}&seed=0&n={SHEET} -> version {newest}, {len(sheet.content)} bytes")
    return sheet.reference


def _measure(watch: _Watch, client: Client, reference: str) -> float:
    """Measure label accuracy by the judge, in a process of its own: it needs torch."""
    with tempfile.TemporaryDirectory(prefix="ganymede-judged-") as folder:
        files = []
        for seed in range(0, JUDGED_IMAGES, SHEET):
            drawn = client.generate(model=reference, seed=seed, n=min(SHEET, JUDGED_IMAGES - seed), format="npy")
            files.append(drawn.save(Path(folder) / f"{seed}.npy"))
        judge = subprocess.run(
            python_module("worker.judge", *files),
            stdout=subprocess.PIPE,
            check=False,
            timeout=max(1.0, watch.limit - time.monotonic()),
        )
    if judge.returncode != 0:
        raise DemoFailed("the judge could not judge")
    return float(json.loads(judge.stdout)["label_accuracy"])
