"""What moves over a run beside the learning rates: as in R3GAN's code, and no more than is asked for."""

import math
from typing import Any

import pytest
import torch

from core.datasets import Dataset
from core.resolved import ResolvedConfig
from tests.records import older
from tests.worker.conftest import CreateRun
from tests.worker.training.test_state import CPU, all_tensors
from worker.training.batches import Batches
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.trainer import Trainer

STEPS = 8
SHARES = [0.0, 0.125, 0.25, 0.5, 0.875, 1.0]


def as_published(done: float, base_value: float, final_value: float) -> float:
    """cosine_decay_with_warmup of R3GAN's training loop, without a warm-up."""
    decay = 0.5 * (1 + math.cos(math.pi * done))
    return base_value + (1 - decay) * (final_value - base_value)


@pytest.fixture
def resolved(create_run: CreateRun) -> ResolvedConfig:
    """Of r3gan, annealed, with the learning rate and the penalty that its authors have for FFHQ at 64 px."""
    options: dict[str, Any] = {"generator_lr": 2e-4, "discriminator_lr": 2e-4, "penalty_weight": 2.0}
    return create_run(recipe="r3gan", steps=STEPS, annealing="cosine", **options).spec().resolved


def batches_of(dataset: Dataset, resolved: ResolvedConfig) -> Batches:
    return Batches(dataset.images(), dataset.labels(), resolved.batch_size, 0, torch.device("cpu"))


def half_life(state: TrainState) -> float:
    """Of the average, in images, by what 16 images more move it."""
    for average, current in zip(state.ema.parameters(), state.generator.parameters(), strict=True):
        average.zero_()
        current.data.fill_(1.0)
    state.update_ema(16)
    stays = 1 - next(state.ema.parameters()).flatten()[0].item()
    return -16 / math.log2(stays) if stays else 0.0


@pytest.mark.parametrize("done", SHARES)
def test_rates_penalty_beta2_and_the_average_move_by_the_cosine_of_the_paper(
    resolved: ResolvedConfig, done: float
) -> None:
    state = new_state(resolved.changed(ema_half_life=500), CPU)
    state.step, state.images_seen = round(done * STEPS), 100_000

    state.set_rates()

    for optimizer in (state.generator_optimizer, state.counterpart_optimizer):
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(as_published(done, 2e-4, 5e-5))
        assert group["betas"] == (0.0, pytest.approx(as_published(done, 0.9, 0.99)))
    assert state.penalty_weight == pytest.approx(as_published(done, 2.0, 0.2))
    assert half_life(state) == pytest.approx(as_published(done, 0.0, 500), rel=1e-4)


def test_a_beta2_below_that_of_the_beginning_stays(resolved: ResolvedConfig) -> None:
    state = new_state(resolved.changed(beta2=0.5), CPU)

    state.set_rates()

    assert state.counterpart_optimizer.param_groups[0]["betas"] == (0.0, 0.5)


@pytest.mark.parametrize("recipe", ["r3gan", "wgan-gp"])
def test_the_discriminator_is_penalised_by_the_weight_of_the_step(
    create_run: CreateRun, shapes: Dataset, recipe: str
) -> None:
    ends = []
    for annealing, weight in (("cosine", 10.0), ("none", 1.0), ("none", 10.0)):
        options: dict[str, Any] = {"annealing": annealing, "penalty_weight": weight, "lr_schedule": "constant"}
        resolved = create_run(recipe=recipe, steps=STEPS, **options).spec().resolved
        state = new_state(resolved, CPU)
        state.step = STEPS  # all else is then as it is without
        state.set_rates()
        method_of(resolved).step(state, batches_of(shapes, resolved))
        ends.append(torch.cat([weight.detach().flatten() for weight in state.counterpart.parameters()]))

    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


@pytest.mark.parametrize("recipe", ["r3gan", "vae"])
def test_a_run_that_an_earlier_build_resolved_learns_as_it_did(
    create_run: CreateRun, shapes: Dataset, recipe: str
) -> None:
    resolved = create_run(recipe=recipe, steps=3, annealing="none").spec().resolved
    ends = []
    for config in (resolved, older(resolved, "annealing")):
        state = new_state(config, CPU)
        Trainer(state, method_of(config), batches_of(shapes, config), []).fit()
        ends.append(state)

    assert all(torch.equal(*pair) for pair in zip(*(all_tensors(state) for state in ends), strict=True))


def test_what_went_on_from_a_trained_generator_keeps_its_average(resolved: ResolvedConfig) -> None:
    state = new_state(resolved.changed(ema_half_life=500, init="mine@1"), CPU)

    assert half_life(state) == pytest.approx(500, rel=1e-4)


def test_a_recipe_without_a_penalty_can_be_annealed(create_run: CreateRun, shapes: Dataset) -> None:
    resolved = create_run(recipe="vae", steps=2, annealing="cosine").spec().resolved
    state = new_state(resolved, CPU)

    Trainer(state, method_of(resolved), batches_of(shapes, resolved), []).fit()

    assert state.generator_optimizer.param_groups[0]["betas"][1] == pytest.approx(as_published(0.5, 0.9, 0.999))
