"""What a run publishes is a function of its spec and its record, whatever dies on the way: real processes, kill -9."""

import multiprocessing
import time
from multiprocessing.process import BaseProcess

import pytest

from core.datasets import BUNDLED, DatasetStore
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.resolution import resolve
from tests.worker.test_resume import weights
from worker import job

STEPS, KILLED_AFTER = 60, (20, 55)  # of steps; by default a checkpoint every 50


@pytest.fixture
def bundled(store: Store) -> DatasetStore:
    datasets = DatasetStore(store)
    datasets.add_bundled()
    return datasets


def run_by_defaults(store: Store, recipe: str, model: str) -> Run:
    """Nothing is chosen but the recipe and how long it goes."""
    spec = RunSpec.model_validate({"recipe": recipe, "dataset": BUNDLED, "model": model, "config": {"steps": STEPS}})
    dataset = DatasetStore(store).get(BUNDLED).manifest
    return RunStore(store).create(spec, resolve(spec, dataset), dataset)


def begin(run: Run, settings: Settings) -> BaseProcess:
    trainer = multiprocessing.get_context("spawn").Process(target=job.take_on, args=(run.id, settings))
    trainer.start()
    return trainer


def kill_after(step: int, run: Run, settings: Settings) -> None:
    trainer = begin(run, settings)
    while trainer.is_alive() and ((progress := run.state().progress) is None or progress.step < step):
        time.sleep(0.01)
    assert trainer.is_alive()
    trainer.kill()
    trainer.join()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["cgan", "sngan"])
def test_a_run_by_defaults_that_is_killed_again_and_again_publishes_what_an_undisturbed_one_does(
    store: Store, settings: Settings, bundled: DatasetStore, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # as `ganymede up` sets it: other tests may run beside
    undisturbed = run_by_defaults(store, recipe, "undisturbed")
    begin(undisturbed, settings).join()
    killed = run_by_defaults(store, recipe, "killed")
    record = store.read(f"{undisturbed.key}/evaluation.json")

    for step in KILLED_AFTER:
        kill_after(step, killed, settings)
        if step == KILLED_AFTER[0]:  # the record of both is the same from here on: how long a step took is not
            store.swap(f"{killed.key}/evaluation.json", record)
    begin(killed, settings).join()

    assert killed.state().status is undisturbed.state().status is Status.SUCCEEDED
    assert killed.state().best == undisturbed.state().best
    steps = [[entry.step for entry in run.state().published] for run in (undisturbed, killed)]
    assert steps[0] == steps[1]
    for version in range(1, len(steps[0]) + 1):
        assert weights(store, "undisturbed", version) == weights(store, "killed", version)
