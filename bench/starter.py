"""Makes a starter model: `python -m bench.starter [digits|avatars]`, what `make starter [STARTER=avatars]` runs.

    python -m bench.starter digits --mnist FOLDER    # from all 60,000 images of MNIST's training set; FOLDER: its files

A row of STARTERS says what is trained, by the project's own job: the same code, checkpoints and publishing as any run.
One training after another, each from where the one before it ended. Their home is kept, so what was interrupted goes on
where it was. The best version that was evaluated, and its judgement, go to models/starter/NAME/, a picture to
docs/NAME.png; what misses the bars of its row is refused. Shape suffixes: N images.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import starter_data
from bench.apart import train_apart
from bench.judge.kinds import KINDS
from bench.lines import read_json_lines
from bench.machine import ROOT, machine
from bench.quality import grid
from core.datasets.manifest import DatasetManifest
from core.media.images import Images
from core.registry import Registry
from core.registry.manifest import MANIFEST_FILE
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store, files, list_files
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models import sampling
from models.initial import find_initial, resolve_with
from models.starters import AVATARS, DIGITS
from models.version import SAMPLES_FILE, WEIGHTS_FILE
from models.weights import load_generator

FOLDER, PICTURES = ROOT / "models" / "starter", ROOT / "docs"
LARGEST = 8_000_000  # bytes of weights
Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Starter:
    """trainings: the config of each; a training takes 100 minutes at most. The bars: share of pictures that the judge
    reads as asked, FD over floor. rows: of the picture."""

    recipe: str
    seed: int
    trainings: tuple[Config, ...]
    least_accuracy: float
    most_ratio: float
    rows: int


STARTERS = {
    DIGITS: Starter(
        recipe="sngan",
        seed=1,
        trainings=({"steps": 12_000, "checkpoint_every": 500},),
        least_accuracy=0.993,
        most_ratio=2.0,
        rows=10,
    ),
    AVATARS: Starter(
        recipe="rpgan",
        seed=1,
        trainings=({"steps": 7_000, "checkpoint_every": 250},),
        least_accuracy=0.99,
        most_ratio=3.0,
        rows=6,
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on), judge, write models/starter/NAME/."""
    parser = argparse.ArgumentParser(description="Train and judge a starter model.")
    parser.add_argument("name", nargs="?", choices=STARTERS, default=DIGITS)
    parser.add_argument("--home", type=Path, default=Path("var/starter"), help="where the runs are kept")
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's four IDX files: digits learn from all of it")
    parser.add_argument("--judge-all", action="store_true", help="only print a judgement of every published version")
    options = parser.parse_args(arguments)
    if options.mnist and options.name != DIGITS:
        parser.error("--mnist is for digits alone")
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    if options.judge_all:
        for version in Registry(store).versions(options.name):
            found = judged(options.name, Registry(store).folder(options.name, version))
            print(json.dumps({"version": version, **found}), flush=True)
        return
    dataset = starter_data.dataset_of(options.name, store, options.mnist)
    finish(options.name, trained(options.name, dataset, settings))


def trained(name: str, dataset: DatasetManifest, settings: Settings) -> list[Run]:
    """The runs of a starter, each of them at its end; SystemExit where one did not get there."""
    runs: list[Run] = []
    for config in STARTERS[name].trainings:
        run = the_run(Store(settings.store_path), request(name, config, dataset, runs), dataset)
        if not run.state().status.is_terminal:
            print(f"training {run.id} in {settings.home} (its log: {run.log_file})", flush=True)
            train_apart(settings, run.id)
        state = run.state()
        if state.status is not Status.SUCCEEDED:
            raise SystemExit(f"the run is {state.status}: {state.failure}; without {run.folder} it begins anew")
        runs.append(run)
    return runs


def request(name: str, config: Config, dataset: DatasetManifest, before: Sequence[Run]) -> RunSpec:
    """What is asked for of a training, which goes on from the last of those before it."""
    starter = STARTERS[name]
    spec = {"recipe": starter.recipe, "dataset": dataset.name, "model": name, "seed": starter.seed + len(before)}
    init = {"init": f"run:{before[-1].id}@latest"} if before else {}
    return RunSpec.model_validate({**spec, **init, "config": config, "publish": {"keep": 100}})


def the_run(store: Store, spec: RunSpec, dataset: DatasetManifest) -> Run:
    """The run of that request that this home holds; a new one if it holds none, or one of other numbers."""
    runs = RunStore(store)
    initial = find_initial(spec.init, Registry(store), runs) if spec.init else None
    resolved = resolve_with(spec, dataset, "cpu", initial)
    for run in (Run(store, run_id) for run_id in runs.ids()):
        asked = run.spec()
        is_same = RunSpec.model_validate(asked.request) == spec and asked.dataset.digest == dataset.digest
        if is_same and asked.resolved_as_stored == resolved.to_json():
            return run
    return runs.create(spec, resolved, dataset, init=initial)


