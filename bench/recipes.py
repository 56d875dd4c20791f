"""Every recipe on three datasets with the same budget: `python -m bench.recipes [RUN...]`, hours for all of them.

Each run is the project's own job: the same code, checkpoints and publishing as any run. Its home is kept, so what was
interrupted goes on where it was, and several of these processes share the work: a run has one trainer. What a run drew
on its way is judged afterwards, from the versions that it published. Results go to docs/benchmarks/recipes/, a file a
run, and a grid of each recipe to docs/recipes/. A result of an older form, of other pictures, or of a recipe that
changed since, is measured again. On digits a run sees so many images, on avatars as many as its recipe sees in so many
minutes of two idle cores, by the speeds recorded before.

    python -m bench.recipes                          # what is not done yet
    python -m bench.recipes avatars-few              # of that on one dataset
    python -m bench.recipes dcgan-0 avatars-cgan-0   # these runs (a dataset, none for digits, a row and a seed)
    python -m bench.recipes --speed [RUN...]         # images a second: seconds each; leave the machine alone

Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import io
import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.apart import train_apart
from bench.judge.examination import Judge
from bench.judge.kinds import KINDS
from bench.lines import read_json_lines
from bench.machine import ROOT, machine
from bench.recipe_data import SUBJECTS
from bench.recipe_speed import record, recorded
from bench.starter_uses import pictures_of
from bench.trials import Trial, trials
from core.datasets import DatasetStore
from core.datasets.manifest import DatasetManifest
from core.media import images
from core.media.images import Images
from core.registry import Registry
from core.resolved import ResolvedConfig
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store, files
from ganymede.schemas.states import Status
from models.choice import are_few
from models.resolution import resolve

RESULTS, GRIDS = ROOT / "docs" / "benchmarks" / "recipes", ROOT / "docs" / "recipes"
SCHEMA = 2
GRID_ROWS = 6


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on) and judge what was asked for, one run after another."""
    known = {trial.name: trial for trial in trials()}
    names = ", ".join([*SUBJECTS, *known])
    parser = argparse.ArgumentParser(description="Measure the recipes.")
    parser.add_argument("runs", nargs="*", help=f"of {names}; of a dataset: what is not done")
    parser.add_argument("--home", type=Path, default=Path("var/recipes"), help="where the runs are kept")
    parser.add_argument("--speed", action="store_true", help="only measure images a second")
    options = parser.parse_args(arguments)
    if unknown := set(options.runs) - set(known) - set(SUBJECTS):
        parser.error(f"no such run: {', '.join(sorted(unknown))}; there are {names}")
    named = [known[name] for name in options.runs if name in known]
    others = [trial for trial in known.values() if trial.subject.name in options.runs or not options.runs]
    if options.speed:
        write_speeds(named, others)
        return
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    asked = named + [trial for trial in others if trial not in named and not is_measured(trial, store)]
    for trial in asked:
        budget(trial, trial.subject.put(store))  # before anything is trained
    for trial in asked:
        measure(trial, settings)


