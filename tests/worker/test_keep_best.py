"""The best checkpoint of a run stays, is named, and is what the last version is made of."""

from typing import Any

import pytest

from core.registry import Registry
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.references import BranchStep
from ganymede.schemas.states import Best
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import Killed, cut_off, weights
from worker import job
from worker.hooks.publishing import KeepCheckpoints
from worker.hooks.reporting import DrawSamples
from worker.hooks.scored import better
from worker.training.state import TrainState
from worker.training.stopping import RollBack
from worker.training.trainer import Metrics


def measure(monkeypatch: pytest.MonkeyPatch, values: dict[int, float], metric: str = "kid", until: int = 1000) -> None:
    """Have a hook measure these values at these steps, as an evaluation does: before the checkpoint of the step."""

    class Measured(KeepCheckpoints):
        def after_step(self, state: TrainState, is_last: bool) -> None:
            if state.step in values and state.step <= until:
                self.after_report(state, {metric: values[state.step]})
            super().after_step(state, is_last)

    monkeypatch.setattr(job, "KeepCheckpoints", Measured)


def published(registry: Registry) -> list[int]:
    return [registry.manifest("shapes", version).step for version in registry.versions("shapes")]


def test_the_best_checkpoint_outlives_the_newest_and_makes_the_last_version(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, {5: 0.9, 10: 0.2, 15: 0.5, 20: 0.7, 25: 0.3, 30: 0.4})
    run = create_run(steps=30, publish={"every_steps": 15})

    train_here(run)

    assert run.state().best == Best(metric="kid", value=0.2, branch=0, step=10)
    assert [str(found) for found in list_checkpoints(run)] == ["0-30", "0-25", "0-10"]
    assert published(registry) == [15, 10]
    assert registry.pointers("shapes").aliases["latest"] == 2
    assert registry.manifest("shapes", 2).metrics["kid"] == 0.2


def test_a_best_that_was_published_on_the_way_is_the_newest_version_in_the_end(
    create_run: CreateRun, train_here: TrainHere, store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, {10: 0.2, 20: 0.5, 30: 0.4})
    run = create_run(steps=30, publish={"every_steps": 10})

    train_here(run)

    assert published(registry) == [10, 20, 10]
    assert weights(store, "shapes", 1) == weights(store, "shapes", 3)
    assert [(entry.version, entry.step) for entry in run.state().published] == [(1, 10), (2, 20), (3, 10)]
    assert registry.prune("shapes", run.id, keep=1) == [1, 2]


@pytest.mark.parametrize("values", [{10: 0.2, 30: 0.4}, {}])
def test_the_last_checkpoint_is_published_where_it_is_asked_for_or_nothing_was_measured(
    create_run: CreateRun,
    train_here: TrainHere,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[int, float],
) -> None:
    measure(monkeypatch, values)
    final: dict[str, Any] = {"final": "last"} if values else {}

    train_here(create_run(steps=30, publish={"every_steps": 30, **final}))

    assert published(registry) == [30]


def test_a_resumed_run_remembers_its_best(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(steps=30, report_every=1, publish={"every_steps": 30})
    measure(monkeypatch, {5: 0.1, 10: 0.2, 15: 0.3})
    cut_off(run, 18, train_here, monkeypatch)
    run.change(lambda now: now.model_copy(update={"best": None}))  # a power cut may undo what state.json says

    train_here(run)

    assert run.state().best == Best(metric="kid", value=0.1, branch=0, step=5)
    assert published(registry) == [5]


def test_a_best_whose_checkpoint_is_gone_is_forgotten(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(steps=30, report_every=1, publish={"every_steps": 30})
    measure(monkeypatch, {5: 0.1, 20: 0.2})
    cut_off(run, 12, train_here, monkeypatch)
    store.delete(f"{run.checkpoints}/0-5")

    train_here(run)

    assert run.state().best == Best(metric="kid", value=0.2, branch=0, step=20)


def test_the_best_is_kept_over_a_rollback_which_may_go_back_to_it(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(steps=30, report_every=1)
    measure(monkeypatch, {5: 0.1, 10: 0.2, 15: 0.3, 20: 0.4})

    class Ask(DrawSamples):
        def after_report(self, state: TrainState, metrics: Metrics) -> None:
            if (state.branch, state.step) == (0, 22):
                raise RollBack("a test", to_best=True)

    monkeypatch.setattr(job, "DrawSamples", Ask)

    train_here(run)

    (entry,) = [event.data for event in run.events() if event.data.get("action") == "rolled_back"]
    assert (entry["branch"], entry["step"]) == (1, 5)
    assert run.state().best == Best(metric="kid", value=0.1, branch=0, step=5)
    assert [str(found) for found in list_checkpoints(run)] == ["1-30", "1-25", "0-5"]


def test_a_run_killed_while_it_publishes_its_best_publishes_it_once(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, {10: 0.2, 20: 0.5, 30: 0.4})
    run = create_run(steps=30, publish={"every_steps": 10})
    swap = Store.swap

    def swap_not_the_last(self: Store, key: str, body: dict[str, Any], *, durable: bool = True) -> None:
        if key.startswith("models/") and any(each.endswith("/again") for each in body["published"]):
            raise Killed  # the folder is there, and nothing points to it
        swap(self, key, body, durable=durable)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "swap", swap_not_the_last)
        with pytest.raises(Killed):
            train_here(run)

    train_here(run)

    assert published(registry) == [10, 20, 10]
    assert registry.pointers("shapes").aliases["latest"] == 3


PLACE = BranchStep(0, 10)


@pytest.mark.parametrize(
    ("known", "measured", "expected"),
    [
        (None, {"fd": 5.0}, ("fd", 5.0)),
        (None, {"fd": 5.0, "kid": 0.1}, ("kid", 0.1)),
        (("fd", 4.0), {"fd": 5.0}, ("fd", 4.0)),
        (("fd", 4.0), {"kid": 9.0}, ("kid", 9.0)),
        (("kid", 0.1), {"fd": 0.01}, ("kid", 0.1)),
        (("kid", 0.1), {"kid": float("nan"), "fd": 0.01}, ("kid", 0.1)),
        (("kid", 0.1), {"kid": 0.05}, ("kid", 0.05)),
        (("kid", 0.1), {"g_loss": 0.0}, ("kid", 0.1)),
    ],
)
def test_kid_is_compared_with_kid_and_goes_before_fd(
    known: tuple[str, float] | None, measured: Metrics, expected: tuple[str, float]
) -> None:
    before = known and Best(metric=known[0], value=known[1], branch=0, step=1)

    after = better(before, PLACE, measured)

    assert after is not None
    assert (after.metric, after.value) == expected
