"""A collapse is acted on by default: back to the best from before it and on with a change, twice; then the run ends.

The runs are real; what their pictures score at every fifth step is made up.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.registry import Registry
from core.runs import Run
from core.runs.states import RunState
from core.store import Store
from ganymede.schemas.diagnosis import Verdict
from ganymede.schemas.states import Status
from tests.worker.checkpoints.test_rollback import Poisoned, actions, points
from tests.worker.conftest import CreateRun, TrainHere
from worker import job
from worker.diagnosis import thresholds
from worker.hooks.publishing import KeepCheckpoints
from worker.hooks.reporting import ReportProgress
from worker.training import learning_set
from worker.training.state import TrainState
from worker.training.trainer import Metrics

pytestmark = pytest.mark.usefixtures("judged_at_once")

IsCollapsed = Callable[[int, int], bool]

LONG: dict[str, Any] = {"steps": 60, "report_every": 5, "publish": {"every_steps": 60}, "mode_seeking": 1.0}
# a tenth of the steps is not judged: the first 6


def draw(monkeypatch: pytest.MonkeyPatch, is_collapsed: IsCollapsed, accuracy: float = 0.7) -> None:
    """Let pictures get better from evaluation to evaluation, but where (branch, step) is collapsed."""

    class Scored(ReportProgress):
        def after_report(self, state: TrainState, metrics: Metrics) -> None:
            if state.step % 5 == 0:
                alike, kid = is_collapsed(state.branch, state.step), 1 / (state.step + state.branch)
                metrics |= {"fd": 2.0, "kid": 0.5 if alike else kid, "diversity": 0.01 if alike else 0.8}
            metrics |= {"d_real_accuracy": accuracy, "d_fake_accuracy": accuracy}
            super().after_report(state, metrics)

    monkeypatch.setattr(job, "ReportProgress", Scored)


def ways(run: Run) -> list[tuple[str, int, int, int]]:
    """Of each remedy: its name, the step that was left, the branch and the step that it goes on with."""
    return [(each.name, each.from_step, each.branch, each.step) for each in run.state().remedies]


def test_a_collapse_sends_a_run_back_to_the_best_before_it_and_on_with_a_change(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = create_run(**LONG)
    before = run.spec()
    draw(monkeypatch, lambda branch, step: branch == 0 and step >= 30)
    caplog.set_level("INFO")

    ended = train_here(run)

    # it shows at 30 and at 35; the best is that of step 25, and was kept
    (told,) = actions(run, "remedied")
    assert ended == "succeeded"
    assert ways(run) == [("regularise_discriminator", 35, 1, 25)]
    assert (told["from_branch"], told["from_step"], told["branch"], told["step"]) == (0, 35, 1, 25)
    assert (told["count"], told["most"], told["verdict"]) == (1, 2, "mode_collapse")
    assert told["changes"][0] == {"field": "regulariser", "before": "none", "after": "r1_r2"}
    assert told["message"].startswith("mode_collapse: since step 30 drawn pictures are 1% as varied as real ones; went")
    assert "regulariser r1_r2 (was none), penalty_weight 0.00781 (was none)" in told["message"]
    assert told["message"] in caplog.text
    assert run.spec() == before
    assert run.state().ended_early is None
    assert run.state().diagnosis is not None
    lines = map(json.loads, run.metrics_file.read_text().splitlines())
    assert {line["branch"]: line.get("penalty", 0) > 0 for line in lines} == {0: False, 1: True}


def test_a_second_change_comes_on_top_of_the_first_and_a_third_collapse_ends_the_run_with_its_best(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: step >= 30)

    ended = train_here(run)

    state = run.state()
    assert (ended, state.status, state.failure) == ("give_up", Status.SUCCEEDED, None)
    assert ways(run) == [("regularise_discriminator", 35, 1, 25), ("augment", 40, 2, 25)]
    assert registry.manifest("shapes", 1).step == 25
    assert [entry.step for entry in state.published] == [25]
    assert state.ended_early is not None
    assert (state.ended_early.verdict, state.ended_early.step) == (Verdict.MODE_COLLAPSE, 40)
    assert "It came back after 2 changes (regulariser r1_r2 (was none)" in state.ended_early.message
    assert "the version of step 25 is its best (kid 0.04)" in state.ended_early.message
    assert (state.progress.step, state.progress.total) == (40, 60)
    assert [told["message"] for told in actions(run, "ended_early")] == [state.ended_early.message]
    assert [event.type for event in run.events()][-3:] == ["published", "status", "end"]


def test_a_change_is_given_as_long_as_a_beginning_before_it_is_judged(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG | {"steps": 100})  # of which the first 10 are not judged
    draw(monkeypatch, lambda branch, step: step >= 30)

    train_here(run)

    verdicts = [event.data for event in run.events() if event.type == "diagnosis"]
    again = [data for data in verdicts if data["branch"] == 1]
    assert [(data["verdict"], data["step"]) for data in again] == [("warming_up", 30), ("mode_collapse", 45)]
    assert again[0]["summary"] == "step 30 of 100: too early to tell what the change at step 25 did"
    assert again[1]["since_step"] == 40  # 25 and 10, and what comes after that


def test_where_nothing_was_ever_sound_it_begins_anew_and_fails_in_the_end_but_may_be_retried(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: True)

    ended = train_here(run)
    failed = run.state()
    run.change(lambda now: now.asked("retry"))
    retried = train_here(run)

    assert ended == "failed: collapsed"
    assert [(branch, step) for _, _, branch, step in ways(run)] == [(1, 0), (2, 0)]
    assert failed.failure is not None
    assert "Nothing that the run has made is worth publishing. What to change: " in failed.failure.message
    assert (failed.published, failed.ended_early) == ([], None)
    assert retried == "succeeded"  # whoever asks for it gets the rest
    assert (run.state().progress.step, run.state().remedies) == (60, failed.remedies)


@pytest.mark.parametrize("stop", [{"action": "alert"}, {"action": "alert", "on": ["mode_collapse"]}, {"on": []}])
def test_who_wants_to_be_told_alone_is_told_alone(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, stop: dict[str, Any]
) -> None:
    run = create_run(**LONG | {"steps": 30}, stop=stop)
    draw(monkeypatch, lambda branch, step: step >= 10)

    ended = train_here(run)

    state = run.state()
    assert (ended, state.remedies) == ("succeeded", [])
    assert state.diagnosis is not None
    assert (state.diagnosis.verdict, state.diagnosis.action) == (Verdict.MODE_COLLAPSE, None)


def test_a_run_of_an_earlier_build_that_was_not_asked_about_it_is_left_alone(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG | {"steps": 30})
    spec = {name: value for name, value in store.read(f"{run.key}/spec.json").items() if name != "stop"}
    store.swap(f"{run.key}/spec.json", spec | {"request": spec["request"] | {"stop": {}}})
    draw(monkeypatch, lambda branch, step: step >= 10)

    assert (train_here(run), run.state().remedies) == ("succeeded", [])


def test_a_collapse_is_acted_on_also_behind_a_discriminator_that_is_too_strong(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "STRONG_STEPS", 1)
    monkeypatch.setattr(thresholds, "STRONG_REPORTS", 2)
    monkeypatch.setattr(thresholds, "STRONG_LOSS", 1e9)
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: branch == 0 and step >= 30, accuracy=1.0)

    train_here(run)

    assert [told["verdict"] for told in actions(run, "remedied")] == ["mode_collapse"]
    assert "discriminator_too_strong" in {e.data["verdict"] for e in run.events() if e.type == "diagnosis"}


def test_numbers_that_are_none_on_a_changed_branch_do_not_undo_the_change(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: branch == 0 and step >= 30)
    monkeypatch.setattr(learning_set, "Batches", Poisoned)
    monkeypatch.setattr(Poisoned, "first", 37)  # two steps into the new branch
    monkeypatch.setattr(Poisoned, "last", 37)

    ended = train_here(run)

    (back,) = actions(run, "rolled_back")
    assert ended == "succeeded"
    assert (back["from_branch"], back["count"], back["most"], back["lr_scale"]) == (1, 1, 3, 0.5)
    assert [way[2] for way in ways(run)] == [1]
    newest = [json.loads(line) for line in run.metrics_file.read_text().splitlines()][-1]
    assert (newest["branch"], newest["step"], newest["penalty"] > 0) == (2, 60, True)


def test_a_best_from_within_the_collapse_is_no_best(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By KID a generator that draws one good picture may score better than the beginning of one that draws many."""
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: branch == 0 and step >= 30)
    marked: list[RunState] = []
    better = KeepCheckpoints.after_report

    def flattered(self: KeepCheckpoints, state: TrainState, metrics: Metrics) -> None:
        is_alike = metrics.get("diversity", 1.0) < 0.1
        better(self, state, {**metrics, "kid": 1e-6} if is_alike else metrics)
        marked.append(run.state())

    monkeypatch.setattr(KeepCheckpoints, "after_report", flattered)

    train_here(run)

    assert any(state.best and state.best.step == 30 for state in marked)
    assert (0, 30) in points(run)
    assert registry.manifest("shapes", 1).step == 60
    assert registry.manifest("shapes", 1).branch == 1
