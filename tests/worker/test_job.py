"""One attempt of one run, from spec to published version; resumed, stopped, refused, failed."""

import json
from pathlib import Path

import pytest

from core.datasets import Dataset
from core.registry import Registry
from core.runs.checkpoints import list_checkpoints
from ganymede.schemas.states import Status
from models.weights import is_finite, load_generator
from tests.worker.conftest import CreateRun, TrainHere
from worker.hooks import reporting as hooks
from worker.hooks.reporting import ReportProgress
from worker.training import stopping
from worker.training.state import TrainState
from worker.training.trainer import Metrics


def test_a_run_trains_publishes_and_succeeds(create_run: CreateRun, train_here: TrainHere, registry: Registry) -> None:
    run = create_run(publish={"every_steps": 10})

    ended = train_here(run)

    state = run.state()
    assert ended == "succeeded"
    assert (state.status, state.progress.step, state.progress.fraction) == (Status.SUCCEEDED, 20, 1.0)
    assert [(entry.version, entry.step) for entry in state.published] == [(1, 10), (2, 20)]
    assert registry.pointers("shapes").aliases == {"latest": 2}
    manifest = registry.manifest("shapes", 2)
    assert (manifest.run, manifest.step, manifest.labels) == (run.id, 20, ["circle", "square", "cross"])
    load_generator(registry.folder("shapes", 2) / "generator.safetensors")


def test_a_run_leaves_metrics_grids_events_and_two_checkpoints(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(report_every=5, sample_every=10)

    train_here(run)

    points = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert [(point["branch"], point["step"]) for point in points] == [(0, 5), (0, 10), (0, 15), (0, 20)]
    assert sorted(path.name for path in run.samples.iterdir()) == ["0-10.webp", "0-20.webp"]
    assert [str(found) for found in list_checkpoints(run)] == ["0-20", "0-15"]
    kinds = [event.type for event in run.events()]
    assert kinds[:2] == ["status", "status"]
    assert {"metrics", "sample", "checkpoint", "published"} < set(kinds)
    assert kinds[-2:] == ["status", "end"]
    assert [event.data["step"] for event in run.events() if event.type == "metrics"][-1] == 20


def test_a_signal_makes_it_checkpoint_and_go_back_into_the_queue(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run()
    monkeypatch.setattr(stopping._Flag, "raised", True)

    ended = train_here(run)

    state = run.state()
    assert ended == "preempted"
    assert (state.status, state.attempt, state.preempted) == (Status.QUEUED, 2, True)
    assert [str(found) for found in list_checkpoints(run)] == ["0-1"]


def test_a_cancel_keeps_a_last_checkpoint(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    report = ReportProgress.after_report

    def cancel_at_eight(self: ReportProgress, state: TrainState, metrics: Metrics) -> None:
        report(self, state, metrics)
        if state.step == 8:
            run.move(Status.CANCELING)

    monkeypatch.setattr(ReportProgress, "after_report", cancel_at_eight)
    monkeypatch.setattr(hooks, "MARK_EVERY_S", 0.0)

    ended = train_here(run)

    assert ended == "cancel"
    assert run.state().status is Status.CANCELED
    assert [str(found) for found in list_checkpoints(run)] == ["0-8", "0-5"]


def test_a_signal_during_a_cancel_leaves_it_canceled(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    report = ReportProgress.after_report

    def cancel_and_signal(self: ReportProgress, state: TrainState, metrics: Metrics) -> None:
        report(self, state, metrics)
        run.move(Status.CANCELING)
        monkeypatch.setattr(stopping._Flag, "raised", True)

    monkeypatch.setattr(ReportProgress, "after_report", cancel_and_signal)

    train_here(run)

    assert run.state().status is Status.CANCELED


def test_a_run_that_is_over_is_not_trained_again(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(steps=2)
    train_here(run)
    before = run.state()

    again = train_here(run)

    assert again.startswith("not started")
    assert run.state() == before


def test_a_run_that_another_process_trains_is_left_alone(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run()

    with run.training_lock() as is_mine:
        ended = train_here(run)

    assert is_mine
    assert ended == "trained elsewhere"
    assert run.state().status is Status.QUEUED


def test_a_damaged_dataset_fails_the_run_and_names_the_file(
    create_run: CreateRun, train_here: TrainHere, shapes: Dataset
) -> None:
    run = create_run()
    flip_last_byte(shapes.folder / "images.npy")

    train_here(run)

    failure = run.state().failure
    assert failure is not None
    assert failure.code == "dataset_invalid"
    assert "images.npy" in failure.message


def test_weights_that_are_no_numbers_send_the_run_back_and_are_not_published(
    create_run: CreateRun, train_here: TrainHere, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(publish={"every_steps": 10}, report_every=20)
    update = TrainState.update_ema

    def update_and_break(self: TrainState, batch_size: int) -> None:
        update(self, batch_size)
        if (self.branch, self.step) == (0, 10):
            next(self.generator.parameters()).data.fill_(float("inf"))

    monkeypatch.setattr(TrainState, "update_ema", update_and_break)

    ended = train_here(run)

    assert ended == "succeeded"
    (told,) = [event.data for event in run.events() if event.data.get("action") == "rolled_back"]
    assert (told["reason"], told["step"]) == ("a weight stopped being a finite number by step 10", 5)
    for version in registry.versions("shapes"):
        generator, _ = load_generator(registry.folder("shapes", version) / "generator.safetensors")
        assert is_finite(generator)


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