def is_measured(trial: Trial, store: Store) -> bool:
    """Whether there is a result of this run as it would be made now."""
    try:
        result = json.loads((RESULTS / f"{trial.name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    dataset = trial.subject.put(store)
    seen = trial.subject.budget(recorded(RESULTS, trial, dataset))
    return (
        seen is not None
        and result["schema"] == SCHEMA
        and result.get("digest", dataset.digest) == dataset.digest
        and result["resolved"] == resolve(trial.request(dataset, seen), dataset).to_json()
    )


def budget(trial: Trial, dataset: DatasetManifest) -> int:
    """Real images that a run sees; SystemExit where that goes by a speed that is not recorded."""
    seen = trial.subject.budget(recorded(RESULTS, trial, dataset))
    if seen is None:
        raise SystemExit(
            f"{trial.name} has {trial.subject.minutes} minutes of two idle cores, and no speed of this recipe as it is "
            f"now is recorded; first, with nothing beside: python -m bench.recipes --speed {trial.subject.name}"
        )
    return seen


def measure(trial: Trial, settings: Settings) -> None:
    """Train a run to its end and write what is to be said of it; a run that another process trains is left to it."""
    run = the_run(trial, Store(settings.store_path))
    if not run.state().status.is_terminal:
        print(f"{trial.name}: {run.id} (its log: {run.log_file})", flush=True)
        train_apart(settings, run.id)
    if run.is_being_trained():
        print(f"{trial.name}: trained by another process", flush=True)
        return
    if run.state().status is not Status.SUCCEEDED:
        raise SystemExit(f"{trial.name} is {run.state().status}: {run.state().failure}")
    result = judged(trial, run)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{trial.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({"run": trial.name, **result["points"][-1]}), flush=True)


def the_run(trial: Trial, store: Store) -> Run:
    """The run of this name that the home holds; a new one if it holds none, or one of other numbers or pictures."""
    dataset = trial.subject.put(store)
    spec = trial.request(dataset, budget(trial, dataset))
    resolved = resolve(spec, dataset)
    for run in (Run(store, run_id) for run_id in RunStore(store).ids()):
        made = run.spec()
        is_of_these = made.dataset.digest == dataset.digest
        if made.model == spec.model_name and is_of_these and made.resolved_as_stored == resolved.to_json():
            return run
    return RunStore(store).create(spec, resolved, dataset)


def judged(trial: Trial, run: Run) -> dict[str, Any]:
    """How a run was made, and what the judge says of each version; the grid of the first seed is written."""
    spec, execution, kind = run.spec(), run.execution(), KINDS[trial.subject.judge]
    judge, resolved = kind.load(), spec.resolved
    points: list[dict[str, Any]] = []
    for published in run.state().published:
        folder = Registry(run.store).folder(trial.name, published.version)
        drawn_NHWC = pictures_of(folder, kind.comparable)
        seen = published.step * resolved.images_per_step
        found = scores(judge, drawn_NHWC, resolved, is_end=published.step == resolved.steps)
        points.append({"step": published.step, "images_seen": seen, **found})
    if are_few(spec.dataset.count, spec.dataset.height):
        learnt = DatasetStore(run.store).get(spec.dataset.name, spec.dataset.version)
        points[-1]["nearest"] = judge.nearest(drawn_NHWC, learnt.images())
    if trial.seed == 0:
        GRIDS.mkdir(exist_ok=True)
        files.write_atomic(GRIDS / f"{trial.stem}.webp", grid(drawn_NHWC, kind.num_classes), durable=False)
    diagnosis = run.state().diagnosis
    return {
        "schema": SCHEMA,
        "made_by": "python -m bench.recipes",
        "dataset": trial.subject.name,
        "digest": spec.dataset.digest,
        "row": trial.row,
        "verdict": diagnosis and diagnosis.verdict,
        "date": datetime.now(UTC).date().isoformat(),
        "revision": spec.request["tags"]["revision"],
        "machine": machine(),
        "execution": execution and execution.model_dump(exclude_unset=True),
        "resolved": spec.resolved_as_stored,
        "points": points,
    }


def scores(judge: Judge, drawn_NHWC: Images, resolved: ResolvedConfig, *, is_end: bool) -> dict[str, Any]:
    """What is measured of pictures of the seeds from 0 on, each with its default label, the most of the end."""
    labels_N = np.arange(len(drawn_NHWC)) % len(judge.class_names)
    found = judge.examine(drawn_NHWC, labels_N) if is_end else asdict(judge.judgement(drawn_NHWC, labels_N))
    if not resolved.conditional:
        found["label_accuracy"] = found["per_class_accuracy"] = None
    return found


def grid(drawn_NHWC: Images, num_classes: int) -> bytes:
    """The first pictures as WebP, seed 0 top left; of a conditional recipe a column shows one class."""
    sheet_HWC = images.contact_sheet(drawn_NHWC[: GRID_ROWS * num_classes], columns=num_classes)
    packed = io.BytesIO()
    Image.fromarray(sheet_HWC.squeeze()).save(packed, "WEBP", quality=90)  # lossless, 64 px in colour take 300 kB
    return packed.getvalue()


def write_speeds(again: list[Trial], others: list[Trial]) -> None:
    """Images a second of recipes, as their jobs report them; of the others where that is not recorded."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), store=None, redis_url=None)
        store = Store(settings.store_path)
        for trial in again + [trial for trial in others if trial.seed == 0 and trial not in again]:
            dataset = trial.subject.put(store)
            if trial in again or recorded(RESULTS, trial, dataset) is None:
                found = speed(trial, dataset, settings)
                record(RESULTS, trial, dataset, found)
                print(f"{trial.stem}: {found:.1f} images/s", flush=True)


def speed(trial: Trial, dataset: DatasetManifest, settings: Settings) -> float:
    """The median of a job's reports, without the first, which waits for memory and for kernels to be chosen."""
    spec = trial.timing(dataset)
    run = RunStore(Store(settings.store_path)).create(spec, resolve(spec, dataset), dataset)
    train_apart(settings, run.id)
    rates = [point["images_per_second"] for point in read_json_lines(run.metrics_file)]
    return float(np.median(rates[1:]))


if __name__ == "__main__":
    main()
