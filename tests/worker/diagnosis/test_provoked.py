"""Verdicts provoked by a real training of small networks that goes wrong in just that way.

An explosion is in test_hook.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.datasets import BUNDLED, Dataset, DatasetStore, ImageSet, Origin
from core.runs import Run
from core.store import Store
from models.recipes import RECIPES
from tests.worker.conftest import CreateRun, TrainHere
from worker.training.scores import classifier
from worker.training.state import TrainState

SCORED: dict[str, Any] = {
    "extractor": "classifier",
    "evaluate_every": 20,
    "checkpoint_every": 20,
    "report_every": 10,
    "precision": "float32",  # what a run comes to is the same on a machine with bfloat16
}

AddDataset = Callable[..., Dataset]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of few epochs."""
    monkeypatch.setattr(classifier, "EPOCHS", (4, 4))


@pytest.fixture
def add_dataset(store: Store) -> AddDataset:
    """A dataset `made` of so many images in three classes, told apart by where they are bright."""

    def add(count: int, size: int = 8, *, shuffled: bool = False) -> Dataset:
        rng = np.random.default_rng(0)
        labels = np.arange(count) % 3
        images = rng.integers(0, 120, (count, size, size, 1), np.uint8)
        for i, label in enumerate(labels):
            images[i, :, label * size // 3 : (label + 1) * size // 3] += 120
        labels = rng.permutation(labels) if shuffled else labels
        content = ImageSet(images, labels.astype(np.int64), ("left", "middle", "right"))
        return DatasetStore(store).add("made", content, Origin("a test"))

    return add


def verdicts(run: Run) -> list[str]:
    return [event.data["verdict"] for event in run.events() if event.type == "diagnosis"]


def test_a_discriminator_that_learns_much_faster_than_the_generator_is_too_strong(
    create_run: CreateRun, train_here: TrainHere, add_dataset: AddDataset
) -> None:
    add_dataset(1000)
    rates = {"generator_lr": 1e-7, "discriminator_lr": 5e-3}
    run = create_run(recipe="dcgan", dataset="made", steps=300, report_every=10, **rates)

    train_here(run)

    diagnosis = run.state().diagnosis
    assert verdicts(run)[-1] == "discriminator_too_strong"
    assert diagnosis is not None
    advice = {each.field: each.value for each in diagnosis.advice}
    assert (advice["config.generator_lr"], advice["config.discriminator_lr"]) == RECIPES["dcgan"].learning_rates


@pytest.mark.parametrize("conditional", [False, True])
def test_a_generator_that_is_made_deaf_to_its_noise_collapses(
    create_run: CreateRun,
    train_here: TrainHere,
    add_dataset: AddDataset,
    monkeypatch: pytest.MonkeyPatch,
    conditional: bool,
) -> None:
    add_dataset(192)
    asked: dict[str, Any] = {"recipe": "lsgan", "conditional": conditional, "generator_lr": 1e-3, "ema_half_life": 0}
    run = create_run(dataset="made", steps=280, stop={"action": "alert"}, **asked, **SCORED)
    deafen(monkeypatch, from_step=230)

    train_here(run)

    diagnosis = run.state().diagnosis
    assert diagnosis is not None
    assert diagnosis.verdict == "mode_collapse"
    assert diagnosis.since_step == 240
    assert diagnosis.numbers["diversity"] < 0.1


def deafen(monkeypatch: pytest.MonkeyPatch, from_step: int) -> None:
    """Let the generator of the first branch no longer hear its noise."""
    update = TrainState.update_ema

    def updated(self: TrainState, images: int) -> None:
        update(self, images)
        if self.step >= from_step and self.branch == 0:
            with torch.no_grad():
                for network in (self.generator, self.ema):
                    _deaf_weight(network, self.resolved.latent_dim).zero_()

    monkeypatch.setattr(TrainState, "update_ema", updated)


def _deaf_weight(network: torch.nn.Module, latent_dim: int) -> torch.Tensor:
    """The part of the first layer's weight (outputs, inputs) that the noise goes into; the label's comes behind it."""
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Linear))
    return first.weight[:, :latent_dim]


