"""MNIST from a few labels: the recipe ssgan with the fully connected networks of Salimans et al. 2016.

The run is the project's own job. It learns from 60,000 digits less those it is tested with on its way; what is recorded
is read of the 10,000 digits of MNIST's test, which neither the run nor the choice of a checkpoint has seen: the last
version counts. Beside it the same network trained on the labels alone.

Shape suffixes: N pictures, H height, W width, C channels.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.apart import train_apart
from bench.applications.reading import read_test
from bench.dataset import CLASSES, Digits, read_mnist
from bench.lines import read_json_lines
from bench.machine import ROOT, machine, revision
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.resolution import resolve
from models.sampling import read
from models.weights import load_version
from worker.evaluation.classification import accuracy_of
from worker.training.execution import Execution
from worker.training.learning_set import labelled_of
from worker.training.scores.tick import unwatched
from worker.training.supervised import num_steps, train_supervised

RESULTS = ROOT / "docs" / "benchmarks" / "applications"
STEPS = 30_000  # 50 times through the digits
EVALUATE_EVERY = 1_000
DATASET = "mnist"


class LabelTrial(NamedTuple):
    """labels: of all classes together."""

    labels: int
    seed: int
    steps: int

    @property
    def name(self) -> str:
        return f"ssgan-mnist-{self.labels}-{self.seed}"

    def request(self) -> RunSpec:
        config = {"labels_per_class": self.labels // CLASSES, "architecture": "mlp", "steps": self.steps}
        cadence = {"checkpoint_every": EVALUATE_EVERY, "evaluate_every": EVALUATE_EVERY, "precision": "float32"}
        return RunSpec.model_validate(
            {
                "recipe": "ssgan",
                "dataset": DATASET,
                "model": self.name,
                "seed": self.seed,
                "config": config | cadence,
                "publish": {"every_steps": self.steps, "final": "last"},
            }
        )


def main(arguments: list[str]) -> None:
    """Measure once; hours, and what was interrupted goes on."""
    parser = argparse.ArgumentParser(prog="python -m bench.applications ssgan", description="Digits from few labels.")
    parser.add_argument("--labels", type=int, default=100, help="of all 60,000 digits, a tenth of them of each class")
    parser.add_argument("--seed", type=int, default=0, help="which labels, and which weights to begin with")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--mnist", type=Path, required=True, help="folder with MNIST's four IDX files")
    parser.add_argument("--home", type=Path, default=Path("var/applications"), help="where the runs are kept")
    asked = parser.parse_args(arguments)
    settings = Settings(home=asked.home, store=None, redis_url=None)
    measure(LabelTrial(asked.labels, asked.seed, asked.steps), asked.mnist, settings)


def measure(trial: LabelTrial, folder: Path, settings: Settings) -> None:
    """Train a run to its end, or on from where it was, and write what is to be said of it."""
    store = Store(settings.store_path)
    run = _the_run(trial, _put(store, folder), store)
    if not run.state().status.is_terminal:
        print(f"{trial.name}: {run.id} (its log: {run.log_file})", flush=True)
        train_apart(settings, run.id)
    if run.state().status is not Status.SUCCEEDED:
        raise SystemExit(f"{trial.name} is {run.state().status}: {run.state().failure}")
    result = _judged(run, read_mnist(folder, "t10k"))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{trial.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["test"]), json.dumps(result["baseline"]), flush=True)


def _put(store: Store, folder: Path) -> Dataset:
    """Return the 60,000 digits, imported if they are not there."""
    datasets = DatasetStore(store)
    if DATASET in datasets.names():
        return datasets.get(DATASET)
    train = read_mnist(folder, "train")
    names = tuple(map(str, range(CLASSES)))
    content = ImageSet(train.images[..., None], train.labels.astype(np.int64), names)
    origin = Origin("MNIST's training set", attribution="MNIST, Yann LeCun and Corinna Cortes")
    return datasets.add(DATASET, content, origin)


def _the_run(trial: LabelTrial, dataset: Dataset, store: Store) -> Run:
    spec = trial.request()
    resolved = resolve(spec, dataset.manifest)
    for run in (Run(store, run_id) for run_id in RunStore(store).ids()):
        if run.spec().model == trial.name and run.spec().resolved_as_stored == resolved.to_json():
            return run
    return RunStore(store).create(spec, resolved, dataset.manifest)


def _judged(run: Run, test: Digits) -> dict[str, Any]:
    """Read the test by the last version, and by the network that had the labels alone."""
    spec, registry = run.spec(), Registry(run.store)
    version = registry.versions(spec.model)[-1]
    folder, manifest = registry.folder(spec.model, version), registry.manifest(spec.model, version)
    network, _ = load_version(folder, manifest)
    dataset = DatasetStore(run.store).get(DATASET, spec.dataset.version)
    labels_N = dataset.labels()
    assert labels_N is not None
    execution = Execution(device="cpu", precision="float32", threads=1)
    labelled = labelled_of(spec.resolved, dataset.images(), labels_N, execution.torch_device)
    alone = train_supervised(spec.resolved, labelled, execution, unwatched)
    images_NHWC, label_N = test.images[..., None], test.labels.astype(np.int64)
    points = read_json_lines(run.metrics_file)
    return {
        "schema": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "machine": machine(),
        "resolved": spec.resolved.to_json(),
        "dataset": dataset.manifest.digest,
        "labels": len(labelled),
        "worked_s": run.state().worked_s,
        "test": read_test(network, test, manifest.measured.get("temperature", 1.0)),
        "baseline": {**accuracy_of(read(alone, images_NHWC), label_N), "steps": num_steps(spec.resolved)},
        "points": [{"step": each["step"], "accuracy": each["accuracy"]} for each in points if "accuracy" in each],
    }
