"""A run that goes wrong goes back to what was sound, changes something, and says so; at some point it gives up."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from core.datasets import Dataset
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import Killed, weights
from worker import job
from worker.hooks.publishing import KeepCheckpoints
from worker.hooks.reporting import ReportProgress, StopWhenAsked
from worker.training import learning_set
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Metrics, Trainer

CPU = Execution(device="cpu", precision="float32", threads=1)
RATES: dict[str, Any] = {"generator_lr": 0.002, "discriminator_lr": 0.002, "precision": "float32"}
# of which three halvings do not make a good one
HOPELESS: dict[str, Any] = {
    **{"recipe": "vae", "width": 128, "precision": "float32"},
    **{"generator_lr": 1.0, "discriminator_lr": 1.0},
}


class Poisoned(Batches):
    """Its pictures are no numbers from the `first` batch to the `last`, counted from the beginning of the attempt."""

    first, last = 3, 1000

    def next(self) -> tuple[Tensor, Tensor | None]:
        real_BCHW, label_B = super().next()
        is_poisoned = self.first <= self.taken // 16 <= self.last
        return (real_BCHW * torch.nan if is_poisoned else real_BCHW), label_B


def poison_once(patch: pytest.MonkeyPatch, batch: int = 12) -> None:
    """One batch makes the loss something else than a finite number; behind it all is well."""
    patch.setattr(learning_set, "Batches", Poisoned)
    patch.setattr(Poisoned, "first", batch)
    patch.setattr(Poisoned, "last", batch)


def begin(create_run: CreateRun, shapes: Dataset, **config: Any) -> tuple[TrainState, Poisoned]:
    resolved = create_run(**config).spec().resolved
    return new_state(resolved, CPU), Poisoned(shapes.images(), shapes.labels(), 16, 0, torch.device("cpu"))


def learnt(state: TrainState) -> list[Tensor]:
    optimizers = (state.generator_optimizer, state.counterpart_optimizer)
    slots = [slots[name] for o in optimizers for slots in o.state.values() for name in sorted(slots)]
    parameters = [weight for network in (state.generator, state.counterpart) for weight in network.parameters()]
    return [tensor.detach().clone() for tensor in [*parameters, *slots]]


def actions(run: Run, kind: str = "rolled_back") -> list[dict[str, Any]]:
    return [event.data for event in run.events() if event.data.get("action") == kind]


def points(run: Run) -> list[tuple[int, int]]:
    lines = map(json.loads, run.metrics_file.read_text().splitlines())
    return [(line["branch"], line["step"]) for line in lines]


@pytest.mark.parametrize("recipe", ["dcgan", "sngan", "wgan-gp", "r3gan", "vae"])
def test_from_the_first_gradient_on_that_is_no_number_nothing_is_learnt(
    create_run: CreateRun, shapes: Dataset, recipe: str
) -> None:
    state, batches = begin(create_run, shapes, recipe=recipe, n_critic="auto" if recipe == "vae" else 1)
    method = method_of(state.resolved)
    for state.step in range(2):
        method.step(state, batches)
    before = learnt(state)

    for state.step in range(2, 4):
        method.step(state, batches)
    batches.first = 100  # the pictures are fine again; what the steps between have left is not looked at
    method.step(state, batches)

    assert len(before) > 10
    assert all(torch.equal(a, b) for a, b in zip(before, learnt(state), strict=True))


def test_it_is_noticed_at_the_next_report_with_the_step_it_began_in(create_run: CreateRun, shapes: Dataset) -> None:
    state, batches = begin(create_run, shapes, recipe="dcgan", report_every=5)

    with pytest.raises(RollBack, match="stopped being a finite number in step 3"):
        Trainer(state, method_of(state.resolved), batches, []).fit()

    assert state.step == 5


@pytest.mark.parametrize("cadence", [{"checkpoint_every": 4}, {"sample_every": 4, "checkpoint_every": 20}])
def test_who_has_to_wait_for_the_device_anyway_looks_too(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, cadence: dict[str, Any]
) -> None:
    monkeypatch.setattr(learning_set, "Batches", Poisoned)
    run = create_run(recipe="dcgan", report_every=20, **cadence)

    train_here(run)

    assert actions(run)[0]["from_step"] == 4
    assert [str(found) for found in list_checkpoints(run)] == ["3-0"]  # none holds what was broken
    assert list(run.samples.iterdir()) == []


def test_a_run_that_goes_wrong_goes_on_with_half_the_rates_on_a_new_branch_and_recovers(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison_once(monkeypatch)
    run = create_run(**RATES, steps=30, report_every=2)

    ended = train_here(run)

    (told,) = actions(run)
    assert ended == "succeeded"
    assert (told["from_branch"], told["branch"]) == (0, 1)
    assert (told["step"], told["from_step"]) == (10, 12)
    assert (told["generator_lr"], told["discriminator_lr"], told["lr_scale"]) == (0.001, 0.001, 0.5)
    assert (told["count"], told["most"]) == (1, 3)
    assert "stopped being a finite number in step" in told["reason"]
    assert (0, told["step"] - 1) in points(run) or (0, told["step"]) in points(run)
    assert points(run)[-1] == (1, 30)
    assert [str(found) for found in list_checkpoints(run)] == ["1-30", "1-25"]
    assert (run.state().progress.branch, run.state().progress.step) == (1, 30)


def test_a_hopeless_run_is_rolled_back_three_times_and_fails_with_advice(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    run = create_run(**HOPELESS, steps=30, report_every=2)

    ended = train_here(run)

    failure = run.state().failure
    assert ended == "failed: diverged"
    assert failure is not None
    assert not failure.retryable
    assert [told["lr_scale"] for told in actions(run)] == [0.5, 0.25, 0.125]
    assert "from learning rates of 1 and 1 down to 0.125 and 0.125" in failure.message
    assert "generator_lr 0.001 and discriminator_lr 0.001" in failure.message


def test_a_run_killed_right_after_its_rollback_goes_on_from_there_and_ends_with_the_same_bytes(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: dict[str, Any] = {**RATES, "steps": 30, "report_every": 2, "publish": {"every_steps": 30}}
    with monkeypatch.context() as patch:
        poison_once(patch)
        train_here(create_run(**config))
    killed = create_run(**config)
    with monkeypatch.context() as patch:
        poison_once(patch)
        write = KeepCheckpoints.write

        def write_and_die(self: KeepCheckpoints, state: TrainState) -> None:
            write(self, state)
            if state.branch:
                raise Killed

        patch.setattr(KeepCheckpoints, "write", write_and_die)
        with pytest.raises(Killed):
            train_here(killed)
    assert actions(killed) == []

    train_here(killed)

    assert killed.state().status is Status.SUCCEEDED
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    (told,) = actions(killed)  # the process that went back could not tell
    assert (told["branch"], told["count"], told["lr_scale"]) == (1, 1, 0.5)


def test_where_it_does_not_even_reach_a_checkpoint_it_goes_back_further(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    ask_at(monkeypatch, {(0, 12), (1, 11), (2, 6)})

    train_here(run)

    assert [(told["branch"], told["step"]) for told in actions(run)] == [(1, 10), (2, 5), (3, 0)]
    assert run.state().status is Status.SUCCEEDED


def test_a_hook_may_send_a_run_back_and_name_the_failure_it_ends_with(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    ask_at(monkeypatch, {(0, 6), (1, 12), (2, 18), (3, 19)})

    ended = train_here(run)

    assert ended == "failed: collapsed"
    assert [told["reason"] for told in actions(run)] == ["all pictures are alike"] * 3
    assert [(told["branch"], told["step"]) for told in actions(run)] == [(1, 5), (2, 10), (3, 15)]


def test_the_branch_after_a_rollback_draws_other_noise(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_here(create_run(publish={"every_steps": 20}))
    run = create_run(report_every=1, publish={"every_steps": 20})
    ask_at(monkeypatch, {(0, 12)})
    monkeypatch.setattr("worker.checkpoints.rollback.RATE_FACTOR", 1.0)

    train_here(run)

    assert run.state().status is Status.SUCCEEDED
    assert weights(store, "shapes", 1) != weights(store, "shapes", 2)


def test_a_damaged_checkpoint_is_passed_over_on_the_way_back(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    report = ReportProgress.after_report

    def damage(self: ReportProgress, state: TrainState, metrics: Metrics) -> None:
        report(self, state, metrics)
        if (state.branch, state.step) == (0, 12):
            (store.path(f"{run.checkpoints}/0-10") / "training.safetensors").write_bytes(b"")
            raise RollBack("a test")

    monkeypatch.setattr(ReportProgress, "after_report", damage)

    train_here(run)

    assert [(told["branch"], told["step"]) for told in actions(run)] == [(1, 5)]
    assert len(actions(run, "checkpoint_skipped")) == 1


def test_a_signal_while_a_run_is_broken_leaves_a_checkpoint_that_is_not(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(recipe="dcgan", report_every=20, checkpoint_every=20)
    monkeypatch.setattr(learning_set, "Batches", Poisoned)
    monkeypatch.setattr(Poisoned, "last", 5)

    class Signal(StopWhenAsked):
        def after_step(self, state: TrainState, is_last: bool) -> None:
            if state.branch == 1 or state.step == 5:
                raise StopTraining("preempted")

    monkeypatch.setattr(job, "StopWhenAsked", Signal)

    ended = train_here(run)

    assert ended == "preempted"
    assert [str(found) for found in list_checkpoints(run)] == ["1-1", "1-0"]
    assert [(told["from_step"], told["branch"], told["step"]) for told in actions(run)] == [(5, 1, 0)]


def ask_at(monkeypatch: pytest.MonkeyPatch, places: set[tuple[int, int]]) -> None:
    """Have a hook ask for a rollback at these places (branch, step)."""

    class Ask(StopWhenAsked):
        def after_report(self, state: TrainState, metrics: Metrics) -> None:
            if (state.branch, state.step) in places:
                raise RollBack("all pictures are alike", failure="collapsed")

    monkeypatch.setattr(job, "StopWhenAsked", Ask)
