"""What holds for every recipe: a step changes what it should, a resumed run ends with the same bytes, labels count."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.engine.engine import load_engine
from app.engine.thread_backend import ThreadBackend
from core.datasets import Dataset
from core.registry import Registry
from core.store import Store
from ganymede.schemas.states import Status
from models.networks import network_config
from models.publish import publish_folder
from models.recipes import RECIPES
from models.sampling import draw
from models.writing import Lineage, write_generator
from tests.app.gated import drawn
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.hooks.reporting import DrawSamples, StopWhenAsked
from worker.training.adversarial import Adversarial
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Trainer

ADVERSARIAL = [name for name in RECIPES if name != "vae"]
DRAWING = [name for name in RECIPES if name != "ssgan"]
CONDITIONAL = [
    name for name in DRAWING if RECIPES[name].conditional is not False and RECIPES[name].architecture != "unet"
]  # and that draw from nothing
OPEN = [name for name, recipe in RECIPES.items() if recipe.conditional is None]
RUNS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in RECIPES),
    *((name, {"annealing": "cosine"}) for name in ("r3gan", "wgan-gp")),
    ("r3gan", {"penalty_every": 3, "n_critic": 2}),
    ("cgan", {"mode_seeking": 1.0}),
    ("ssgan", {"labels_per_class": 4, "extractor": "auto", "evaluate_every": 3, "augment": "ada"}),
    ("ssgan", {"architecture": "dcgan", "n_critic": 2}),
]
Begin = Callable[..., tuple[TrainState, Batches]]


@pytest.fixture
def begin(create_run: CreateRun, shapes: Dataset) -> Begin:
    """The beginning of a run of a recipe, and its batches."""

    def state_and_batches(recipe: str, precision: str = "float32", **config: Any) -> tuple[TrainState, Batches]:
        resolved = create_run(recipe=recipe, **config).spec().resolved
        state = new_state(resolved, Execution(device="cpu", precision=precision, threads=1))
        batches = Batches(shapes.images(), shapes.labels(), resolved.batch_size, 0, torch.device("cpu"))
        return state, batches

    return state_and_batches


def copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}


def parameters(network: nn.Module) -> set[str]:
    return {name for name, _ in network.named_parameters()}


def rest(optimizer: torch.optim.Optimizer) -> None:
    """Adam of rate 0 changes no weight."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_step_changes_every_weight_of_both_networks(begin: Begin, name: str, precision: str) -> None:
    state, batches = begin(name, precision)
    before, counterpart_before = copied(state.generator), copied(state.counterpart)
    method = method_of(state.resolved)

    for state.step in range(2):  # a weight that begins at zero may keep others from learning in the first
        told = method.step(state, batches)

    assert parameters(state.generator) <= changed(state.generator, before)
    # what moves real and fake scores alike has nearly no gradient in the beginning, and with Wasserstein's loss never
    assert parameters(state.counterpart) - changed(state.counterpart, counterpart_before) <= {"head.score.bias"}
    assert all(bool(torch.isfinite(value)) for value in told.values())
    assert all(weight.dtype == torch.float32 for weight in state.generator.parameters())


@pytest.mark.parametrize("name", RECIPES)
def test_each_network_learns_by_its_own_optimiser_alone(begin: Begin, name: str) -> None:
    for resting in ("generator", "counterpart"):
        state, batches = begin(name)
        rest(getattr(state, f"{resting}_optimizer"))
        network = getattr(state, resting)
        before = copied(network)

        method_of(state.resolved).step(state, batches)

        assert changed(network, before).isdisjoint(parameters(network))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_step_of_the_generator_leaves_no_trace_in_the_discriminator(begin: Begin, name: str) -> None:
    state, batches = begin(name)
    method = method_of(state.resolved)
    assert isinstance(method, Adversarial)
    real_BCHW, label_B = state.take(batches)
    fake_BCHW = state.generator(state.noise(len(real_BCHW)), label_B)
    before = copied(state.counterpart)

    method._update_generator(state, real_BCHW, fake_BCHW, label_B)

    assert changed(state.counterpart, before) == set()  # power iterations do not move either
    assert [weight for weight in state.counterpart.parameters() if weight.grad is not None] == []
    assert all(weight.requires_grad for weight in state.counterpart.parameters())
    assert state.counterpart.training
    assert all(weight.grad is not None for weight in state.generator.parameters())


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_steps_of_the_discriminator_leave_no_gradient_in_the_generator(begin: Begin, name: str) -> None:
    state, batches = begin(name)
    method = method_of(state.resolved)
    assert isinstance(method, Adversarial)
    real_BCHW, label_B = state.take(batches)
    fake_BCHW = state.generator(state.noise(len(real_BCHW)), label_B)

    method._update_discriminator(state, real_BCHW, fake_BCHW.detach(), label_B, 0)

    assert [weight for weight in state.generator.parameters() if weight.grad is not None] == []


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_discriminator_takes_as_many_batches_as_it_has_updates(begin: Begin, name: str) -> None:
    state, batches = begin(name, steps=2, n_critic=3)

    Trainer(state, method_of(state.resolved), batches, []).fit()

    assert state.images_seen == 2 * 16 * 3


