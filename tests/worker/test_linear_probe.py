"""POST /train/{id}/probe: what a discriminator's features know of the classes, in a process of its own."""

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
import torch

from app.main import create_app
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.runs import Run
from core.settings import Settings
from core.store import Store
from models.networks import build_networks
from tests.app.generate.test_generate_refusals import problem
from tests.fixtures import Serve
from tests.worker.conftest import CreateRun, TrainHere
from worker.linear_probe import scored


@pytest.fixture
def trained(create_run: CreateRun, train_here: TrainHere) -> Run:
    run = create_run(steps=5)
    train_here(run)
    return run


@pytest.fixture
async def api(settings: Settings, trained: Run, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(create_app(settings)) as client:
        yield client


async def test_classes_are_told_by_the_features_of_a_checkpoint(api: httpx.AsyncClient, trained: Run) -> None:
    answer = await api.post(f"/train/{trained.id}/probe")
    again = await api.post(f"/train/{trained.id}/probe", params={"step": "5"})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["run"], told["branch"], told["step"]) == (trained.id, 0, 5)
    assert (told["learnt"], told["tested"], told["grid"]) == (78, 9, 4)
    assert told["features"] == 16 * 16  # one layer of 16 maps
    assert told["accuracy"] > 0.8  # bright columns are told by any layer
    assert told["accuracy_low"] <= told["accuracy"] <= told["accuracy_high"]
    assert again.json() == told


@pytest.mark.parametrize("recipe", ["gan", "sngan", "r3gan", "acgan", "ssgan", "vae", "completion"])
def test_every_kind_of_discriminator_has_features(create_run: CreateRun, shapes: Dataset, recipe: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, network = build_networks(create_run(recipe=recipe).spec().resolved)
    labels_N = shapes.labels()
    assert labels_N is not None

    assert scored(network.eval(), shapes, labels_N).accuracy > 0.6


async def test_what_cannot_be_probed_is_told(
    api: httpx.AsyncClient, trained: Run, store: Store, create_run: CreateRun, train_here: TrainHere
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    DatasetStore(store).add("plain", ImageSet(images, None, ()), Origin("a test"))
    unlabelled = create_run(recipe="dcgan", dataset="plain", steps=2)
    train_here(unlabelled)

    missing = await api.post(f"/train/{trained.id}/probe", params={"step": "3"})
    nobody = await api.post("/train/run_00000000000000000000/probe")
    plain = await api.post(f"/train/{unlabelled.id}/probe")

    problem(missing, 404, "checkpoint_not_found")
    problem(nobody, 404, "run_not_found")
    assert "has no classes" in problem(plain, 422, "invalid_request")["detail"]

    DatasetStore(store).delete("plain")
    gone = await api.post(f"/train/{unlabelled.id}/probe")

    problem(gone, 404, "dataset_not_found")
