"""A run as it looks after a while, written by a test instead of trained: curves, grids, a collapse that was noticed."""

import datetime as dt
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.datasets import DatasetStore
from core.runs import Run, RunStore
from core.store import Store, files
from ganymede.schemas.diagnosis import Diagnosis
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.records import numbers

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
EVERY = 10  # steps a grid, five reports
COLLAPSE = {
    "verdict": "mode_collapse",
    "summary": "pictures of a class are 8 times more alike than real ones, and were 1.2 times at step 400",
    "numbers": {"diversity": 0.121, "best_diversity": 0.83, "fd": 61.2},
    "advice": [
        {"text": "a lower learning rate of the discriminator", "field": "config.discriminator_lr", "value": 0.0001},
        {"text": "more pictures of each class"},
    ],
    "branch": 0,
    "step": 990,
    "since_step": 800,
}


def at(step: int) -> str:
    """When the run was at a step."""
    return (BEGAN + dt.timedelta(seconds=step / 4)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lived_run(store_path: Path, name: str, steps: int = 1000, grid: Image.Image | None = None) -> Run:
    """A paused run of so many steps; `grid` is what it learns to draw, out of noise."""
    store = Store(store_path)
    dataset = DatasetStore(store).get("mnist-10k").manifest
    spec = RunSpec(recipe="cgan", dataset="mnist-10k", model="lived", name=name)
    run = RunStore(store).create(spec, numbers(2 * steps, sample_every=EVERY), dataset)
    for step in range(2, steps + 1, 2):
        point = {"branch": 0, "step": step, "attempt": 1, "images_seen": 16 * step, "at": at(step)}
        files.append_json_line(run.metrics_file, {**point, **measured(step, steps)})
    for step in range(EVERY, steps + 1, EVERY):
        draw(run, step, step / steps, grid)
    compare(run, steps // 2)
    tell(run, steps)
    progress = {"step": steps, "images_seen": 16 * steps, "images_per_second": 64.0}
    run.change(
        lambda state: state.moved(
            Status.PAUSED,
            started_at=at(0),
            diagnosis=Diagnosis.model_validate(COLLAPSE),
            metrics=measured(steps, steps),
            sample_step=steps,
            progress=state.progress.model_copy(update=progress),
        )
    )
    run.log_file.write_text("".join(f"line {number} of the log\n" for number in range(40)))
    return run


def measured(step: int, steps: int) -> dict[str, float]:
    """Numbers as a run reports them: they wander, and get better until they get worse."""
    wave, noise = math.sin(step / 37), math.sin(step * 12.9898) * 0.5
    found = {
        "g_loss": 0.9 + 0.25 * wave + 0.2 * noise,
        "d_loss": 1.2 - 0.2 * wave + 0.15 * noise,
        "d_real": 0.6 + 0.2 * noise + 0.3 * step / steps,
        "d_fake": -0.6 + 0.2 * wave * noise,
        "g_gradient": 2.0 + wave + (30.0 if step == 800 else 0.0),
        "d_gradient": 8.0 + 2 * noise,
        "images_per_second": 64.0 + 4 * noise,
    }
    if step % 50 == 0:
        fd = 90 * math.exp(-step / 250) + max(0, step - 700) / 6 + 4
        found |= {"fd": fd, "fd_floor": 2.1, "kid": fd / 900, "kid_floor": 0.001}
    return found


def draw(run: Run, step: int, share: float, grid: Image.Image | None) -> None:
    """A grid that says which it is by its brightness; or `grid`, as far as it has been learnt."""
    rng = np.random.default_rng(step)
    picture = np.full((64, 80), int(255 * share), np.uint8)
    if grid is not None:
        real = np.asarray(grid.convert("L"), np.float32)
        noise = rng.normal(90, 90, real.shape).clip(0, 255)
        known = share**0.5
        picture = (real * known + noise * (1 - known)).clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(run.samples / f"0-{step}.webp", lossless=True)
    moment = dt.datetime.fromisoformat(at(step)).timestamp()
    os.utime(run.samples / f"0-{step}.webp", (moment, moment))


def compare(run: Run, step: int) -> None:
    """Two fakes beside the real pictures that they are nearest to, nearer than real ones are to each other."""
    run.nearest.mkdir()
    pair = {"label": 3, "ratio": 0.25, "real_label": 3}
    told = {"count": 2000, "least": 0.5, "fifth_percentile": 1.5, "median": 4.0}
    facts = {
        "schema": 1,
        "pairs": [{**pair, "seed": 7, "distance": 0.5, "index": 1}, {**pair, "seed": 8, "distance": 1.5, "index": 2}],
        "columns": 2,
        "fakes": told,
        "reals": {**told, "least": 1.0},
        "compared": 5000,
        "images": 10000,
        "extractor": "classifier",
    }
    files.write_json(run.nearest / f"0-{step}.json", facts, durable=False)
    Image.fromarray(np.tile(np.array([0, 255], np.uint8), (28, 56))).save(run.nearest / f"0-{step}.webp", lossless=True)


def tell(run: Run, steps: int) -> None:
    """What happened, in the order of its time."""
    told: list[tuple[str, int, dict[str, Any]]] = [
        ("status", 0, {"status": "running", "attempt": 1}),
        ("diagnosis", steps // 5, {"verdict": "healthy", "summary": "all is well", "since_step": steps // 5}),
        ("published", steps // 2, {"model": "lived", "version": 1, "step": steps // 2, "at": at(steps // 2)}),
        ("diagnosis", steps, {**COLLAPSE, "since_step": int(steps * 0.8)}),
    ]
    for number, (kind, step, data) in enumerate(told, 2):
        event = {"id": number, "type": kind, "at": at(step), "data": data}
        files.append_json_line(run.events_file, event)