def test_a_run_goes_back_from_a_collapse_by_default_and_draws_varied_pictures_again(
    create_run: CreateRun, train_here: TrainHere, add_dataset: AddDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dataset(192)
    asked: dict[str, Any] = {"recipe": "lsgan", "generator_lr": 1e-3, "ema_half_life": 0}
    run = create_run(dataset="made", steps=280, **asked, **SCORED)
    deafen(monkeypatch, from_step=230)

    ended = train_here(run)

    state = run.state()
    (remedy,) = state.remedies
    assert ended == "succeeded"
    assert (remedy.verdict, remedy.name, remedy.from_step) == ("mode_collapse", "seek_modes", 260)
    assert remedy.step in (200, 220)
    assert (state.progress.branch, state.progress.step) == (1, 280)
    assert (state.metrics["diversity"] or 0) > 0.2
    assert (state.metrics["likeness"] or 0) > 0


def test_a_discriminator_shown_few_images_again_and_again_knows_them_by_heart(
    create_run: CreateRun, train_here: TrainHere, add_dataset: AddDataset
) -> None:
    add_dataset(32)
    rates = {"generator_lr": 2e-4, "discriminator_lr": 1e-3}
    run = create_run(recipe="dcgan", dataset="made", steps=180, report_every=5, width=32, **rates)

    train_here(run)

    assert "discriminator_overfitting" in verdicts(run)


def test_labels_that_mean_nothing_are_ignored(
    create_run: CreateRun, train_here: TrainHere, add_dataset: AddDataset
) -> None:
    add_dataset(600, shuffled=True)
    run = create_run(recipe="cgan", dataset="made", steps=300, stop={"action": "alert"}, **SCORED)

    train_here(run)

    assert verdicts(run) == ["warming_up", "healthy", "label_ignored"]


def test_networks_that_hardly_move_stall(create_run: CreateRun, train_here: TrainHere, add_dataset: AddDataset) -> None:
    add_dataset(600)
    rates = {"generator_lr": 1e-7, "discriminator_lr": 1e-7}
    run = create_run(recipe="gan", dataset="made", steps=320, stop={"action": "alert"}, **rates, **SCORED)

    train_here(run)

    diagnosis = run.state().diagnosis
    assert diagnosis is not None
    assert verdicts(run) == ["warming_up", "healthy", "stalled"]
    advice = {each.field: each.value for each in diagnosis.advice}
    assert (advice["config.generator_lr"], advice["config.discriminator_lr"]) == RECIPES["gan"].learning_rates


@pytest.mark.slow
def test_a_handful_of_pictures_seen_hundreds_of_times_is_learnt_by_heart(
    create_run: CreateRun, train_here: TrainHere, store: Store
) -> None:
    add_few_digits(DatasetStore(store))
    rates = {"generator_lr": 1e-3, "discriminator_lr": 1e-3}
    asked: dict[str, Any] = {**SCORED, "evaluate_every": 100, "checkpoint_every": 500, "width": 32, "latent_dim": 8}
    run = create_run(recipe="lsgan", dataset="few", steps=1000, stop={"action": "alert"}, **rates, **asked)

    train_here(run)

    assert verdicts(run)[:3] == ["warming_up", "healthy", "memorising"]


def add_few_digits(datasets: DatasetStore) -> None:
    """16 of the bundled digits at 8 px."""
    datasets.add_bundled()
    whole = datasets.get(BUNDLED)
    labels = whole.labels()
    assert labels is not None
    few = np.random.default_rng(0).permutation(len(labels))[:16]
    pictures = [Image.fromarray(whole.images()[i, ..., 0]) for i in few]
    small = np.stack([np.asarray(picture.resize((8, 8), Image.Resampling.LANCZOS)) for picture in pictures])
    content = ImageSet(small[..., None], np.array(labels)[few], whole.class_names)
    datasets.add("few", content, Origin("a test"))
