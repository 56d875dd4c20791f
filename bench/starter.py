"""Makes a starter model: `python -m bench.starter [NAME]`, what `make starter [STARTER=NAME]` runs.

    python -m bench.starter digits --mnist FOLDER    # from all 60,000 images of MNIST's training set; FOLDER: its files

A row of STARTERS says what is trained, by the project's own job: the same code, checkpoints and publishing as any run.
One training after another, each from where the one before it ended. Their home is kept, so what was interrupted goes on
where it was. The best version that was evaluated, and its judgement, go to models/starter/NAME/, a picture to
docs/NAME.png; what misses the bars of its row is refused (bench/starter_uses.py).
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench import starter_data
from bench.apart import train_apart
from bench.lines import read_json_lines
from bench.machine import ROOT, machine
from bench.starter_uses import ClassificationUse, CompletionUse, GenerationUse, SpeechUse, Use, Version
from core.datasets.manifest import DatasetManifest
from core.registry import Registry
from core.registry.manifest import MANIFEST_FILE
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store, files, list_files
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.initial import find_initial, resolve_with
from models.starters import AVATARS, DIGITS, DIGITS_COMPLETE, DIGITS_READER, SPOKEN_DIGITS
from models.version import SAMPLES_FILE, WEIGHTS_FILE

FOLDER, PICTURES = ROOT / "models" / "starter", ROOT / "docs"
LARGEST = 6_000_000  # bytes of weights
Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Starter:
    """trainings: the config of each; a training takes 100 minutes at most."""

    recipe: str
    seed: int
    trainings: tuple[Config, ...]
    use: Use


STARTERS = {
    DIGITS: Starter(
        recipe="sngan",
        seed=1,
        trainings=({"steps": 12_000, "checkpoint_every": 500},),
        use=GenerationUse(least_accuracy=0.993, most_ratio=2.0, rows=10),
    ),
    AVATARS: Starter(
        recipe="rpgan",
        seed=1,
        trainings=({"steps": 7_000, "checkpoint_every": 250},),
        use=GenerationUse(least_accuracy=0.99, most_ratio=3.0, rows=6),
    ),
    # Without labels: who sends a picture with a hole does not have to say what it shows.
    DIGITS_COMPLETE: Starter(
        recipe="completion",
        seed=1,
        trainings=({"steps": 3_600, "conditional": False, "width": 96, "checkpoint_every": 900},),
        use=CompletionUse(least_accuracy=0.75),
    ),
    DIGITS_READER: Starter(
        recipe="ssgan",
        seed=1,
        trainings=(
            {
                "architecture": "dcgan",
                "steps": 900,
                "n_critic": 4,  # it is the discriminator that counts
                "width": 128,
                "discriminator_lr": 6e-4,
                "ema_half_life": 10_000,
                "augment": "diffaugment",
                "augment_policy": ["translation"],
                "checkpoint_every": 300,
            },
        ),
        use=ClassificationUse(least_accuracy=0.993),
    ),
    SPOKEN_DIGITS: Starter(
        recipe="rpgan",
        seed=1,
        trainings=({"steps": 1_500, "checkpoint_every": 500},),
        use=SpeechUse(least_share=0.95),
    ),
}
OF_MNIST = (DIGITS, DIGITS_COMPLETE, DIGITS_READER)
JUDGED_BY_MNIST = (DIGITS_COMPLETE, DIGITS_READER)


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on), judge, write models/starter/NAME/."""
    parser = argparse.ArgumentParser(description="Train and judge a starter model.")
    parser.add_argument("name", nargs="?", choices=STARTERS, default=DIGITS)
    parser.add_argument("--home", type=Path, default=Path("var/starter"), help="where the runs are kept")
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's four IDX files: digits learn from all of it")
    parser.add_argument("--judge-all", action="store_true", help="only print a judgement of every published version")
    options = parser.parse_args(arguments)
    if options.mnist and options.name not in OF_MNIST:
        parser.error(f"--mnist is for {', '.join(OF_MNIST)} alone")
    if options.name in JUDGED_BY_MNIST and not options.mnist:
        parser.error(f"{options.name} is judged by MNIST's test digits: add --mnist FOLDER")
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    if options.judge_all:
        for number in Registry(store).versions(options.name):
            found = STARTERS[options.name].use.judgement(Version(Registry(store), options.name, number, options.mnist))
            print(json.dumps({"version": number, **found}), flush=True)
        return
    dataset = starter_data.dataset_of(options.name, store, options.mnist)
    finish(options.name, trained(options.name, dataset, settings), options.mnist)


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


def best_of(runs: Sequence[Run]) -> Run:
    """The run whose best version was the best as the runs themselves were evaluated; without that the last."""
    evaluated = [(best.value, run) for run in runs if (best := run.state().best)]
    return min(evaluated, key=lambda pair: pair[0])[1] if len(evaluated) == len(runs) else runs[-1]


def latest(name: str, runs: Sequence[Run], mnist: Path | None = None) -> Version:
    """The version that the best of these runs ended with. mnist: the folder of the digits that judge it."""
    run = best_of(runs)
    return Version(Registry(run.store), name, run.state().published[-1].version, mnist)


def finish(name: str, runs: Sequence[Run], mnist: Path | None = None) -> None:
    """Copy the best version to models/starter/, with a record of how it was made and how it is judged; or refuse it."""
    use, version = STARTERS[name].use, latest(name, runs, mnist)
    judgement = use.judgement(version)
    print(json.dumps(judgement, indent=1))
    weights = list_files(version.folder, WEIGHTS_FILE)[WEIGHTS_FILE]
    if missed := missed_bars(use, judgement, weights.bytes):
        raise SystemExit(f"refused: {'; '.join(missed)}")
    target = FOLDER / name
    target.mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS_FILE, SAMPLES_FILE, MANIFEST_FILE):
        shutil.copyfile(version.folder / file, target / file)
    record = {"use": use.name, **made(name, runs), "weights": weights.model_dump(), "judgement": judgement}
    files.write_atomic(target / "record.json", (json.dumps(record, indent=1) + "\n").encode())
    if notice := starter_data.notice_of(name):
        files.write_atomic(target / "NOTICE.md", notice.encode())
    (PICTURES / f"{name}.png").write_bytes(use.picture(version))


def missed_bars(use: Use, judgement: Config, size: int) -> list[str]:
    """What a judgement lacks, in words."""
    too_large = f"the weights have {size:,} bytes, {LARGEST:,} are the most"
    return [*use.missed(judgement), *([too_large] if size > LARGEST else [])]


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
