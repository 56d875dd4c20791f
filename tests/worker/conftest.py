"""What worker tests share: a run of a tiny network on the `shapes` dataset, and a way to train it in this process."""

from collections.abc import Callable
from typing import Any

import pytest

from core.datasets import Dataset
from core.runs import Run, RunStore
from core.settings import Settings
from core.specs import RunSpec
from core.store import Store
from models.resolution import resolve
from worker import job

CreateRun = Callable[..., Run]
TrainHere = Callable[[Run], str]


@pytest.fixture
def create_run(store: Store, shapes: Dataset) -> CreateRun:
    """A queued run of 20 steps of a 16-wide `cgan`, nothing augmented; keyword arguments go into `config`, `publish`
    apart."""

    def create(publish: dict[str, Any] | None = None, seed: int = 0, recipe: str = "cgan", **config: Any) -> Run:
        config = {"batch_size": 16, "width": 16, "latent_dim": 4, "checkpoint_every": 5, "augment": "none", **config}
        config.setdefault("steps", 20)
        body = {"recipe": recipe, "dataset": "shapes", "seed": seed, "config": config, "publish": publish or {}}
        spec = RunSpec.model_validate(body)
        return RunStore(store).create(spec, resolve(spec, shapes.manifest), shapes.manifest)

    return create


@pytest.fixture
def train_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TrainHere:
    """worker.job without its process: the settings are the test's, output and priority stay as they are."""
    monkeypatch.setattr(job, "_write_output_to", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr("worker.execution.available_cores", lambda: 1)  # networks are tiny
    return lambda run: job.take_on(run.id, settings)
