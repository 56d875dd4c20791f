"""Images a second of the recipes on each dataset, as recorded: budgets of minutes go by them. Measures nothing."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import machine, revision
from bench.trials import Trial
from core.datasets.manifest import DatasetManifest
from core.store import files

SCHEMA = 1


@dataclass(frozen=True)
class Speed:
    """`numbers`: of Trial.numbers when it was measured."""

    images_per_second: float
    numbers: str
    revision: str
    machine: dict[str, Any]


def recorded(folder: Path, trial: Trial, dataset: DatasetManifest) -> float | None:
    """Images a second of a recipe as it is now; None where that is not recorded."""
    speed = speeds(folder, trial.subject.name).get(trial.row)
    return speed.images_per_second if speed and speed.numbers == trial.numbers(dataset) else None


def speeds(folder: Path, subject: str) -> dict[str, Speed]:
    """Of each row of a dataset's table what was measured last."""
    return {row: Speed(**speed) for row, speed in _read(folder).get(subject, {}).items()}


def record(folder: Path, trial: Trial, dataset: DatasetManifest, images_per_second: float) -> None:
    """Keep what was measured of a recipe on a dataset."""
    found = _read(folder)
    speed = Speed(images_per_second, trial.numbers(dataset), revision(), machine())
    found.setdefault(trial.subject.name, {})[trial.row] = asdict(speed)
    folder.mkdir(parents=True, exist_ok=True)
    head = {"schema": SCHEMA, "made_by": "python -m bench.recipes --speed"}
    files.write_json(folder / "speed.json", {**head, "speeds": found})


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        read = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    assert read["schema"] == SCHEMA, "speeds of another schema"
    found: dict[str, dict[str, Any]] = read["speeds"]
    return found
