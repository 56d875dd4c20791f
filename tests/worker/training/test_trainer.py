"""The training loop on a tiny network: it learns, it reports, it stops at what is no number."""

from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset
from models.discriminator import DiscriminatorOutput
from models.recipes import RECIPES
from models.sampling import draw
from tests.worker.conftest import CreateRun
from worker.hooks.reporting import Quiet
from worker.training.adversarial import accuracies
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.objectives import OBJECTIVES
from worker.training.state import TrainState, new_state
from worker.training.stopping import RollBack
from worker.training.trainer import Metrics, Trainer

CPU = Execution(device="cpu", precision="float32", threads=1)


class Recorder(Quiet):
    """Keeps what the loop tells."""

    def __init__(self) -> None:
        self.points: list[tuple[int, Metrics]] = []
        self.steps: list[int] = []

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        self.points.append((state.step, metrics))

    def after_step(self, state: TrainState, is_last: bool) -> None:
        self.steps.append(state.step)


def train(create_run: CreateRun, shapes: Dataset, **config: Any) -> tuple[TrainState, Recorder]:
    resolved = create_run(**config).spec().resolved
    state, recorder = new_state(resolved, CPU), Recorder()
    batches = Batches(shapes.images(), shapes.labels(), resolved.batch_size, 0, torch.device("cpu"))
    Trainer(state, method_of(resolved), batches, [recorder]).fit()
    return state, recorder


def test_a_conditional_generator_learns_which_class_is_bright_where(create_run: CreateRun, shapes: Dataset) -> None:
    state, _ = train(create_run, shapes, steps=300, ema_half_life=200, generator_lr=2e-3, discriminator_lr=2e-3)

    drawn = draw(state.ema, range(96), latent_dim=4, num_classes=3)

    bright = np.stack([drawn[:, :, 2 * c : 2 * c + 3, 0].mean(axis=(1, 2)) for c in range(3)], axis=1).argmax(axis=1)
    assert (bright == np.arange(96) % 3).mean() > 0.9


def test_the_loop_reports_means_at_its_cadence_and_at_the_end(create_run: CreateRun, shapes: Dataset) -> None:
    _, recorder = train(create_run, shapes, steps=25, report_every=10, evaluate_every=10)

    assert [step for step, _ in recorder.points] == [10, 20, 25]
    assert recorder.steps == list(range(1, 26))
    for _, metrics in recorder.points:
        losses = {"d_loss", "g_loss", "d_real", "d_fake"}
        live = {"g_gradient", "d_gradient", "d_real_accuracy", "d_fake_accuracy"}
        assert set(metrics) == losses | live | {"r_t", "images_per_second"}
        assert 0 <= metrics["d_fake"] <= 1


def test_a_loss_that_is_no_number_sends_the_run_back(create_run: CreateRun, shapes: Dataset) -> None:
    resolved = create_run(report_every=1).spec().resolved
    state, recorder = new_state(resolved, CPU), Recorder()
    batches = Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))
    with torch.no_grad():
        next(state.generator.parameters()).fill_(float("nan"))

    with pytest.raises(RollBack, match="finite") as caught:
        Trainer(state, method_of(resolved), batches, [recorder]).fit()

    assert caught.value.failure == "diverged"
    assert recorder.points == []


def test_the_generator_step_leaves_the_discriminator_trainable(create_run: CreateRun, shapes: Dataset) -> None:
    state, _ = train(create_run, shapes, steps=2)

    assert all(parameter.requires_grad for parameter in state.counterpart.parameters())


def test_the_same_run_twice_ends_with_the_same_bits(create_run: CreateRun, shapes: Dataset) -> None:
    first, _ = train(create_run, shapes, steps=10)

    second, _ = train(create_run, shapes, steps=10)

    pairs = zip(first.ema.state_dict().values(), second.ema.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_an_unconditional_recipe_ignores_the_labels_of_its_dataset(create_run: CreateRun, shapes: Dataset) -> None:
    state, recorder = train(create_run, shapes, recipe="dcgan", steps=5)

    assert state.num_classes == 0
    assert recorder.steps[-1] == 5


@pytest.mark.parametrize("recipe", ["dcgan", "vae"])
def test_gradient_norms_are_means_of_those_before_each_step(
    create_run: CreateRun, shapes: Dataset, recipe: str
) -> None:
    resolved = create_run(recipe=recipe, steps=3, report_every=3, precision="float32").spec().resolved
    state, recorder = new_state(resolved, CPU), Recorder()
    norms: dict[str, list[float]] = {"g_gradient": [], "d_gradient": []}
    for name, optimizer in (("g_gradient", state.generator_optimizer), ("d_gradient", state.counterpart_optimizer)):

        def measure(asked: torch.optim.Optimizer, *_: Any, name: str = name) -> None:
            gradients = [weight.grad for group in asked.param_groups for weight in group["params"]]
            flat = torch.cat([gradient.double().flatten() for gradient in gradients])
            norms[name].append(flat.square().sum().sqrt().item())

        optimizer.register_step_pre_hook(measure)
    batches = Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))

    Trainer(state, method_of(resolved), batches, [recorder]).fit()

    ((_, metrics),) = recorder.points
    for name, values in norms.items():
        assert len(values) == 3
        assert metrics[name] == pytest.approx(np.mean(values), rel=1e-5)


@pytest.mark.parametrize(
    ("recipe", "real", "fake"), [("dcgan", 0.75, 0.5), ("lsgan", 0.25, 0.75), ("sngan", 0.75, 0.5)]
)
def test_accuracy_is_the_share_on_the_right_side_of_the_boundary(recipe: str, real: float, fake: float) -> None:
    objective = OBJECTIVES[RECIPES[recipe].objective]
    real_B, fake_B = torch.tensor([-1.0, 0.25, 0.4, 2.0]), torch.tensor([-2.0, -0.1, 0.3, 0.9])

    told = accuracies(objective, DiscriminatorOutput(real_B, None), DiscriminatorOutput(fake_B, None))

    assert {name: value.item() for name, value in told.items()} == {"d_real_accuracy": real, "d_fake_accuracy": fake}


@pytest.mark.parametrize("recipe", ["wgan-gp", "r3gan", "vae"])
def test_a_score_without_sides_has_no_accuracy(create_run: CreateRun, shapes: Dataset, recipe: str) -> None:
    _, recorder = train(create_run, shapes, recipe=recipe, steps=2)

    assert "g_gradient" in recorder.points[-1][1]
    assert not any("accuracy" in name for name in recorder.points[-1][1])
