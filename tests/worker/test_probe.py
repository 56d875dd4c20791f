"""The process that measures what a run would take, and how it reckons memory."""

import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from core.memory import available_bytes, peak_resident_bytes, total_bytes
from core.specs import RunSpec
from models.networks import parameter_counts, state_bytes
from models.resolution import resolve
from tests.models.test_recipes import DATASET
from tests.processes import on_linux
from worker import probe
from worker.saved_tensors import SavedTensors

SMALL = {"batch_size": 8, "width": 16, "latent_dim": 4}
# A probe leaves the cores to whoever wants them, here to the other tests, so it gets more time.
PATIENT = "import sys; from worker import probe; probe.PATIENCE_S = 600.0; probe.main(sys.argv[1])"


def said(recipe: str, config: dict[str, Any], **dataset: Any) -> list[dict[str, Any]]:
    """The lines of a probe."""
    facts = DATASET | dataset
    spec = RunSpec.model_validate({"recipe": recipe, "dataset": "digits", "config": config})
    order = json.dumps({"resolved": resolve(spec, facts), "dataset": facts, "device": "cpu"})
    command = [sys.executable, "-c", PATIENT, order]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait() == 0
    return lines


@on_linux
def test_it_says_first_what_it_reckons_and_then_what_it_measured() -> None:
    reckoned, *_, measured = said("wgan-gp", SMALL)

    assert reckoned.keys() == {"execution", "machine_bytes", "bytes", "is_measured"}
    assert not reckoned["is_measured"]
    assert measured["is_measured"]
    assert measured["batch_size"] == 8
    assert 0.5 < measured["bytes"] / reckoned["bytes"] < 2
    assert measured["step_s"] > 0
    assert measured["sample_s"] > 0
    assert measured["checkpoint_s"] > 0


def test_networks_that_do_not_fit_into_half_of_what_is_free_are_never_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resolved = resolve(RunSpec(recipe="cgan", dataset="digits"), DATASET)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr("worker.execution.available_cores", lambda: 1)
    monkeypatch.setattr(probe, "available_bytes", lambda: 2 * state_bytes(resolved) - 1)
    monkeypatch.setattr(probe, "new_state", lambda *_: pytest.fail("made"))

    probe.measure(resolved, DATASET, "cpu")

    told = json.loads(capsys.readouterr().out)
    assert (told["bytes"], told["is_measured"]) == (state_bytes(resolved), False)
    assert "step_s" not in told


def test_a_dataset_of_two_images_can_be_probed() -> None:
    assert said("cgan", {"width": 16, "latent_dim": 4}, count=2, height=8, width=8)[-1]["batch_size"] == 2


def test_what_is_saved_for_the_way_back_is_counted_once_and_let_go() -> None:
    network = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
    peaks = []
    for count in (4, 8):
        with SavedTensors() as kept:
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
