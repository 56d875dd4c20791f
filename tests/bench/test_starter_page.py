"""The page of the starter models: what it says of the records that it is made from."""

import json
from pathlib import Path
from typing import Any

import pytest

import models
from bench import starter_page
from docs.pages.applications import applications_page

STARTERS = Path(models.__file__).parent / "starter"
RECORD: dict[str, Any] = {
    "dataset": {"name": "shapes", "count": 1200, "source": "a test", "licence": "CC0-1.0", "attribution": "nobody"},
    "trainings": [
        {"spec": {"recipe": "sngan", "config": {"steps": 9}}, "images_seen": 144, "minutes": 3.4},
        {"spec": {"recipe": "sngan", "config": {}, "init": "run:R@latest"}, "images_seen": 1600, "minutes": None},
    ],
    "weights": {"bytes": 1_730_000},
    "machine": {"cpu": "a CPU", "cores": 2},
    "judgement": {
        "images": 4000,
        "label_accuracy": 0.9912,
        "per_class_accuracy": [0.99, 0.981],
        "frechet_distance": 0.2,
        "floor": 0.1,
        "ratio": 2.0,
        **{"kid": 0.01, "precision": 0.7, "recall": 0.6},
        "reals": {"label_accuracy": 1.0, "kid": 0.001, "precision": 0.8, "recall": 0.75},
    },
}


def written(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "record.json").write_text(json.dumps(RECORD))
    return folder / name


def test_each_score_stands_beside_that_of_reals(tmp_path: Path) -> None:
    written(tmp_path, "shapes")

    lines = starter_page.page(tmp_path).splitlines()

    for row in ("read as asked | 99.12% | 100.00%", "FD | 0.200 | 0.100", "recall | 0.600 | 0.750"):
        assert f"| {row} |" in lines
    assert "| of the worst class | 98.1% | |" in lines
    assert "| FD / floor | 2.00 | 1 |" in lines
    assert "- `sngan` (steps 9): 144 images in 3 minutes" in lines
    assert "- `sngan`, from `run:R@latest`: 1,600 images" in lines


def test_a_starter_that_is_not_there_yet_is_not_shown(tmp_path: Path) -> None:
    written(tmp_path, "digits")
    (tmp_path / "avatars").mkdir()
    (tmp_path / "avatars" / "NOTICE.md").write_text("a notice")

    page = starter_page.page(tmp_path)

    assert "## digits" in page
    assert "## avatars" not in page
    assert "Notice" not in page


def test_a_notice_is_shown_beside_its_model(tmp_path: Path) -> None:
    (written(tmp_path, "avatars") / "NOTICE.md").write_text("a notice")

    assert "[Notice](../models/starter/avatars/NOTICE.md)" in starter_page.page(tmp_path)


UNDERSTOOD = {"clips": 10, "share": 0.912, "least": 0.8, "most": 0.95, "silent": 0.0, "by_word": {"one": 0.9}}
OF_USES: dict[str, dict[str, Any]] = {
    "completion": {"hole": 14, "pictures": 10, "accuracy": 0.912, "frechet_distance": 1.5, "floor": 0.1, "psnr": 15.0},
    "classification": {
        **{"images": 10, "accuracy": 0.912, "accuracy_low": 0.9, "accuracy_high": 0.92},
        **{"ece": 0.04, "ece_calibrated": 0.01, "confusion": [[9, 1], [0, 10]]},
    },
    "speech": {
        "drawn": UNDERSTOOD,
        "real": UNDERSTOOD,
        "distance": {"clips": 10, "frechet_distance": 1.0, "floor": 0.5, "kid": 0.1, "kid_floor": 0.0},
        "images_seen": 10,
        "machine": {"cpu": "a CPU", "cores": 2},
    },
}
NAMES = {"completion": "digits-complete", "classification": "digits-reader", "speech": "spoken-digits"}


@pytest.mark.parametrize("use", OF_USES)
def test_what_does_not_draw_has_scores_of_its_own(use: str, tmp_path: Path) -> None:
    record = {**RECORD, "use": use, "judgement": OF_USES[use]}
    (written(tmp_path, NAMES[use]) / "record.json").write_text(json.dumps(record))

    pages = [starter_page.page(tmp_path), applications_page(tmp_path, tmp_path)]

    assert "91.2" in pages[0]
    assert "[applications.md](applications.md)" in pages[0]
    assert use == "completion" or "91.2" in pages[1]  # that has a file of its own


def test_every_model_that_comes_with_the_package_has_its_record_and_is_in_the_readme() -> None:
    root = STARTERS.parent.parent
    readme = (root / "README.md").read_text()

    for folder in (path.parent for path in STARTERS.glob("*/manifest.json")):
        manifest = json.loads((folder / "manifest.json").read_text())
        record = json.loads((folder / "record.json").read_text())
        assert record["weights"] == manifest["files"]["generator.safetensors"]
        assert (root / "docs" / f"{folder.name}.png").exists()
        assert f"](docs/{folder.name}.png)" in readme or f"model={folder.name}" in readme
