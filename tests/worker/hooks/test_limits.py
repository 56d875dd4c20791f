"""The limits of a run: it ends with its best version, and says why; no schedule moves."""

from typing import Any

import pytest

from core.registry import Registry
from core.runs import Run
from core.store import Store
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere


def early_ends(run: Run) -> list[dict[str, Any]]:
    return [event.data for event in run.events() if event.data.get("action") == "ended_early"]


@pytest.mark.parametrize(("max_images", "steps"), [(1, 1), (160, 10), (161, 11), (320, 20), (10_000, 20)])
def test_a_run_ends_with_the_step_that_has_seen_so_many_images(
    create_run: CreateRun, train_here: TrainHere, store: Store, max_images: int, steps: int
) -> None:
    run = create_run(limits={"max_images": max_images})

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step, state.progress.fraction) == (Status.SUCCEEDED, steps, 1.0)
    assert state.published[-1].step == steps
    latest = Registry(store).pointers("shapes").aliases["latest"]
    assert latest == state.published[-1].version
    assert [event["step"] for event in early_ends(run)] == ([steps] if steps < 20 else [])
    assert (state.ended_early and state.ended_early.limit) == ("max_images" if steps < 20 else None)


def test_a_limit_moves_no_schedule(create_run: CreateRun, train_here: TrainHere, store: Store) -> None:
    limited = create_run(lr_schedule="linear", publish={"every_steps": 10}, limits={"max_images": 160})
    whole = create_run(lr_schedule="linear", publish={"every_steps": 10})

    for run in (limited, whole):
        train_here(run)

    registry = Registry(store)
    first, second = ((registry.folder("shapes", version) / "generator.safetensors").read_bytes() for version in (1, 2))
    assert [published.step for run in (limited, whole) for published in run.state().published] == [10, 10, 20]
    assert first == second


def test_a_run_ends_with_the_step_after_its_time_is_up_that_of_earlier_attempts_counted(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    run = create_run(limits={"max_duration": 50.0})
    run.change(lambda now: now.model_copy(update={"worked_s": 100.0}))

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step) == (Status.SUCCEEDED, 2)
    assert [published.step for published in state.published] == [2]
    assert state.ended_early is not None
    assert (state.ended_early.limit, state.ended_early.verdict) == ("max_duration", None)
    assert state.ended_early.message.startswith("limits.max_duration is reached: 10")
    assert state.worked_s > 100


def test_a_run_in_time_ends_with_its_last_step(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(limits={"max_duration": 10_000.0})

    train_here(run)

    state = run.state()
    assert (state.status, state.progress.step, state.ended_early) == (Status.SUCCEEDED, 20, None)
    assert 0 < state.worked_s < 10_000


def test_why_a_run_ends_early_is_told_once_also_where_an_attempt_died_after_it(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    run = create_run(limits={"max_images": 160})
    told = {"action": "ended_early", "reason": "max_images", "branch": 0, "step": 10, "message": "by attempt 1"}
    run.log_event("action", told)

    train_here(run)

    assert run.state().ended_early is not None
    assert early_ends(run) == [told]
