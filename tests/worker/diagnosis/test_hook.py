"""What a run tells of how it learns, and what is done about it: events, the run's state, actions, over interruptions.

The runs are real; a learning rate of 1 makes one explode within a few steps.
"""

from typing import Any

import pytest

from core.runs import Run, RunStore
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.diagnosis import Verdict
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.resolution import resolve
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off
from worker.training.adversarial import Adversarial
from worker.training.batches import Batches
from worker.training.state import Reported, TrainState

pytestmark = pytest.mark.usefixtures("judged_at_once")

EXPLODES: dict[str, Any] = {"generator_lr": 1.0, "discriminator_lr": 1.0, "report_every": 1}


def verdicts(run: Run) -> list[tuple[int, str]]:
    return [(e.data["step"], e.data["verdict"]) for e in run.events() if e.type == "diagnosis"]


def actions(run: Run) -> list[dict[str, Any]]:
    return [event.data for event in run.events() if event.type == "action"]


def asking(run: Run, store: Store, action: str, *on: str) -> Run:
    """The same run, with a `stop`."""
    spec = run.spec()
    body = {**spec.request, "stop": {"on": [*on], "action": action}}
    asked = RunSpec.model_validate(body)
    return RunStore(store).create(asked, resolve(asked, spec.dataset), spec.dataset)


def test_a_run_that_learns_warms_up_and_is_healthy(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(report_every=1)

    train_here(run)

    assert verdicts(run) == [(1, "warming_up"), (10, "healthy")]
    diagnosis = run.state().diagnosis
    assert diagnosis is not None
    assert (diagnosis.verdict, diagnosis.since_step, diagnosis.action) == (Verdict.HEALTHY, 10, None)
    assert actions(run) == []


def test_a_run_that_explodes_says_so_with_numbers_and_advice_and_goes_on(
    create_run: CreateRun, train_here: TrainHere
) -> None:
    run = create_run(**EXPLODES)

    ended = train_here(run)

    assert ended == "succeeded"
    told = [event.data for event in run.events() if event.type == "diagnosis"]
    exploding = next(data for data in told if data["verdict"] == "exploding")
    assert exploding["step"] <= 6
    assert max(exploding["numbers"].values()) > 100
    assert [each["field"] for each in exploding["advice"]] == ["config.generator_lr", "config.discriminator_lr"]
    assert actions(run) == []


def test_an_explosion_stops_the_run_if_asked_to(create_run: CreateRun, train_here: TrainHere, store: Store) -> None:
    run = asking(create_run(**EXPLODES), store, "stop", "exploding", "mode_collapse")

    ended = train_here(run)

    state = run.state()
    assert ended == "failed: diverged"
    assert state.failure is not None
    assert state.failure.message.startswith("exploding: ")
    assert "config.generator_lr=0.0004: the recipe's own" in state.failure.message
    assert not state.failure.retryable
    assert [(data["action"], data["reason"]) for data in actions(run)] == [("stop", "exploding")]
    assert state.diagnosis is not None
    assert state.diagnosis.action == "stop"


def test_another_verdict_than_those_asked_for_stops_nothing(
    create_run: CreateRun, train_here: TrainHere, store: Store
) -> None:
    run = asking(create_run(**EXPLODES), store, "stop", "mode_collapse")

    assert train_here(run) == "succeeded"
    assert actions(run) == []


def test_a_pause_keeps_a_checkpoint_and_the_run_goes_on_from_it_unpaused(
    create_run: CreateRun, train_here: TrainHere, store: Store
) -> None:
    run = asking(create_run(**EXPLODES), store, "pause", "exploding")

    ended = train_here(run)
    paused = run.state()
    run.change(lambda now: now.asked("resume"))
    resumed = train_here(run)

    assert (ended, paused.status, resumed) == ("pause", Status.PAUSED, "succeeded")
    assert paused.diagnosis is not None
    assert (paused.diagnosis.verdict, paused.diagnosis.action) == (Verdict.EXPLODING, "pause")
    assert paused.checkpoint_step == paused.diagnosis.step
    assert [data["action"] for data in actions(run)] == ["pause", "resumed"]


def strike(monkeypatch: pytest.MonkeyPatch, branches: range, from_step: int = 12) -> None:
    """Let gradients seem to explode on some branches, from a step on; the networks learn as ever."""
    step = Adversarial.step

    def struck(self: Adversarial, state: TrainState, batches: Batches) -> Reported:
        reported = step(self, state, batches)
        is_struck = state.branch in branches and state.step >= from_step
        return {**reported, "g_gradient": reported["g_gradient"] * (1e7 if is_struck else 1)}

    monkeypatch.setattr(Adversarial, "step", struck)


def test_a_run_goes_back_to_before_its_trouble_began_and_may_get_well(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asking(create_run(report_every=1, steps=40), store, "rollback", "exploding")
    strike(monkeypatch, range(1))

    ended = train_here(run)

    # the trouble began at step 13 and was told at step 15, where there is a checkpoint, too
    assert ended == "succeeded"
    assert verdicts(run) == [(1, "warming_up"), (10, "healthy"), (15, "exploding"), (11, "healthy")]
    assert [(data["action"], data.get("reason", "")[:9]) for data in actions(run)] == [
        ("rollback", "exploding"),
        ("rolled_back", "exploding"),
    ]
    diagnosis = run.state().diagnosis
    assert diagnosis is not None
    assert (diagnosis.verdict, diagnosis.branch, diagnosis.action) == (Verdict.HEALTHY, 1, None)


def test_a_trouble_that_comes_back_on_every_branch_ends_the_run(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asking(create_run(report_every=1, steps=40), store, "rollback", "exploding")
    strike(monkeypatch, range(9))

    ended = train_here(run)

    state = run.state()
    assert ended == "failed: diverged"
    assert state.failure is not None
    assert state.failure.message.startswith("exploding: ")
    assert [data["action"] for data in actions(run)] == ["rollback", "rolled_back"] * 3 + ["rollback"]
    assert {event.data["branch"] for event in run.events() if event.type == "diagnosis"} == {0, 1, 2, 3}


def test_nothing_is_done_at_the_last_step(create_run: CreateRun, train_here: TrainHere, store: Store) -> None:
    run = asking(create_run(**EXPLODES), store, "stop", "exploding")
    train_here(run)
    told_at = verdicts(run)[-1][0]
    short = asking(create_run(**EXPLODES, steps=told_at), store, "stop", "exploding")

    ended = train_here(short)

    assert (ended, verdicts(short)[-1]) == ("succeeded", (told_at, "exploding"))


@pytest.mark.parametrize("killed_at", [4, 9, 10, 14])
def test_a_killed_run_comes_to_the_same_verdicts_at_the_same_steps(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    undisturbed, killed = (create_run(report_every=1, checkpoint_every=3) for _ in range(2))
    train_here(undisturbed)
    cut_off(killed, killed_at, train_here, monkeypatch)

    train_here(killed)

    assert set(verdicts(killed)) == set(verdicts(undisturbed))
    ends = [run.state().diagnosis for run in (undisturbed, killed)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0].model_dump(exclude={"numbers"}) == ends[1].model_dump(exclude={"numbers"})


def test_a_verdict_that_an_attempt_came_to_after_its_last_checkpoint_is_taken_back(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1, checkpoint_every=8)
    cut_off(run, 12, train_here, monkeypatch)
    assert [str(found) for found in list_checkpoints(run)] == ["0-8"]

    train_here(run)

    assert verdicts(run) == [(1, "warming_up"), (10, "healthy"), (8, "warming_up"), (10, "healthy")]
