"""A penalty that comes with one update of the discriminator in some, as many times as heavy."""

from typing import Any

import pytest
import torch

from core.datasets import Dataset
from tests.records import older
from tests.worker.conftest import CreateRun
from tests.worker.training.test_state import CPU
from worker.training.batches import Batches
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state

STEPS = 6


def told_by_step(create_run: CreateRun, dataset: Dataset, **config: Any) -> tuple[list[dict[str, float]], TrainState]:
    resolved = create_run(recipe="r3gan", steps=STEPS, **config).spec().resolved
    state = new_state(resolved, CPU)
    batches = Batches(dataset.images(), dataset.labels(), resolved.batch_size, 0, torch.device("cpu"))
    method, told = method_of(resolved), []
    for state.step in range(STEPS):
        told.append({name: float(value.detach()) for name, value in method.step(state, batches).items()})
    return told, state


@pytest.mark.parametrize("every", [1, 2, 3])
def test_the_penalty_comes_with_one_update_in_so_many_beginning_with_the_first(
    create_run: CreateRun, shapes: Dataset, every: int
) -> None:
    told, _ = told_by_step(create_run, shapes, penalty_every=every)

    assert [step for step, numbers in enumerate(told) if "penalty" in numbers] == list(range(0, STEPS, every))


def test_updates_of_one_step_count_each(create_run: CreateRun, shapes: Dataset) -> None:
    """Of two updates a step the last is told of: the second, fourth ..., of which every third has the penalty."""
    told, _ = told_by_step(create_run, shapes, penalty_every=3, n_critic=2)

    assert [step for step, numbers in enumerate(told) if "penalty" in numbers] == [1, 4]


def test_it_weighs_as_many_times_more(create_run: CreateRun, shapes: Dataset) -> None:
    """Told is what is paid, so that the mean over a report is comparable whatever the rhythm."""
    often, _ = told_by_step(create_run, shapes, penalty_every=1, penalty_weight=0.0)
    seldom, _ = told_by_step(create_run, shapes, penalty_every=3, penalty_weight=0.0)

    assert often[0]["penalty"] > 0
    assert [seldom[step]["penalty"] for step in (0, 3)] == pytest.approx(
        [3 * often[step]["penalty"] for step in (0, 3)]
    )


def test_a_run_of_an_earlier_build_pays_with_every_update(create_run: CreateRun, shapes: Dataset) -> None:
    resolved = create_run(recipe="r3gan", steps=STEPS).spec().resolved
    first = older(resolved, "penalty_every", "mode_seeking")
    method, state = method_of(first), new_state(first, CPU)
    batches = Batches(shapes.images(), shapes.labels(), resolved.batch_size, 0, torch.device("cpu"))

    for state.step in range(2):
        assert "penalty" in method.step(state, batches)
