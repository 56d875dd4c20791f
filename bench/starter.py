"""Makes the starter model `digits`: `python -m bench.starter` (what `make starter` runs).

A `cgan` on the bundled digits, trained by the project's own job: the same code, checkpoints and publishing as any run.
Its home is kept, so an interrupted training goes on where it was. The result and its judgement go to
models/starter/digits/, a picture to docs/digits.png.
"""

import argparse
import json
import multiprocessing
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.judge import judge
from bench.machine import machine
from bench.quality import grid
from core.datasets import BUNDLED, DatasetStore
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.specs import RunSpec
from core.states import Status
from core.store import Store
from models import publish, sampling
from models.resolution import resolve
from models.starters import DIGITS
from models.weights import WEIGHTS_FILE, load_generator
from worker import job

STARTER = Path(__file__).resolve().parent.parent / "models" / "starter" / DIGITS
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "digits.png"
JUDGED_IMAGES = 10_000
LEAST_ACCURACY, MOST_RATIO = 0.99, 3.0  # of the judge; FD over floor
SPEC: dict[str, Any] = {
    "recipe": "cgan",
    "dataset": BUNDLED,
    "model": DIGITS,
    "seed": 1,
    "config": {"steps": 8_000, "ema_half_life": 40_000, "checkpoint_every": 500, "sample_every": 1000},
    "publish": {"every_steps": 1000, "keep": 100},
}


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on), judge, write models/starter/digits/."""
    parser = argparse.ArgumentParser(description="Train and judge the starter model.")
    parser.add_argument("--home", type=Path, default=Path("var/starter"), help="where the run is kept")
    parser.add_argument("--judge-all", action="store_true", help="only print a judgement of every published version")
    options = parser.parse_args(arguments)
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    if options.judge_all:
        for version in Registry(store).versions(DIGITS):
            print(json.dumps({"version": version, **judged(Registry(store).folder(DIGITS, version))}))
        return
    run = the_run(store)
    if not run.state().status.is_terminal:
        print(f"training {run.id} in {options.home} (its log: {run.log_file})", flush=True)
        trainer = multiprocessing.get_context("spawn").Process(target=job.take_on, args=(run.id, settings))
        trainer.start()  # in a process of its own: the job sends what it prints to the run's log
        trainer.join()
    finish(store, run)


def the_run(store: Store) -> Run:
    """The run of SPEC that this home holds; a new one if it holds none."""
    spec = RunSpec.model_validate(SPEC)
    for run_id in RunStore(store).ids():
        run = Run(store, run_id)
        if RunSpec.model_validate(run.spec()["request"]) == spec:
            return run
    DatasetStore(store).add_bundled()
    dataset = DatasetStore(store).get(BUNDLED).manifest
    return RunStore(store).create(spec, resolve(spec, dataset), dataset)


def judged(folder: Path) -> dict[str, Any]:
    """What the judge says of 10,000 images of a version, seeds 0 to 9,999, each with its default label."""
    return asdict(judge(drawn_by(folder, JUDGED_IMAGES), np.arange(JUDGED_IMAGES) % 10))


def drawn_by(folder: Path, count: int) -> NDArray[np.uint8]:
    """Images (N, 28, 28) of seeds 0 to N - 1."""
    generator, config = load_generator(folder / WEIGHTS_FILE)
    return sampling.draw(generator, range(count), config.latent_dim, config.num_classes)[:, :, :, 0]


def finish(store: Store, run: Run) -> None:
    """Copy the last version to models/starter/ with a record of how it was made and how it is judged; or refuse it."""
    state = run.state()
    if state.status is not Status.SUCCEEDED:
        raise SystemExit(f"the run is {state.status}: {state.failure}; without {run.folder} it begins anew")
    folder = Registry(store).folder(DIGITS, state.published[-1].version)
    judgement = judged(folder)
    print(json.dumps(judgement, indent=1))
    if judgement["label_accuracy"] < LEAST_ACCURACY or judgement["ratio"] > MOST_RATIO:
        raise SystemExit(
            f"refused: needed are {LEAST_ACCURACY:.0%} accuracy and FD up to {MOST_RATIO:g} times the floor"
        )
    STARTER.mkdir(exist_ok=True)
    for name in (WEIGHTS_FILE, publish.SAMPLES_FILE, publish.MANIFEST_FILE):
        shutil.copyfile(folder / name, STARTER / name)
    record = {
        "made_by": "python -m bench.starter",
        "spec": SPEC,
        "torch": torch.__version__,
        "machine": machine(),
        "execution": store.read(f"{run.key}/execution.json"),
        "judgement": judgement,
    }
    (STARTER / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    PICTURE.write_bytes(grid(drawn_by(folder, 100)))


if __name__ == "__main__":
    main()
