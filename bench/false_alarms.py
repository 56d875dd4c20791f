"""Healthy runs of every recipe, and what the diagnosis says of them: it should never raise an alarm.

    python -m bench.false_alarms [--home FOLDER] [--recipes cgan r3gan] [--seeds 3] [--steps 1500]

Trains on the bundled digits at 16 px by the recipes' own numbers, one run after the other, each in a process as the
worker's. Stopped and started again it goes on where it was. Exits with 1 if there was an alarm or a run failed.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets import BUNDLED, Dataset, DatasetStore, ImageSet, Origin
from core.diagnosis import UNTROUBLED
from core.runs import Run, RunStore
from core.settings import Settings
from core.specs import RunSpec
from core.states import Status
from core.store import Store
from models.recipes import RECIPES
from models.resolution import resolve

SIZE = 16
NAME = "digits-16"
HOME = Path("var/false-alarms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=HOME, help=f"where runs are kept (default: {HOME})")
    parser.add_argument("--recipes", nargs="+", choices=[*RECIPES], default=[*RECIPES])
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument("--steps", type=int, default=1500)
    asked = parser.parse_args()
    settings = Settings(home=asked.home)
    store = Store(settings.store_path)
    dataset = small_digits(DatasetStore(store))
    lines = []
    for seed in range(asked.seeds):
        for recipe in asked.recipes:
            run = find_or_create(RunStore(store), dataset, recipe, seed, asked.steps)
            finish(run, settings)
            lines.append(told(run))
            print(lines[-1], flush=True)
    alarms = [line for line in lines if line.endswith("ALARM")]
    print(f"{len(lines)} runs, {len(alarms)} with an alarm")
    sys.exit(bool(alarms))


def small_digits(datasets: DatasetStore) -> Dataset:
    """The bundled digits, each made smaller."""
    if NAME not in datasets.names():
        datasets.add_bundled()
        whole = datasets.get(BUNDLED)
        small = [
            Image.fromarray(image[..., 0]).resize((SIZE, SIZE), Image.Resampling.LANCZOS) for image in whole.images()
        ]
        images_NHWC = np.stack([np.asarray(image) for image in small])[..., None]
        content = ImageSet(images_NHWC, np.array(whole.labels()), whole.class_names)
        datasets.add(NAME, content, Origin(f"{BUNDLED} at {SIZE} px", licence=whole.manifest["licence"]))
    return datasets.get(NAME)


def find_or_create(runs: RunStore, dataset: Dataset, recipe: str, seed: int, steps: int) -> Run:
    """The run of that recipe, seed and length, be it new or begun before."""
    name = f"{recipe}-{seed}-{steps}"
    for run in map(runs.get, runs.ids()):
        if run.spec()["request"].get("name") == name:
            return run
    body = {"recipe": recipe, "dataset": NAME, "name": name, "seed": seed, "model": name}
    spec = RunSpec.model_validate({**body, "config": {"steps": steps}})
    return runs.create(spec, resolve(spec, dataset.manifest), dataset.manifest)


def finish(run: Run, settings: Settings) -> None:
    """Train it to its end, in a process of its own: that writes its output into the run's log."""
    if not run.state().status.is_terminal:
        process = multiprocessing.get_context("spawn").Process(target=train, args=(run.id, settings))
        process.start()
        process.join()


def train(run_id: str, settings: Settings) -> None:
    from worker.job import take_on

    take_on(run_id, settings)


def told(run: Run) -> str:
    """Its verdicts with the steps they were told at, in one line."""
    verdicts = list(_verdicts(run))
    state = run.state()
    is_alarm = state.status is not Status.SUCCEEDED or any(verdict not in UNTROUBLED for _, verdict in verdicts)
    name = run.spec()["request"]["name"]
    shown = ", ".join(f"{verdict} at {step}" for step, verdict in verdicts)
    return f"{name:16} {state.status:10} {shown}{'  ALARM' if is_alarm else ''}"


def _verdicts(run: Run) -> Iterator[tuple[int, str]]:
    for event in run.events():
        if event["type"] == "diagnosis":
            yield event["data"]["step"], event["data"]["verdict"]


if __name__ == "__main__":
    main()
