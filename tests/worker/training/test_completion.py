"""The recipe completion: which holes it learns from, what it pays for, what it tells, what it publishes."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from core.datasets import Dataset
from core.registry import Registry
from core.store import Store
from models.networks import network_config
from models.sampling import draw
from models.subjects import of_dataset
from tests.worker.conftest import CreateRun, TrainHere
from worker.training.batches import Batches
from worker.training.completion import Completion, known
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.trainer import Trainer

CPU = Execution(device="cpu", precision="float32", threads=1)


@pytest.fixture
def state(create_run: CreateRun) -> TrainState:
    return new_state(
        create_run(recipe="completion", steps=150, lr_schedule="constant", ema_half_life=100).spec().resolved, CPU
    )


def test_each_step_and_each_update_has_holes_of_its_own(state: TrainState) -> None:
    real_BCHW = torch.zeros(16, 1, 8, 8)

    first, second = known(state, real_BCHW, 0), known(state, real_BCHW, 1)
    again = known(state, real_BCHW, 0)
    state.step = 1
    later = known(state, real_BCHW, 0)

    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first, later)
    assert first.shape == (16, 1, 8, 8)
    assert set(first.flatten().tolist()) == {0.0, 1.0}


def test_the_discriminator_sees_real_pictures_completed(state: TrainState, shapes: Dataset) -> None:
    batches = Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))
    real_BCHW, label_B = state.take(batches)
    method = method_of(state.resolved)
    assert isinstance(method, Completion)

    fake_BCHW = method.fakes(state, real_BCHW, label_B, 0)

    known_B1HW = known(state, real_BCHW, 0)
    assert torch.equal(fake_BCHW * known_B1HW, real_BCHW * known_B1HW)
    assert not torch.equal(fake_BCHW, real_BCHW)


def test_it_learns_to_fill_holes(state: TrainState, shapes: Dataset) -> None:
    subjects = of_dataset(network_config(state.resolved), shapes.images(), shapes.labels())
    assert subjects is not None
    batches = Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))
    seeds, labels = range(48), [seed % 3 for seed in range(48)]
    hole, reals = ~subjects.masks(seeds), subjects.reals(seeds, labels)

    def off() -> float:
        drawn = draw(state.ema, seeds, 4, 3, labels=labels, subjects=subjects)
        return float(np.abs(drawn.astype(int) - reals)[hole].mean())

    before = off()
    Trainer(state, method_of(state.resolved), batches, []).fit()

    assert off() < before / 2


def test_a_run_publishes_versions_for_completion_and_shows_what_it_completed(
    create_run: CreateRun, train_here: TrainHere, store: Store
) -> None:
    run = create_run(recipe="completion", extractor="classifier", evaluate_every=20, report_every=10)

    train_here(run)

    registry = Registry(store)
    version = registry.versions("shapes")[-1]
    manifest = registry.manifest("shapes", version)
    assert (manifest.task, manifest.architecture) == ("completion", "unet")
    assert {"fd", "label_accuracy", "hole_psnr", "hole_l1", "matching"} <= manifest.measured.keys()
    assert "nearest" not in manifest.measured  # a completed picture lies near the one it was made of
    assert not run.nearest.exists()
    sheet = Image.open(io.BytesIO((registry.folder("shapes", version) / "samples.webp").read_bytes()))
    assert sheet.width == 3 * 3 * 8 * (sheet.height // 64)
    assert len(list(run.samples.glob("*.webp"))) > 0
