"""What worker tests share: a run of a tiny network on the `shapes` dataset, and a way to train it in this process."""

from collections.abc import Callable
from typing import Any

import pytest

from core.datasets import Dataset, DatasetStore
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec
from models.initial import find_initial, resolve_with
from worker import job

CreateRun = Callable[..., Run]
TrainHere = Callable[[Run], str]


@pytest.fixture
def create_run(store: Store, shapes: Dataset, device: str) -> CreateRun:
    """A queued run of 20 steps of a 16-wide `cgan`, nothing augmented; keyword arguments that are not listed go into
    `config`."""

    def create(
        publish: dict[str, Any] | None = None,
        seed: int = 0,
        recipe: str = "cgan",
        dataset: str = "shapes",
        init: str | None = None,
        processes: int = 1,
        stop: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        **config: Any,
    ) -> Run:
        config = {
            "steps": 20,
            "batch_size": 16,
            "width": 16,
            "latent_dim": 4,
            "checkpoint_every": 5,
            "extractor": "none",  # the others have to be made first
            "augment": "none",  # 96 pictures are few
            **config,
        }
        body = {"recipe": recipe, "dataset": dataset, "seed": seed, "config": config, "publish": publish or {}}
        body |= {"init": init, "resources": {"processes": processes}, "stop": stop or {}, "limits": limits or {}}
        spec, runs = RunSpec.model_validate(body), RunStore(store)
        manifest = shapes.manifest if dataset == "shapes" else DatasetStore(store).get(dataset).manifest
        initial = find_initial(init, Registry(store), runs) if init else None
        return runs.create(spec, resolve_with(spec, manifest, device, initial), manifest, init=initial)

    return create


@pytest.fixture
def train_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TrainHere:
    """worker.job without its process: the settings are the test's, output and priority stay as they are."""
    monkeypatch.setattr(job, "_write_output_to", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr("worker.training.execution.available_cores", lambda: 1)  # networks are tiny
    return lambda run: job.take_on(run.id, settings)
