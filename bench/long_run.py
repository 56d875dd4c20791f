"""A run with many points and grids, written instead of trained: for what has to be quick also then.

Shape suffixes: H height, W width.
"""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from core.datasets import DatasetStore
from core.runs import Run, RunStore
from core.store import Store, files
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.resolution import resolve

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
REPORT_EVERY, BATCH = 10, 64
EVALUATE_EVERY = 100  # steps
SIZE = (288, 288)  # pixels of a grid


def long_run(store: Store, points: int, grids: int) -> Run:
    """A canceled run with so many points and grids, all of them kept."""
    steps, sample_every = points * REPORT_EVERY, points * REPORT_EVERY // grids
    manifest = DatasetStore(store).get("mnist-10k").manifest
    config = {"steps": steps, "report_every": REPORT_EVERY, "sample_every": sample_every, "batch_size": BATCH}
    spec = RunSpec.model_validate({"recipe": "cgan", "dataset": "mnist-10k", "name": "long", "config": config})
    run = RunStore(store).create(spec, resolve(spec, manifest), manifest)
    # at once, so that nobody trains it
    progress = run.state().progress.model_copy(update={"step": steps, "images_seen": BATCH * steps})
    run.change(
        lambda state: state.moved(
            Status.CANCELED, started_at=_at(0), metrics=_measured(steps, steps), sample_step=steps, progress=progress
        )
    )
    for step in range(REPORT_EVERY, steps + 1, REPORT_EVERY):
        facts = {"branch": 0, "step": step, "attempt": 1, "images_seen": BATCH * step, "at": _at(step)}
        files.append_json_line(run.metrics_file, facts | _measured(step, steps))
    for step in range(sample_every, steps + 1, sample_every):
        noise_HW = np.random.default_rng(step).integers(0, 256, SIZE, np.uint8)
        Image.fromarray(noise_HW).save(run.samples / f"0-{step}.webp", quality=50)
    return run


def _at(step: int) -> str:
    return (BEGAN + timedelta(seconds=step / 10)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _measured(step: int, steps: int) -> dict[str, float]:
    """Numbers that wander as those of a run do."""
    wave, noise = math.sin(step / 370), math.sin(step * 12.9898) * 0.5
    found = {
        "g_loss": 0.9 + 0.25 * wave + 0.2 * noise,
        "d_loss": 1.2 - 0.2 * wave + 0.15 * noise,
        "d_real": 0.6 + 0.2 * noise,
        "d_fake": -0.6 + 0.2 * wave * noise,
        "g_gradient": 2.0 + wave,
        "d_gradient": 8.0 + 2 * noise,
        "images_per_second": 640.0 + 4 * noise,
    }
    if step % EVALUATE_EVERY == 0:
        fd = 90 * math.exp(-4 * step / steps) + 4
        found |= {"fd": fd, "fd_floor": 2.1, "kid": fd / 900, "kid_floor": 0.001}
    return found