@pytest.mark.parametrize(("name", "options"), RUNS)
def test_a_killed_run_resumed_ends_with_the_bytes_of_an_undisturbed_one(
    create_run: CreateRun,
    train_here: TrainHere,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, Any],
) -> None:
    config: dict[str, Any] = {
        "recipe": name,
        "steps": 9,
        "checkpoint_every": 4,
        "publish": {"every_steps": 9},
    } | options
    train_here(create_run(**config))
    killed = create_run(**config, report_every=1)
    cut_off(killed, 7, train_here, monkeypatch)

    train_here(killed)

    assert killed.state().status is Status.SUCCEEDED
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


@pytest.mark.parametrize("name", RECIPES)
def test_a_pause_in_between_changes_no_byte(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config: dict[str, Any] = {"recipe": name, "steps": 9, "checkpoint_every": 4, "publish": {"every_steps": 9}}
    train_here(create_run(**config))
    paused = create_run(**config)
    with monkeypatch.context() as patch:
        patch.setattr(StopWhenAsked, "after_step", pause_at_six)

        ended = train_here(paused)

    assert (ended, paused.state().status) == ("pause", Status.PAUSED)
    paused.change(lambda now: now.asked("resume"))
    train_here(paused)
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


def pause_at_six(self: StopWhenAsked, state: TrainState, is_last: bool) -> None:
    if state.step == 6:
        self.run.move(Status.PAUSING)
        raise StopTraining("pause")


@pytest.mark.parametrize(("name", "options"), RUNS)
def test_a_run_killed_on_either_side_of_a_rollback_ends_with_the_bytes_of_one_that_was_not(
    create_run: CreateRun,
    train_here: TrainHere,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, Any],
) -> None:
    config: dict[str, Any] = {
        "recipe": name,
        "steps": 9,
        "checkpoint_every": 3,
        "publish": {"every_steps": 9},
    } | options
    monkeypatch.setattr(DrawSamples, "after_step", go_back_at_five)
    train_here(create_run(**config))
    killed = create_run(**config, report_every=1)
    cut_off(killed, 4, train_here, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(DrawSamples, "after_step", go_back_at_five)
        cut_off(killed, 8, train_here, patch)

    train_here(killed)

    assert killed.state().progress.branch == 1
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


def go_back_at_five(self: DrawSamples, state: TrainState, is_last: bool) -> None:
    if (state.branch, state.step) == (0, 5):
        raise RollBack("a test")


@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("name", DRAWING)
async def test_the_engine_draws_what_the_averaged_generator_draws(
    begin: Begin, registry: Registry, shapes: Dataset, tmp_path: Path, name: str, precision: Any
) -> None:
    state, batches = begin(name, steps=5, ema_half_life=0)
    Trainer(state, method_of(state.resolved), batches, []).fit()
    source = torch.Generator().manual_seed(0)
    for weight in state.ema.parameters():  # five steps in, it draws nearly nothing: make it louder
        weight.add_(0.2 * torch.randn(weight.shape, generator=source))
    network, seeds = network_config(state.resolved), range(48)

    version, _ = publish_folder(registry, "mine", _written(tmp_path / "g", state, shapes))
    folder, manifest = registry.folder("mine", version), registry.manifest("mine", version)
    engine = load_engine("mine", version, folder, manifest, ThreadBackend("cpu", 1), precision)

    served = await drawn(engine, seeds)
    expected = draw(state.ema, seeds, network.latent_dim, network.num_classes)
    assert expected.std() > 20
    assert np.abs(served.astype(int) - expected).max() <= 2


def _written(folder: Path, state: TrainState, shapes: Dataset) -> Path:
    folder.mkdir()
    lineage = Lineage(
        run="run_00000000000000000000",
        branch=0,
        step=state.step,
        images_seen=state.images_seen,
        recipe=state.resolved.recipe,
        architecture=state.resolved.architecture,
        network=network_config(state.resolved),
        dataset=shapes.manifest,
        metrics={},
    )
    write_generator(folder, state.ema, lineage)
    return folder


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_conditional_generator_learns_which_class_is_bright_where(begin: Begin, name: str) -> None:
    recipe = RECIPES[name]
    rate = 5e-3 if recipe.regulariser == "spectral_norm" else 2e-3
    rates = {"generator_lr": rate, "discriminator_lr": rate, "lr_schedule": "constant"}
    state, batches = begin(name, steps=120 // recipe.n_critic + 40, ema_half_life=60 * recipe.n_critic, **rates)

    Trainer(state, method_of(state.resolved), batches, []).fit()

    drawn = draw(state.ema, range(96), latent_dim=4, num_classes=3)
    bright = np.stack([drawn[:, :, 2 * c : 2 * c + 3, 0].mean(axis=(1, 2)) for c in range(3)], axis=1).argmax(axis=1)
    assert (bright == np.arange(96) % 3).mean() > 0.9


@pytest.mark.parametrize("name", OPEN)
def test_a_recipe_of_both_kinds_is_unconditional_if_asked(begin: Begin, name: str) -> None:
    state, batches = begin(name, steps=2, conditional=False)

    Trainer(state, method_of(state.resolved), batches, []).fit()

    assert state.num_classes == 0
    assert draw(state.ema, range(4), latent_dim=4, num_classes=0).shape == (4, 8, 8, 1)
