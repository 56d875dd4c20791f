"""Whether the diagnosis is silent where nothing is wrong, and right where something is: `python -m bench.alarms`.

Every recipe learns the bundled digits, shrunk to 16 px, with three seeds and its own numbers but for a width by which
that takes minutes: no report of these runs may name a trouble. Other runs are made to go wrong in one way, and must be
told so. Each is the project's own job on one thread; its home is kept, so what was interrupted goes on where it was,
and what is done is only judged again. Results go to docs/benchmarks/alarms/, a file a run; one of other thresholds, or
of a recipe that changed since, is made again.

    python -m bench.alarms                   # what is not done yet
    python -m bench.alarms cgan few-pictures # all seeds of these rows, judged by the rules as they are now

Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.apart import train_apart
from bench.lines import read_json_lines
from bench.machine import machine, revision
from core.datasets import BUNDLED, Dataset, DatasetStore, ImageSet, Origin
from core.runs import Run, RunStore
from core.runs.execution import StoredExecution
from core.runs.metrics import MARKS
from core.runs.stored_spec import StoredSpec
from core.settings import Settings
from core.store import Store, files
from ganymede.schemas.diagnosis import UNTROUBLED, Verdict
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from models.recipes import RECIPES
from models.resolution import resolve
from worker.diagnosis.judging import diagnose
from worker.diagnosis.record import FALLING, RISING, Setting
from worker.diagnosis.thresholds import TABLE
from worker.diagnosis.window import Window

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "alarms"
SCHEMA = 1
SIZE, STEPS, EVALUATE_EVERY = 16, 1500, 150
WIDTH = 64  # feature maps at the coarsest level; of units gan has four times as many
DIGITS, SHUFFLED, FEW = "digits-16", "digits-16-shuffled", "digits-16-few"
FEW_PICTURES = 16


class AlarmCase(NamedTuple):
    """What is trained on what, and what must be said of it; None: nothing."""

    recipe: str
    dataset: str
    config: dict[str, Any]
    provokes: Verdict | None
    seeds: int


def rates(rate: float) -> dict[str, Any]:
    """One for both networks."""
    return {"generator_lr": rate, "discriminator_lr": rate}


DRAWING = [name for name in RECIPES if name != "ssgan"]  # and are judged by what they draw
ROWS: dict[str, AlarmCase] = {
    **{name: AlarmCase(name, DIGITS, {"width": 4 * WIDTH} if name == "gan" else {}, None, 3) for name in DRAWING},
    "shuffled-labels": AlarmCase("cgan", SHUFFLED, {}, Verdict.LABEL_IGNORED, 1),
    "few-pictures": AlarmCase("dcgan", FEW, {"augment": "none", **rates(1e-3)}, Verdict.MEMORISING, 1),
    "no-rate": AlarmCase("gan", DIGITS, {"width": 4 * WIDTH, **rates(1e-7)}, Verdict.STALLED, 1),
}
RUNS = [f"{row}-{seed}" for seed in range(3) for row in ROWS if seed < ROWS[row].seeds]


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on) and judge what was asked for, one run after another; ends with 1 if any was judged wrong."""
    parser = argparse.ArgumentParser(description="Look for false alarms, and for alarms that are missing.")
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; none: all that is not done")
    parser.add_argument("--home", type=Path, default=Path("var/alarms"), help="where the runs are kept")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    settings = Settings(home=options.home, store=None, redis_url=None)
    store = Store(settings.store_path)
    add_datasets(DatasetStore(store))
    asked = [name for name in RUNS if name.rpartition("-")[0] in options.rows]
    results = [measure(name, settings) for name in asked or [name for name in RUNS if not is_measured(name, store)]]
    raise SystemExit(not all(result["is_right"] for result in results if result))


def add_datasets(datasets: DatasetStore) -> None:
    """The digits at 16 px; the same with labels that mean nothing; and a handful of them."""
    if FEW in datasets.names():
        return
    datasets.add_bundled()
    whole = datasets.get(BUNDLED)
    labels_N = np.array(whole.labels())
    images_NHWC = np.stack([shrunk(image_HW) for image_HW in whole.images()[..., 0]])[..., None]
    shuffled_N = np.random.default_rng(0).permutation(labels_N)
    few = np.random.default_rng(0).permutation(len(labels_N))[:FEW_PICTURES]
    sets = {
        DIGITS: (images_NHWC, labels_N),
        SHUFFLED: (images_NHWC, shuffled_N),
        FEW: (images_NHWC[few], labels_N[few]),
    }
    for name, (pictures, labels) in sets.items():
        content = ImageSet(pictures, labels, whole.class_names)
        datasets.add(name, content, Origin(f"{BUNDLED} at {SIZE} px", licence=whole.manifest.licence))


