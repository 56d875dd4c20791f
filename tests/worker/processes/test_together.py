"""One run trained by several processes, real ones: as one would, and whatever becomes of them it goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.datasets import DatasetStore
from core.queue import TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore
from core.runs.checkpoints import list_checkpoints
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from tests.fixtures import until
from tests.processes import children, command_line, lives, on_linux
from tests.worker.checkpoints.test_rollback import HOPELESS
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.processes.learnt import RATE, assert_learnt_alike, points
from worker.training import stopping

pytestmark = pytest.mark.slow


@pytest.fixture
def train_together(settings: Settings, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch) -> TrainHere:
    """worker.job in this process; those that train together read their settings from the environment."""
    monkeypatch.setenv("GANYMEDE_HOME", str(settings.home))
    monkeypatch.setenv("GANYMEDE_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return train_here


def trainers_of(run: Run, parent: int | None = None) -> list[int]:
    """The processes that train a run for `parent`, or for this one; the first first."""
    found = {pid: command_line(pid).split() for pid in children(parent or os.getpid())}
    mine = {pid: words for pid, words in found.items() if "worker.processes.rank" in words and run.id in words}
    return sorted(mine, key=lambda pid: int(mine[pid][-5]))


@pytest.mark.parametrize(("augment", "steps"), [("none", 20), ("ada", 35)])  # until it changes pictures
def test_two_processes_learn_what_one_learns_from_the_same_batches(
    create_run: CreateRun, train_together: TrainHere, blobs: str, augment: str, steps: int
) -> None:
    config: dict[str, Any] = {"recipe": "r3gan", "dataset": blobs, "steps": steps, "augment": augment}
    config |= {"report_every": 1, "precision": "float32", "generator_lr": RATE, "discriminator_lr": RATE}
    one, two = create_run(**config), create_run(processes=2, **config)

    ended = [train_together(one), train_together(two)]

    assert ended == ["succeeded", "trained by 2 processes: succeeded"]
    assert_learnt_alike(one, two)


@pytest.mark.usefixtures("train_together")
def test_all_processes_end_with_the_same_bits(create_run: CreateRun, tmp_path: Path) -> None:
    """With batch norms in one network or both, several updates a step, a penalty between pictures, an encoder; with
    changed pictures, as often as the discriminator makes it."""
    runs = [create_run(recipe=recipe, processes=2, steps=6) for recipe in ("r3gan", "cgan", "wgan-gp", "vae")]
    runs += [create_run(processes=2, steps=12, augment="ada", discriminator_lr=0.01)]
    runs += [create_run(recipe="wgan-gp", processes=2, steps=6, augment="diffaugment", annealing="cosine")]
    names = [run.id for run in runs]
    command = [sys.executable, "-m", "tests.worker.processes.replica", str(tmp_path / "meeting")]

    processes = [subprocess.Popen([*command, str(rank), "2", str(tmp_path), *names]) for rank in range(2)]

    assert [process.wait() for process in processes] == [0, 0]
    for name in names:
        first, second = (load_file(tmp_path / f"{name}-{rank}.safetensors") for rank in range(2))
        assert first.keys() == second.keys()
        assert [name for name in first if not torch.equal(first[name], second[name])] == []
    with_ada = load_file(tmp_path / f"{names[4]}-0.safetensors")
    assert with_ada["augmentation"][0] > 0  # p, of the one with ADA


def told_to_each(folder: Path, size: int, *arguments: str) -> list[list[Any]]:
    command = [sys.executable, "-m", "tests.worker.decided", str(folder / "meeting")]
    processes = [
        subprocess.Popen([*command, str(rank), str(size), *arguments], stdout=subprocess.PIPE, encoding="utf-8")
        for rank in range(size)
    ]
    return [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in processes]


def test_what_the_first_process_decides_all_of_them_do(tmp_path: Path) -> None:
    told = told_to_each(tmp_path, 3)

    back = {"reason": "mode_collapse: drôle", "failure": "collapsed", "to_best": True, "before": 7, "verdict": None}
    assert told == [["done", ["RollBack", back], ["StopTraining", {"reason": "pause"}]]] * 3


def test_the_others_wait_for_the_first_also_longer_than_for_one_that_hangs(tmp_path: Path) -> None:
    assert told_to_each(tmp_path, 2, "10") == [["done"], ["done"]]


def test_a_run_of_several_processes_is_scored_and_judged_by_the_first(
    create_run: CreateRun, train_together: TrainHere
) -> None:
    run = create_run(processes=2, extractor="classifier", evaluate_every=10, report_every=5)

    assert train_together(run) == "trained by 2 processes: succeeded"

    assert [point["step"] for point in points(run)] == [5, 10, 15, 20]
    assert [point["step"] for point in points(run) if "fd" in point] == [10, 20]
    assert run.state().diagnosis is not None
    said = [event.data.get("action") for event in run.events()]
    assert said.count("judged_by") == 1


@on_linux
@pytest.mark.parametrize("victim", [0, 1], ids=["the first", "another"])
def test_a_killed_process_loses_the_attempt_and_the_next_one_finishes_the_run(
    create_run: CreateRun, train_together: TrainHere, store: Store, queue: TrainQueue, victim: int
) -> None:
    run = create_run(processes=2, steps=400, report_every=5, checkpoint_every=20)
    ended: list[str] = []
    attempt = Thread(target=lambda: ended.append(train_together(run)))
    attempt.start()
    until(lambda: run.state().checkpoint_step)

    os.kill(trainers_of(run)[victim], signal.SIGKILL)
    attempt.join()

    assert ended == [f"lost: process {victim} was ended by SIGKILL"]
    assert trainers_of(run) == []
    reconcile(RunStore(store), queue)
    assert (run.state().status, run.state().attempt) == (Status.QUEUED, 2)
    assert train_together(run) == "trained by 2 processes: succeeded"
    assert any(event.data.get("action") == "resumed" for event in run.events())


@on_linux
@pytest.mark.usefixtures("train_together")
def test_none_outlives_the_process_that_watches_them(create_run: CreateRun) -> None:
    run = create_run(processes=2, steps=100_000, report_every=5, checkpoint_every=100_000)
    program = "import sys; from worker.job import train; train(sys.argv[1])"
    watcher = subprocess.Popen([sys.executable, "-c", program, run.id])
    until(lambda: run.state().progress.step)
    trainers = trainers_of(run, watcher.pid)

    watcher.kill()
    watcher.wait()

    assert len(trainers) == 2
    until(lambda: not any(map(lives, trainers)))


@on_linux
def test_a_stop_signal_stops_all_of_them_between_the_same_steps(
    create_run: CreateRun, train_together: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(processes=2, steps=100_000, report_every=5, checkpoint_every=100_000)
    ended: list[str] = []
    attempt = Thread(target=lambda: ended.append(train_together(run)))
    attempt.start()
    until(lambda: run.state().progress.step)

    monkeypatch.setattr(stopping._Flag, "raised", True)
    attempt.join()

    state = run.state()
    assert ended == ["trained by 2 processes: queued"]
    assert (state.status, state.attempt, state.preempted) == (Status.QUEUED, 2, True)
    assert len(list_checkpoints(run)) == 1


def test_a_limit_ends_all_of_them_with_the_same_step(create_run: CreateRun, train_together: TrainHere) -> None:
    run = create_run(processes=2, steps=100_000, report_every=5, limits={"max_duration": 50.0})
    run.change(lambda now: now.model_copy(update={"worked_s": 100.0}))

    ended = train_together(run)

    state = run.state()
    assert ended == "trained by 2 processes: succeeded"
    assert (state.progress.step, state.published[-1].step) == (2, 2)


@pytest.mark.parametrize("is_cut_short", [False, True], ids=["in one go", "begun at its end"])
def test_patience_ends_all_of_them_with_the_same_step(
    create_run: CreateRun, train_together: TrainHere, is_cut_short: bool
) -> None:
    still = {"recipe": "r3gan", "generator_lr": 1e-30, "discriminator_lr": 1e-30, "ema_half_life": 0}
    config: dict[str, Any] = {**still, "extractor": "classifier", "evaluate_every": 5, "report_every": 5, "steps": 100}
    run = create_run(processes=2, stop={"patience": 2}, **config)
    train_together(run)
    if is_cut_short:  # as if it had been killed before it could say that it is over
        run.store.swap(f"{run.key}/state.json", {**run.state().model_dump(mode="json"), "status": "queued"})
        assert train_together(run) == "trained by 2 processes: succeeded"

    state = run.state()
    assert (state.status, state.progress.step, state.published[-1].step) == (Status.SUCCEEDED, 15, 5)
    assert state.ended_early is not None
    assert state.ended_early.patience == 2


def test_a_pause_stops_all_of_them_and_a_resumed_run_ends_as_an_undisturbed_one(
    create_run: CreateRun, train_together: TrainHere
) -> None:
    config: dict[str, Any] = {"processes": 2, "steps": 200, "report_every": 5, "checkpoint_every": 200}
    undisturbed, paused = create_run(**config), create_run(**config)
    train_together(undisturbed)
    attempt = Thread(target=lambda: train_together(paused))
    attempt.start()
    until(lambda: paused.state().progress.step)
    paused.change(lambda now: now.asked("pause"))
    attempt.join()
    assert paused.state().status is Status.PAUSED
    paused.change(lambda now: now.asked("resume"))

    train_together(paused)

    (one, *_), (other, *_) = list_checkpoints(undisturbed), list_checkpoints(paused)
    weights = [(found.folder / "training.safetensors").read_bytes() for found in (one, other)]
    assert weights[0] == weights[1]


def test_all_go_back_together_until_it_is_too_often(create_run: CreateRun, train_together: TrainHere) -> None:
    run = create_run(**HOPELESS, processes=2, steps=30, report_every=2)

    ended = train_together(run)

    rates = [event.data["lr_scale"] for event in run.events() if event.data.get("action") == "rolled_back"]
    failure = run.state().failure
    assert ended == "trained by 2 processes: failed"
    assert failure is not None
    assert failure.code == "diverged"
    assert rates == [0.5, 0.25, 0.125]


def test_a_remedy_changes_the_numbers_of_all_of_them(create_run: CreateRun, train_together: TrainHere) -> None:
    stop, rates = {"on": ["discriminator_too_strong"]}, {"generator_lr": 1e-7, "discriminator_lr": 5e-3}
    run = create_run(processes=2, steps=225, report_every=10, checkpoint_every=100, stop=stop, **rates)

    train_together(run)

    remedy = run.state().remedies[0]
    branches = {point["branch"]: "penalty" in point for point in points(run)}
    assert (remedy.name, remedy.branch) == ("regularise_discriminator", 1)
    assert branches == {branch: branch > 0 for branch in branches}  # were it not in all, their numbers would not fit
    assert run.state().status is not Status.RUNNING


def test_what_the_first_process_fails_with_the_run_fails_with(
    create_run: CreateRun, train_together: TrainHere, blobs: str, store: Store
) -> None:
    run = create_run(processes=2, dataset=blobs, recipe="r3gan")
    images = DatasetStore(store).get(blobs).folder / "images.npy"
    images.write_bytes(images.read_bytes()[:-1])

    train_together(run)

    failure = run.state().failure
    assert failure is not None
    assert failure.code == "dataset_invalid"
