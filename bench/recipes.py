"""Every recipe on the bundled digits with the same budget: `python -m bench.recipes [RUN...]`, hours for all of them.

Each run is the project's own job: the same code, checkpoints and publishing as any run. Its home is kept, so what was
interrupted goes on where it was, and several of these processes share the work: a run has one trainer. What a run drew
on its way is judged afterwards, from the versions that it published. Results go to docs/benchmarks/recipes/, a file a
run, and a grid of each recipe to docs/recipes/. A result of an older form, or of a recipe that changed since, is
measured again.

    python -m bench.recipes                  # what is not done yet
    python -m bench.recipes dcgan-0 cgan-0   # these runs (a row and a seed)
    python -m bench.recipes --speed          # images a second of every recipe: seconds each; leave the machine alone
"""

import argparse
import json
import multiprocessing
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge import judge
from bench.judge.examination import likeness
from bench.judge.judgement import load_judge, read
from bench.machine import machine, revision
from bench.starter import JUDGED_IMAGES, drawn_by
from core import files, images
from core.datasets import BUNDLED, DatasetStore
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.specs import RunSpec
from core.states import Status
from core.store import Store
from models.recipes import RECIPES
from models.resolution import resolve
from worker import job

ROOT = Path(__file__).resolve().parent.parent
RESULTS, GRIDS = ROOT / "docs" / "benchmarks" / "recipes", ROOT / "docs" / "recipes"
SCHEMA = 2
BUDGET = 200_000  # real images, those of every update of a discriminator counted
POINTS = 5  # versions of a run that are judged, evenly spaced; the last is the end
UNCONDITIONAL_VAE = "vae-unconditional"
ROWS: dict[str, tuple[str, dict[str, Any]]] = {  # of the table: a recipe, and what its config says beside the length
    **{name: (name, {}) for name in RECIPES},
    UNCONDITIONAL_VAE: ("vae", {"conditional": False}),  # dcgan, which knows no labels, is read against it
}
SEEDS = {"dcgan": 3, "vae": 3, UNCONDITIONAL_VAE: 3, "r3gan": 2}  # of all others one
RUNS = [f"{row}-{seed}" for seed in range(3) for row in ROWS if seed < SEEDS.get(row, 1)]
GRID_IMAGES, GRID_COLUMNS = 60, 10
SPEED_IMAGES = 3_000


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on) and judge what was asked for, one run after another."""
    parser = argparse.ArgumentParser(description="Measure the recipes.")
    parser.add_argument("runs", nargs="*", help=f"of {', '.join(RUNS)}; none: all that are not done")
    parser.add_argument("--home", type=Path, default=Path("var/recipes"), help="where the runs are kept")
    parser.add_argument("--speed", action="store_true", help="only measure images a second")
    options = parser.parse_args(arguments)
    if unknown := set(options.runs) - set(RUNS):
        parser.error(f"no such run: {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    if options.speed:
        write_speeds()
        return
    settings = Settings(home=options.home, store=None, redis_url=None)
    for name in options.runs or [name for name in RUNS if not is_measured(name, Store(settings.store_path))]:
        measure(name, settings)


def is_measured(name: str, store: Store) -> bool:
    """Whether there is a result of this run as it would be made now."""
    try:
        result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    dataset = bundled(store)
    return result["schema"] == SCHEMA and result["resolved"] == resolve(request(name, dataset), dataset)


def measure(name: str, settings: Settings) -> None:
    """Train a run to its end and write what is to be said of it; a run that another process trains is left to it."""
    run = the_run(name, Store(settings.store_path))
    if not run.state().status.is_terminal:
        print(f"{name}: {run.id} (its log: {run.log_file})", flush=True)
        _in_a_process(settings, run.id)
    if run.is_being_trained():
        print(f"{name}: trained by another process", flush=True)
        return
    if run.state().status is not Status.SUCCEEDED:
        raise SystemExit(f"{name} is {run.state().status}: {run.state().failure}")
    result = judged(name, run)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({"run": name, **result["points"][-1]}), flush=True)


def the_run(name: str, store: Store) -> Run:
    """The run of this name that the home holds; a new one if it holds none, or one of other numbers."""
    dataset = bundled(store)
    spec = request(name, dataset)
    resolved = resolve(spec, dataset)
    for run_id in RunStore(store).ids():
        run = Run(store, run_id)
        if run.spec()["model"] == spec.model_name and run.spec()["resolved"] == resolved:
            return run
    return RunStore(store).create(spec, resolved, dataset)


def bundled(store: Store) -> dict[str, Any]:
    """The manifest of the dataset that all learn from."""
    DatasetStore(store).add_bundled()
    return DatasetStore(store).get(BUNDLED).manifest


def request(name: str, dataset: dict[str, Any]) -> RunSpec:
    """What is asked for: all of the recipe's own numbers, as many steps as the budget has, a version at each point."""
    row, _, seed = name.rpartition("-")
    recipe, config = ROWS[row]
    spec = {"recipe": recipe, "dataset": BUNDLED, "model": name, "seed": int(seed), "config": config}
    spec |= {"stop": {"action": "alert"}}  # the recipe as it is, whatever becomes of it
    resolved = resolve(RunSpec.model_validate(spec), dataset)
    steps = BUDGET // (resolved["batch_size"] * resolved["n_critic"])
    every = steps // POINTS
    config = {**config, "steps": steps, "checkpoint_every": every // 4 or 1}
    publish = {"every_steps": every, "keep": 100, "final": "last"}  # the end is compared with the best
    return RunSpec.model_validate({**spec, "config": config, "publish": publish, "tags": {"revision": revision()}})


def judged(name: str, run: Run) -> dict[str, Any]:
    """How a run was made, and what the judge says of each version; the grid of the first seed is written."""
    spec, registry = run.spec(), Registry(run.store)
    points: list[dict[str, Any]] = []
    for published in run.state().published:
        drawn_NHW = drawn_by(registry.folder(name, published.version), JUDGED_IMAGES)
        seen = published.step * spec["resolved"]["batch_size"] * spec["resolved"]["n_critic"]
        points.append({"step": published.step, "images_seen": seen, **scores(drawn_NHW, spec["resolved"])})
    points[-1] |= beside_the_reals(drawn_NHW, DatasetStore(run.store).get(BUNDLED).images()[..., 0])
    if spec["resolved"]["seed"] == 0:
        GRIDS.mkdir(exist_ok=True)
        files.write_atomic(GRIDS / f"{name.rpartition('-')[0]}.webp", grid(drawn_NHW), durable=False)
    diagnosis = run.state().diagnosis
    return {
        "schema": SCHEMA,
        "made_by": "python -m bench.recipes",
        "row": name.rpartition("-")[0],
        "verdict": diagnosis and diagnosis.verdict,
        "date": datetime.now(UTC).date().isoformat(),
        "revision": spec["request"]["tags"]["revision"],
        "machine": machine(),
        "execution": run.execution(),
        "resolved": spec["resolved"],
        "points": points,
    }


def scores(drawn_NHW: NDArray[np.uint8], resolved: dict[str, Any]) -> dict[str, Any]:
    """What is measured of 10,000 pictures, seeds 0 to 9,999, each with its default label."""
    judgement = asdict(judge(drawn_NHW, np.arange(len(drawn_NHW)) % 10))
    if not resolved["conditional"]:
        judgement["label_accuracy"] = judgement["per_class_accuracy"] = None
    return judgement


def beside_the_reals(drawn_NHW: NDArray[np.uint8], real_NHW: NDArray[np.uint8]) -> dict[str, float]:
    """KID, precision and recall, in the judge's features, beside the digits that were learnt from."""
    (_, drawn_ND), (_, real_ND) = (read(load_judge(), images_NHW) for images_NHW in (drawn_NHW, real_NHW))
    return asdict(likeness(drawn_ND, real_ND))


def grid(drawn_NHW: NDArray[np.uint8]) -> bytes:
    """The first pictures as WebP, seed 0 top left; of a conditional recipe a column shows one digit."""
    return images.to_webp(images.contact_sheet(drawn_NHW[:GRID_IMAGES, :, :, None], columns=GRID_COLUMNS))


def write_speeds() -> None:
    """Images a second of each recipe at 28 px, as its job reports them: the median over a short run of its own."""
    speeds = {}
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(home=Path(home), store=None, redis_url=None)
            speeds[recipe] = speed(recipe, settings)
        print(f"{recipe}: {speeds[recipe]:.0f} images/s", flush=True)
    result = {"schema": SCHEMA, "made_by": "python -m bench.recipes --speed", "revision": revision()}
    RESULTS.mkdir(exist_ok=True)
    files.write_json(RESULTS / "speed.json", {**result, "machine": machine(), "images_per_second": speeds})


def speed(recipe: str, settings: Settings) -> float:
    """The median of a job's reports, without the first, which waits for memory and for kernels to be chosen."""
    store = Store(settings.store_path)
    DatasetStore(store).add_bundled()
    dataset = DatasetStore(store).get(BUNDLED).manifest
    per_step = np.prod([resolve(_spec(recipe), dataset)[number] for number in ("batch_size", "n_critic")])
    spec = _spec(recipe, steps=max(6, SPEED_IMAGES // int(per_step)), report_every=2)
    run = RunStore(store).create(spec, resolve(spec, dataset), dataset)
    _in_a_process(settings, run.id)
    rates = [point["images_per_second"] for point in files.read_json_lines(run.metrics_file)]
    return float(np.median(rates[1:]))


def _spec(recipe: str, **config: Any) -> RunSpec:
    return RunSpec.model_validate({"recipe": recipe, "dataset": BUNDLED, "config": config})


def _in_a_process(settings: Settings, run_id: str) -> None:
    """A process of its own: the job sends what it prints to the run's log, and stands back on the CPU."""
    trainer = multiprocessing.get_context("spawn").Process(target=job.take_on, args=(run_id, settings))
    trainer.start()
    trainer.join()


if __name__ == "__main__":
    main()
