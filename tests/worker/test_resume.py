"""A run that was cut off goes on from its newest whole checkpoint, and ends with the bytes of an undisturbed one."""

import pytest
import torch
from safetensors.torch import load

from core.registry import Registry
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.runs.events import events_after
from core.store import Store
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from worker.hooks.publishing import KeepCheckpoints
from worker.hooks.reporting import ReportProgress
from worker.training import execution
from worker.training.state import TrainState
from worker.training.trainer import Metrics


def weights(store: Store, model: str, version: int) -> bytes:
    return (store.path(f"models/{model}/{version}") / "generator.safetensors").read_bytes()


class Killed(BaseException):
    """Stands for kill -9: nothing catches it, nothing is written after it."""


def cut_off(run: Run, step: int, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until this step is reported; there the process dies."""
    report = ReportProgress.after_report

    def after_report(self: ReportProgress, state: TrainState, metrics: Metrics) -> None:
        report(self, state, metrics)
        if state.step == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ReportProgress, "after_report", after_report)
        with pytest.raises(Killed):
            train_here(run)


@pytest.mark.parametrize("step", [3, 7, 14])
def test_a_killed_run_resumed_ends_with_the_bytes_of_an_undisturbed_one(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    undisturbed = create_run(publish={"every_steps": 20})
    train_here(undisturbed)
    killed = create_run(publish={"every_steps": 20}, report_every=1)
    cut_off(killed, step, train_here, monkeypatch)

    train_here(killed)

    assert killed.state().status is Status.SUCCEEDED
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda"])
def test_on_a_gpu_it_ends_with_nearly_the_same_weights(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = create_run(publish={"every_steps": 20}, precision="float32")
    train_here(undisturbed)
    killed = create_run(publish={"every_steps": 20}, precision="float32", report_every=1)
    cut_off(killed, 7, train_here, monkeypatch)

    train_here(killed)

    straight, resumed = (load(weights(store, "shapes", version)) for version in (1, 2))
    assert straight.keys() == resumed.keys()
    for name, weight in straight.items():  # sums are made in another order each time
        torch.testing.assert_close(resumed[name], weight, rtol=1e-2, atol=1e-3, msg=name)


@pytest.mark.parametrize(
    ("cores", "told"), [((2, 1), [{"before": 2, "now": 1}]), ((1, 2), []), ((1, 1), [])], ids=["fewer", "more", "same"]
)
def test_an_event_says_that_fewer_cores_may_make_other_bytes(
    create_run: CreateRun,
    train_here: TrainHere,
    monkeypatch: pytest.MonkeyPatch,
    cores: tuple[int, int],
    told: list[dict[str, int]],
) -> None:
    run = create_run(steps=4, report_every=1)
    monkeypatch.setattr(execution, "available_cores", lambda: cores[0])
    cut_off(run, 2, train_here, monkeypatch)

    monkeypatch.setattr(execution, "available_cores", lambda: cores[1])
    train_here(run)

    actions = [event.data for event in events_after(run.folder / "events.jsonl", 0) if event.type == "action"]
    assert [each["threads"] for each in actions if each["action"] == "computed_otherwise"] == told
    assert run.state().status is Status.SUCCEEDED


def test_another_kind_of_device_is_told_and_another_gpu_is_not() -> None:
    gpu = execution.Execution(device="cuda:1", precision="float32", threads=4)

    assert gpu.changes_since("cpu", 4) == {"device": {"before": "cpu", "now": "cuda:1"}}
    assert gpu.changes_since("cuda:0", 4) == {}
    assert gpu.changes_since(None, None) == {}
    assert gpu.changes_since("cuda:0", 4, 8) == {"processes": {"before": 8, "now": 1}}


@pytest.mark.parametrize(("step", "before"), [(10, []), (20, [1])])
def test_a_run_killed_between_checkpoint_and_publish_publishes_once_when_it_goes_on(
    create_run: CreateRun,
    train_here: TrainHere,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    before: list[int],
) -> None:
    run = create_run(publish={"every_steps": 10})
    with monkeypatch.context() as patch:
        write = KeepCheckpoints.write

        def write_and_die(self: KeepCheckpoints, state: TrainState) -> None:
            write(self, state)
            if state.step == step:
                raise Killed

        patch.setattr(KeepCheckpoints, "write", write_and_die)
        with pytest.raises(Killed):
            train_here(run)
    assert registry.versions("shapes") == before

    train_here(run)

    assert [(entry.version, entry.step) for entry in run.state().published] == [(1, 10), (2, 20)]
    assert registry.versions("shapes") == [1, 2]


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = create_run(publish={"every_steps": 20})
    train_here(undisturbed)
    run = create_run(publish={"every_steps": 20}, report_every=1)
    cut_off(run, 14, train_here, monkeypatch)
    damaged = store.path(f"{run.checkpoints}/0-10") / "training.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-7])

    train_here(run)

    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)
    assert any(event.data.get("action") == "checkpoint_skipped" for event in run.events())
    assert damaged.parent.with_name("0-10.damaged").is_dir()


def test_a_machine_without_memory_costs_no_checkpoint(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    cut_off(run, 14, train_here, monkeypatch)

    def no_room(*_: object) -> TrainState:
        raise torch.OutOfMemoryError

    with monkeypatch.context() as patch:
        patch.setattr("worker.checkpoints.checkpointing.new_state", no_room)
        ended = train_here(run)

    assert ended == "failed: out_of_memory"
    assert [str(found) for found in list_checkpoints(run)] == ["0-10", "0-5"]


def test_a_new_checkpoint_ends_the_count_of_lost_attempts(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run()
    run.change(lambda now: now.model_copy(update={"attempts_without_checkpoint": 2}))

    train_here(run)

    assert run.state().attempts_without_checkpoint == 0


def test_a_resumed_run_says_from_where(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    cut_off(run, 14, train_here, monkeypatch)

    train_here(run)

    resumed = [event.data for event in run.events() if event.type == "action"]
    assert resumed == [{"action": "resumed", "branch": 0, "step": 10}]


def test_a_foreign_folder_among_the_checkpoints_is_left_alone(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run()
    (run.store.path(run.checkpoints) / "my notes").mkdir()

    assert train_here(run) == "succeeded"
