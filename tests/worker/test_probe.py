"""The process that measures what a run would take, and how it reckons memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from core.machine.memory import available_bytes, peak_resident_bytes, total_bytes
from core.runs.measured import Measured, MeasuredStep
from ganymede.schemas.specs import RunSpec
from models.networks import parameter_counts, state_bytes
from models.resolution import resolve
from tests.manifests import changed
from tests.models.test_recipes import DATASET
from tests.processes import on_linux
from tests.records import numbers
from worker import probe
from worker.training.execution import Execution
from worker.training.saved_tensors import SavedTensors

SMALL = {"batch_size": 8, "width": 16, "latent_dim": 4}
PATIENCE_S = 600.0  # a probe leaves the cores to whoever wants them, here to the other tests


def said(recipe: str, config: dict[str, Any], **dataset: Any) -> list[Measured]:
    """The lines of a probe."""
    facts = changed(DATASET, **dataset)
    spec = RunSpec.model_validate({"recipe": recipe, "dataset": "digits", "config": config})
    resolved = resolve(spec, facts).to_json()
    order = json.dumps({"resolved": resolved, "dataset": facts.to_json(), "device": "cpu", "patience_s": PATIENCE_S})
    command = [sys.executable, "-m", "worker.probe", order]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [Measured.model_validate_json(line) for line in process.stdout]
        assert process.wait() == 0
    return lines


@on_linux
def test_it_says_first_what_it_reckons_and_then_what_it_measured() -> None:
    reckoned, *_, measured = said("wgan-gp", SMALL)

    assert (reckoned.step, reckoned.sample_s, reckoned.checkpoint_s) == (None, 0, None)
    assert not reckoned.memory.is_measured
    assert measured.memory.is_measured
    assert measured.step is not None
    assert measured.step.batch_size == 8
    assert 0.5 < measured.memory.bytes / reckoned.memory.bytes < 2
    assert 0 < measured.step.least_step_s < measured.step.step_s < measured.step.most_step_s
    assert measured.sample_s > 0
    assert measured.checkpoint_s is not None
    assert measured.checkpoint_s > 0


def test_networks_that_do_not_fit_into_half_of_what_is_free_are_never_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resolved = resolve(RunSpec(recipe="cgan", dataset="digits"), DATASET)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr("worker.training.execution.available_cores", lambda: 1)
    monkeypatch.setattr(probe, "available_bytes", lambda: 2 * state_bytes(resolved) - 1)
    monkeypatch.setattr(probe, "new_state", lambda *_: pytest.fail("made"))

    probe.measure(resolved, probe.Pictures.model_validate(DATASET.model_dump()), "cpu", PATIENCE_S)

    told = Measured.model_validate_json(capsys.readouterr().out)
    assert (told.memory.bytes, told.memory.is_measured) == (state_bytes(resolved), False)
    assert told.step is None


class Paced:
    """A probe whose steps take as long as a test says, by batch and by how many runs there were before."""

    def __init__(self, asked: int, step_s: Callable[[int, int], list[float]]) -> None:
        self.resolved, self._step_s, self.tried = numbers(batch_size=asked), step_s, list[int]()
        self.growth = probe.Growth()
        for batch_size in probe.TINY:
            self.growth.note(batch_size, self.run(batch_size, warm_up=0))

    def run(self, batch_size: int, *, warm_up: int, budget_s: float = 0.0, most: int = 1) -> probe.Stopwatch:
        watch = probe.Stopwatch(Execution(device="cpu", precision="float32", threads=2), warm_up, budget_s, most)
        seconds = self._step_s(batch_size, len(self.tried))
        watch.seconds, watch._cpu_s = [9.0] * warm_up + seconds, [0.0] * warm_up + seconds
        watch._waited_s = [0.0] * len(watch.seconds)
        self.tried.append(batch_size)
        return watch

    def told(self, patience_s: float) -> MeasuredStep:
        """The last of what is known."""
        until, last = time.perf_counter() + patience_s, None
        for batch_size, watch in probe._tried(self, self.growth, lambda _: True, until):  # type: ignore[arg-type]
            last = self.growth.describe(self.resolved.batch_size, batch_size, watch)
        assert last is not None
        return last


def test_tiny_steps_that_were_held_up_do_not_keep_the_whole_batch_from_being_tried() -> None:
    paced = Paced(64, lambda size, before: [2.0 * size] if before < 2 else [0.01 * size])

    told = paced.told(patience_s=100)

    assert paced.tried == [2, 8, 16, 64]
    assert told.batch_size == 64
    assert told.step_s == pytest.approx(0.64)


def test_a_batch_that_takes_too_long_is_reckoned_from_a_part_of_it_and_says_between_what() -> None:
    paced = Paced(1024, lambda size, _: [10 + 0.1 * size] * 3)  # of 1024 pictures 112.4 s

    told = paced.told(patience_s=100)

    assert (told.batch_size, told.steps_measured) == (128, 3)
    assert told.least_step_s < 112.4 < told.most_step_s
    assert told.step_s == pytest.approx(112.4)
    assert told.most_step_s == pytest.approx(8 * 22.8 * probe.SURE)


def test_without_patience_the_smallest_part_is_tried_all_the_same() -> None:
    assert Paced(48, lambda size, _: [float(size)]).told(patience_s=0).batch_size == 3


def test_a_step_beside_other_work_is_the_mean_of_all_steps() -> None:
    paced = Paced(8, lambda *_: [0.1, 0.1, 0.1, 0.7] * 3)

    assert paced.told(patience_s=100).step_s == pytest.approx(0.25)


def test_the_range_goes_from_cores_of_its_own_to_the_busiest_time() -> None:
    paced = Paced(8, lambda *_: [0.1] * 4 + [0.2] * 4 + [0.3] * 4)
    watch = paced.run(8, warm_up=2)
    watch._waited_s = [0.0] * 2 + [4 * s for s in watch.counted]  # a fifth of what it wanted

    least_s, most_s = watch.range_s

    assert watch.core_share == pytest.approx(0.2)
    assert least_s == pytest.approx(0.1 * 0.2 / probe.SURE)
    assert most_s == pytest.approx(0.3 * probe.SURE)


def test_a_dataset_of_two_images_can_be_probed() -> None:
    step = said("cgan", {"width": 16, "latent_dim": 4}, count=2, height=8, width=8)[-1].step

    assert step is not None
    assert step.batch_size == 2


def test_what_is_saved_for_the_way_back_is_counted_once_and_let_go() -> None:
    network = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
    peaks = []
    for count in (4, 8):
        kept = SavedTensors()
        with kept:
            network(torch.ones(count, 10)).sum().backward()
            network(torch.ones(count, 10)).sum().backward()
        peaks.append(kept.peak_bytes)
        assert kept._bytes == 0

    assert peaks[1] - peaks[0] == 4 * 4 * (10 + 20)  # of four pictures more: what came in, and what ReLU gave


def test_what_training_keeps_follows_from_the_numbers_that_are_learnt() -> None:
    resolved = resolve(RunSpec(recipe="cgan", dataset="digits"), DATASET)

    generator, discriminator = parameter_counts(resolved)

    assert state_bytes(resolved) == 4 * (5 * generator + 4 * discriminator)


@on_linux
def test_memory_is_told_in_bytes() -> None:
    peak = peak_resident_bytes()

    assert peak is not None
    assert 10e6 < peak < total_bytes()
    assert 0 < available_bytes() <= total_bytes()
