"""The measurement of digits from few labels: what is asked of the run, and what is told of its last version."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.applications import ssgan
from bench.dataset import Digits
from core.settings import Settings
from models.resolution import resolve
from tests.manifests import dataset_manifest
from worker import job

DIGITS = dataset_manifest(
    "mnist", count=60_000, height=28, width=28, class_names=list("0123456789"), class_counts=[6000] * 10
)


def test_a_trial_has_a_tenth_of_its_labels_of_each_class_and_chooses_nothing_by_held_out_ones() -> None:
    resolved = resolve(ssgan.LabelTrial(100, 3, 30_000).request(), DIGITS)

    assert (resolved.labels_per_class, resolved.seed, resolved.architecture) == (10, 3, "mlp-classifier")
    assert (resolved.publish_final, resolved.steps, resolved.width) == ("last", 30_000, 1000)


def test_a_result_has_the_test_beside_the_labels_alone_and_is_made_of_a_run_that_goes_on(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if MNIST were 200 digits of noise, and a run two steps."""
    rng = np.random.default_rng(0)
    digits = Digits(rng.integers(0, 256, (200, 28, 28), np.uint8), (np.arange(200) % 10).astype(np.uint8))
    monkeypatch.setattr(ssgan, "read_mnist", lambda _folder, _part: digits)
    monkeypatch.setattr(ssgan, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(ssgan, "EVALUATE_EVERY", 1)
    monkeypatch.setattr(job, "_write_output_to", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr(ssgan, "train_apart", lambda settings, run_id: job.take_on(run_id, settings))
    trial = ssgan.LabelTrial(20, 0, 2)

    ssgan.measure(trial, tmp_path, settings)
    ssgan.measure(trial, tmp_path, settings)

    result = json.loads((tmp_path / "results" / "ssgan-mnist-20-0.json").read_text())
    assert (result["labels"], result["test"]["images"], result["baseline"]["steps"]) == (20, 200, 2)
    assert np.sum(result["test"]["confusion"]) == 200
    assert [point["step"] for point in result["points"]] == [1, 2]
    assert {"accuracy", "accuracy_low", "accuracy_high"} <= result["baseline"].keys()
