"""A run that is killed about its remedies ends with the bytes of an undisturbed one, and says everything once."""

import json
from typing import Any

import pytest

from core.registry import Registry
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from ganymede.schemas.states import Status
from tests.worker.checkpoints.test_rollback import CPU, actions
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.diagnosis.test_remedied import LONG, draw, ways
from tests.worker.test_resume import Killed, weights
from worker import job
from worker.checkpoints.checkpointing import load_training
from worker.hooks.publishing import KeepCheckpoints, PublishVersions
from worker.hooks.reporting import ReportProgress
from worker.training.state import TrainState
from worker.training.trainer import Metrics

pytestmark = pytest.mark.usefixtures("judged_at_once")

# Where a process dies: at this report of a branch, or while the checkpoint that begins it is written.
DEATHS = {
    "where the collapse is told": (0, 35),
    "before the way back is kept": "before",
    "right after it is kept": "after",
    "while the change has its time": (1, 30),
    "on the branch": (1, 45),
}


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_a_run_killed_about_its_remedy_ends_with_the_bytes_of_an_undisturbed_one(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, death: Any
) -> None:
    draw(monkeypatch, lambda branch, step: branch == 0 and step >= 30)
    undisturbed, killed = create_run(**LONG), create_run(**LONG)
    train_here(undisturbed)
    with monkeypatch.context() as patch:
        die(patch, death)
        with pytest.raises(Killed):
            train_here(killed)

    train_here(killed)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    assert [way[2:] for way in ways(killed)] == [way[2:] for way in ways(undisturbed)] == [(1, 25)]
    assert len(actions(killed, "remedied")) == 1
    newest = [list_checkpoints(run)[0].folder / "training.safetensors" for run in (undisturbed, killed)]
    assert newest[0].read_bytes() == newest[1].read_bytes()


@pytest.mark.parametrize(
    ("recipe", "last"), [("cgan", {"augment": "ada"}), ("wgan-gp", {"augment": "diffaugment", "generator_lr": 2.5e-4})]
)
def test_a_run_killed_after_two_remedies_goes_on_with_both(
    create_run: CreateRun,
    train_here: TrainHere,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    last: dict[str, Any],
) -> None:
    draw(monkeypatch, lambda branch, step: branch < 2 and step >= 30)
    undisturbed, killed = (create_run(**LONG, recipe=recipe, n_critic=1) for _ in range(2))
    train_here(undisturbed)
    with monkeypatch.context() as patch:
        die(patch, (2, 45))
        with pytest.raises(Killed):
            train_here(killed)

    train_here(killed)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    assert ways(killed) == ways(undisturbed)
    folders = [list_checkpoints(run)[0].folder for run in (undisturbed, killed)]
    facts = [json.loads((folder / "training.json").read_text()) for folder in folders]
    assert facts[0]["augmentation"] == facts[1]["augmentation"]
    state = load_training(folders[1], killed.spec().resolved, CPU)
    assert {name: state.resolved.to_json()[name] for name in last} == last


def die(patch: pytest.MonkeyPatch, death: Any) -> None:
    scored: type[ReportProgress] = vars(job)["ReportProgress"]
    report, write = scored.after_report, KeepCheckpoints.write

    def report_and_die(self: ReportProgress, state: TrainState, metrics: Metrics) -> None:
        report(self, state, metrics)
        if (state.branch, state.step) == death:
            raise Killed

    def write_and_die(self: KeepCheckpoints, state: TrainState) -> None:
        if state.branch and death == "before":
            raise Killed
        write(self, state)
        if state.branch and death == "after":
            raise Killed

    patch.setattr(scored, "after_report", report_and_die)
    patch.setattr(KeepCheckpoints, "write", write_and_die)


def test_a_run_killed_while_it_ends_early_ends_early_all_the_same_and_says_so_once(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(**LONG)
    draw(monkeypatch, lambda branch, step: step >= 30)
    with monkeypatch.context() as patch:
        publish = PublishVersions.publish_best

        def publish_and_die(*given: Any) -> None:
            publish(*given)
            raise Killed

        patch.setattr(PublishVersions, "publish_best", publish_and_die)
        with pytest.raises(Killed):
            train_here(run)

    ended = train_here(run)

    assert (ended, run.state().status) == ("give_up", Status.SUCCEEDED)
    assert registry.versions("shapes") == [1]
    assert len(actions(run, "ended_early")) == 1