def shrunk(image_HW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One digit as an import makes it smaller."""
    return np.asarray(Image.fromarray(image_HW).resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def is_measured(name: str, store: Store) -> bool:
    """Whether there is a result of this run as it would be made, and judged, now."""
    try:
        result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    spec, dataset = request(name, store)
    now = {"schema": SCHEMA, "resolved": resolve(spec, dataset.manifest).to_json(), "limits": limits()}
    return now == {part: result[part] for part in now}


def limits() -> list[float]:
    """The thresholds that a run is judged by."""
    return [row.value for row in TABLE]


def measure(name: str, settings: Settings) -> dict[str, Any] | None:
    """Train a run to its end and write what was said of it; a run that another process trains is left to it."""
    run = the_run(name, Store(settings.store_path))
    if not run.state().status.is_terminal:
        print(f"{name}: {run.id} (its log: {run.log_file})", flush=True)
        train_apart(settings, run.id)
    if run.is_being_trained():
        print(f"{name}: trained by another process", flush=True)
        return None
    if run.state().status is not Status.SUCCEEDED:
        raise SystemExit(f"{name} is {run.state().status}: {run.state().failure}")
    result = judged(name, run)
    RESULTS.mkdir(parents=True, exist_ok=True)
    files.write_json(RESULTS / f"{name}.json", result)
    print(json.dumps({part: result[part] for part in ("run", "is_right", "verdicts", "last")}), flush=True)
    return result


def the_run(name: str, store: Store) -> Run:
    """The run of this name that the home holds; a new one if it holds none, or one of other numbers."""
    spec, dataset = request(name, store)
    resolved = resolve(spec, dataset.manifest)
    for run_id in RunStore(store).ids():
        run = Run(store, run_id)
        made = run.spec()
        if made.model == spec.model_name and made.resolved_as_stored == resolved.to_json():
            return run
    run = RunStore(store).create(spec, resolved, dataset.manifest)
    run.keep_execution(StoredExecution(precision=resolved.precision, threads=1))
    return run


def request(name: str, store: Store) -> tuple[RunSpec, Dataset]:
    """What is asked for: the recipe's own numbers but for those of the row, and nothing done about a verdict."""
    row, _, seed = name.rpartition("-")
    recipe, dataset, config, _, _ = ROWS[row]
    every = {"evaluate_every": EVALUATE_EVERY, "checkpoint_every": EVALUATE_EVERY}
    config = {"steps": STEPS, "width": WIDTH, **every, **config}
    body = {"recipe": recipe, "dataset": dataset, "model": name, "seed": int(seed), "config": config}
    body |= {"stop": {"action": "alert"}, "tags": {"revision": revision()}}
    return RunSpec.model_validate(body), DatasetStore(store).get(dataset)


def judged(name: str, run: Run) -> dict[str, Any]:
    """How a run was made, and what the rules say at each of its reports."""
    row, spec = name.rpartition("-")[0], run.spec()
    provokes = ROWS[row].provokes
    points = points_of(run)
    said = said_of(points, spec)
    verdicts = [(step, verdict) for i, (step, verdict) in enumerate(said) if i == 0 or verdict != said[i - 1][1]]
    scored = [point for point in points if "fd" in point]
    troubles = {verdict for _, verdict in verdicts if verdict not in UNTROUBLED}
    return {
        "schema": SCHEMA,
        "made_by": "python -m bench.alarms",
        "run": name,
        "row": row,
        "provokes": provokes,
        "is_right": troubles == ({provokes} if provokes else set()),
        "verdicts": verdicts,
        "reports": len(points),
        "alarms": sum(verdict not in UNTROUBLED for _, verdict in said),
        "evaluations": len(scored),
        "last": {score: scored[-1][score] for score in (*FALLING, *RISING, "nearest") if score in scored[-1]},
        "date": datetime.now(UTC).date().isoformat(),
        "revision": spec.request["tags"]["revision"],
        "machine": machine(),
        "resolved": spec.resolved_as_stored,
        "limits": limits(),
    }


def points_of(run: Run) -> list[dict[str, Any]]:
    """The reports of a run; of one that was interrupted each step counts as it was made last."""
    points = {point["step"]: point for point in read_json_lines(run.metrics_file)}
    assert len({point["branch"] for point in points.values()}) == 1, "a run that went back"
    return [points[step] for step in sorted(points)]


def said_of(points: list[dict[str, Any]], spec: StoredSpec) -> list[tuple[int, Verdict]]:
    """The step of each report, and the verdict there."""
    images, classes = spec.dataset.count, len(spec.dataset.class_names)
    window, said = Window(Setting(resolved=spec.resolved, images=images, classes=classes)), []
    for point in points:
        window.add(point["step"], {name: value for name, value in point.items() if name not in MARKS})
        said.append((point["step"], diagnose(window, branch=0).verdict))
    return said


if __name__ == "__main__":
    main()