def judged(name: str, folder: Path) -> dict[str, Any]:
    """What the judge says of a version: of as many images as compare, seeds from 0 on, each with its default label."""
    kind = KINDS[name]
    labels_N = np.arange(kind.comparable) % kind.num_classes
    return kind.load().examine(pictures_of(folder, kind.comparable), labels_N)


def pictures_of(folder: Path, count: int) -> Images:
    """Images (N, H, W, C) of seeds 0 to N - 1."""
    generator, config = load_generator(folder / WEIGHTS_FILE)
    return sampling.draw(generator, range(count), config.latent_dim, config.num_classes)


def best_of(runs: Sequence[Run]) -> Run:
    """The run whose best version was the best as the runs themselves were evaluated; without that the last."""
    evaluated = [(best.value, run) for run in runs if (best := run.state().best)]
    return min(evaluated, key=lambda pair: pair[0])[1] if len(evaluated) == len(runs) else runs[-1]


def finish(name: str, runs: Sequence[Run]) -> None:
    """Copy the best version to models/starter/, with a record of how it was made and how it is judged; or refuse it."""
    run = best_of(runs)
    folder = Registry(run.store).folder(name, run.state().published[-1].version)
    judgement = judged(name, folder)
    print(json.dumps(judgement, indent=1))
    weights = list_files(folder, WEIGHTS_FILE)[WEIGHTS_FILE]
    if missed := missed_bars(STARTERS[name], judgement, weights.bytes):
        raise SystemExit(f"refused: {'; '.join(missed)}")
    target = FOLDER / name
    target.mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS_FILE, SAMPLES_FILE, MANIFEST_FILE):
        shutil.copyfile(folder / file, target / file)
    record = {**made(name, runs), "weights": weights.model_dump(), "judgement": judgement}
    files.write_atomic(target / "record.json", (json.dumps(record, indent=1) + "\n").encode())
    if notice := starter_data.notice_of(name):
        files.write_atomic(target / "NOTICE.md", notice.encode())
    num_classes, rows = KINDS[name].num_classes, STARTERS[name].rows
    (PICTURES / f"{name}.png").write_bytes(grid(pictures_of(folder, rows * num_classes), num_classes, rows))


def missed_bars(starter: Starter, judgement: dict[str, Any], size: int) -> list[str]:
    """What a judgement lacks, in words."""
    accuracy, ratio = judgement["label_accuracy"], judgement["ratio"]
    missed = []
    if not accuracy >= starter.least_accuracy:
        missed.append(f"{accuracy:.2%} are read as asked, {starter.least_accuracy:.1%} are needed")
    if not ratio <= starter.most_ratio:
        missed.append(f"FD is {ratio:.2f} times the floor, {starter.most_ratio:g} is the most")
    if size > LARGEST:
        missed.append(f"the weights have {size:,} bytes, {LARGEST:,} are the most")
    return missed


def made(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """How a starter was made: each training, and which of them it is of."""
    dataset = runs[-1].spec().dataset
    facts = ("name", "digest", "count", "source", "licence", "attribution")
    option = " --mnist FOLDER" if dataset.name == starter_data.MNIST else ""
    return {
        "made_by": f"python -m bench.starter {name}{option}",
        "dataset": {fact: getattr(dataset, fact) for fact in facts},
        "trainings": [told(run) for run in runs],
        "taken_from": best_of(runs).id,
        "torch": torch.__version__,
        "machine": machine(),
    }


def told(run: Run) -> dict[str, Any]:
    """A training: what was asked for, how long it was, what was the best of it."""
    state, execution = run.state(), run.execution()
    return {
        "run": run.id,
        "spec": run.spec().request,
        "execution": execution and execution.model_dump(exclude_unset=True),
        "images_seen": state.progress.images_seen,
        "minutes": round(minutes(run), 1),
        "best": state.best and state.best.model_dump(),
    }


def minutes(run: Run) -> float:
    """Spent on steps and evaluations, with those that an interruption or a rollback had done again."""
    resolved = run.spec().resolved
    usual, seconds, seen = resolved.report_every * resolved.images_per_step, 0.0, 0
    for point in read_json_lines(run.metrics_file):
        images = point["images_seen"] - seen
        seconds += (images if images > 0 else usual) / point["images_per_second"]
        seen = point["images_seen"]
    return seconds / 60


if __name__ == "__main__":
    main()
