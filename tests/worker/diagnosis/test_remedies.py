"""Which change comes next, and that every recipe goes on with it from the checkpoints it has."""

from typing import Any

import pytest
import torch

from core.datasets import Dataset
from core.resolved import ResolvedConfig
from ganymede.schemas.diagnosis import Remedy, Verdict
from models.recipes import RECIPES
from tests.worker.conftest import CreateRun
from worker.diagnosis.remedies import MOST, next_remedy
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.state import Rollback, TrainState, new_state

CPU = Execution(device="cpu", precision="float32", threads=1)
COLLAPSE = Verdict.MODE_COLLAPSE


def taken(state: TrainState, remedy: Remedy) -> Rollback:
    place = {"from_branch": state.branch, "from_step": state.step, "branch": state.branch + 1, "step": state.step}
    rates = {"lr_scale": 1.0, "generator_lr": 1.0, "discriminator_lr": 1.0}
    return Rollback(reason="a test", verdict=COLLAPSE, remedy=remedy, **place, **rates)


def course(resolved: ResolvedConfig, verdict: Verdict = COLLAPSE) -> list[dict[str, Any]]:
    """What a run would change, one trouble after the other."""
    found: list[Remedy] = []
    while (remedy := next_remedy(verdict, resolved, found)) is not None:
        found.append(remedy)
        resolved = resolved.after([remedy])
    return [{change.field: change.after for change in remedy.changes} for remedy in found]


@pytest.mark.parametrize(
    ("recipe", "config", "expected"),
    [
        ("cgan", {}, [("mode_seeking", 1.0), ("regulariser", "r1_r2")]),
        ("cgan", {"mode_seeking": 0.5}, [("regulariser", "r1_r2"), ("augment", "ada")]),
        ("gan", {"mode_seeking": 1, "augment": "ada"}, [("regulariser", "r1_r2"), ("augment", "diffaugment")]),
        ("dcgan", {"mode_seeking": 1, "augment": "diffaugment"}, [("regulariser", "r1_r2"), ("generator_lr", 1e-4)]),
        ("sngan", {}, [("mode_seeking", 1.0), ("augment", "ada")]),
        ("sngan", {"mode_seeking": 1}, [("augment", "ada"), ("generator_lr", 2.5e-4)]),
        ("rpgan", {}, [("augment", "ada"), ("generator_lr", 2e-4)]),
        ("wgan-gp", {"mode_seeking": 1}, [("augment", "diffaugment"), ("generator_lr", 2.5e-4)]),
        ("r3gan", {"augment": "diffaugment"}, [("mode_seeking", 1.0), ("generator_lr", 1.5e-4)]),
        ("vae", {"augment": "auto"}, [("generator_lr", 5e-4), ("generator_lr", 2.5e-4)]),
    ],
)
def test_what_means_nothing_to_a_run_is_left_out_and_what_it_has_is_not_taken_twice(
    create_run: CreateRun, recipe: str, config: dict[str, Any], expected: list[tuple[str, Any]]
) -> None:
    resolved = create_run(recipe=recipe, **config).spec().resolved

    changes = course(resolved)

    assert len(changes) == MOST
    assert [(field, numbers[field]) for (field, _), numbers in zip(expected, changes, strict=True)] == expected


@pytest.mark.parametrize(("size", "batch_size", "weight"), [(64, 64, 1.0), (64, 16, 4.0), (16, 64, 1 / 64)])
def test_the_penalty_weighs_one_at_64_px_in_batches_of_64_and_scales_as_r3gans(
    create_run: CreateRun, size: int, batch_size: int, weight: float
) -> None:
    resolved = create_run(recipe="cgan", mode_seeking=1.0).spec().resolved
    resolved = resolved.changed(batch_size=batch_size, network=resolved.network.changed(image_size=size))

    assert course(resolved)[0]["penalty_weight"] == pytest.approx(weight)


def test_an_explosion_is_met_by_smaller_steps_and_pictures_known_by_heart_by_changed_ones(
    create_run: CreateRun,
) -> None:
    resolved = create_run(recipe="cgan").spec().resolved

    assert [set(each) for each in course(resolved, Verdict.EXPLODING)] == [{"generator_lr", "discriminator_lr"}] * 2
    assert "augment" in course(resolved, Verdict.MEMORISING)[0]


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_recipe_goes_on_with_its_remedies_from_a_checkpoint_made_before_them(
    create_run: CreateRun, shapes: Dataset, recipe: str
) -> None:
    n_critic: Any = "auto" if recipe == "vae" else 1
    augment: Any = "auto" if recipe == "vae" else "none"
    state = new_state(create_run(recipe=recipe, n_critic=n_critic, augment=augment).spec().resolved, CPU)
    batches = Batches(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))
    before = state.settled

    while (remedy := next_remedy(COLLAPSE, state.resolved, state.remedies)) is not None:
        state.go_on_with([*state.rollbacks, taken(state, remedy)])
        state.step += 1
        state.set_rates()
        told = method_of(state.resolved).step(state, batches)
        assert all(number.isfinite().all() for number in told.values())

    assert state.settled == before
    assert len(state.remedies) == MOST
    assert state.broken.item() == 0


def test_an_augmentation_that_comes_as_a_remedy_begins_at_once(create_run: CreateRun) -> None:
    state = new_state(create_run(recipe="wgan-gp", mode_seeking=1.0).spec().resolved, CPU)
    remedy = next_remedy(COLLAPSE, state.resolved, state.remedies)
    assert remedy is not None

    state.go_on_with([taken(state, remedy)])

    assert state.resolved.augment == "diffaugment"
    assert state.augmentation.tolist() == [1.0, 0.0, 0.0]  # every picture is changed
