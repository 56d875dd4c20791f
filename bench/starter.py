"""Makes the starter model `digits`: `python -m bench.starter` (what `make starter` runs).

A `cgan` on the bundled digits, trained by the project's own job: the same code, checkpoints and publishing as any run.
Its home is kept, so an interrupted training goes on where it was. The result, its picture and its judgement go to
models/starter/.
"""

import argparse
import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.judge import judge
from bench.quality import machine
from core import images
from core.datasets import BUNDLED, DatasetStore
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.specs import RunSpec
from core.states import Status
from core.store import Store
from models import publish, sampling
from models.recipes import resolve
from models.weights import WEIGHTS_FILE, load_generator
from worker import job

STARTER = Path(__file__).resolve().parent.parent / "models" / "starter"
JUDGED_IMAGES = 10_000
SPEC: dict[str, Any] = {
    "recipe": "cgan",
    "dataset": BUNDLED,
    "model": publish.STARTER,
    "seed": 1,
    "config": {"steps": 12_000, "ema_half_life": 40_000, "checkpoint_every": 500, "sample_every": 1000},
    "publish": {"every_steps": 1000, "keep": 100},
}


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on), judge, write models/starter/."""
    parser = argparse.ArgumentParser(description="Train and judge the starter model.")
    parser.add_argument("--home", type=Path, default=Path("var/starter"), help="where the run is kept")
    parser.add_argument("--judge-all", action="store_true", help="only print a judgement of every published version")
    options = parser.parse_args(arguments)
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    if options.judge_all:
        for version in Registry(store).versions(publish.STARTER):
            print(json.dumps({"version": version, **judged(Registry(store).folder(publish.STARTER, version))}))
        return
    run = the_run(store)
    if not run.state().status.is_terminal:
        print(f"training {run.id} in {options.home} (its log: {run.log_file})")
        job.take_on(run.id, settings)
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
    generator, config = load_generator(folder / WEIGHTS_FILE)
    began = time.perf_counter()
    drawn = sampling.draw(generator, range(JUDGED_IMAGES), config.latent_dim, config.num_classes)
    verdict = asdict(judge(drawn, np.arange(JUDGED_IMAGES) % config.num_classes))
    return {**verdict, "draw_seconds": round(time.perf_counter() - began, 1)}


def finish(store: Store, run: Run) -> None:
    """Copy the last version to models/starter/ with a record of how it was made and how it is judged."""
    state = run.state()
    if state.status is not Status.SUCCEEDED:
        raise SystemExit(f"the run is {state.status}: {state.failure}")
    folder = Registry(store).folder(publish.STARTER, state.published[-1].version)
    STARTER.mkdir(exist_ok=True)
    for name in (WEIGHTS_FILE, publish.SAMPLES_FILE, publish.MANIFEST_FILE):
        shutil.copyfile(folder / name, STARTER / name)
    record = {
        "made_by": "python -m bench.starter",
        "spec": SPEC,
        "torch": torch.__version__,
        "machine": machine(),
        "execution": store.read(f"{run.key}/execution.json"),
        "judgement": judged(folder),
    }
    (STARTER / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    generator, config = load_generator(folder / WEIGHTS_FILE)
    drawn = sampling.draw(generator, range(100), config.latent_dim, config.num_classes)
    (folder / "grid.png").write_bytes(images.to_png(images.contact_sheet(drawn, columns=10)))
    print(json.dumps(record["judgement"], indent=1))


if __name__ == "__main__":
    main()
