"""The tables of measured recipes: what a row says of the files it is made from, and what is said of each dataset."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import recipe_table
from bench.recipe_data import SUBJECTS
from models.choice import choose

VERDICTS = ("healthy", "stalled")
REALS = {"label_accuracy": 0.999, "kid": 0.0005, "precision": 0.93, "recall": 0.92}


def result(recipe: str, seed: int, distances: list[float], accuracy: float | None = None) -> dict[str, Any]:
    points = [
        {"images_seen": 100_000 * (i + 1), "frechet_distance": distance, "label_accuracy": accuracy, "floor": 0.12}
        for i, distance in enumerate(distances)
    ]
    return {"schema": 1, "resolved": {"recipe": recipe, "seed": seed}, "points": points}


def of_avatars(subject: str, row: str, images_seen: int, **end: Any) -> dict[str, Any]:
    made = result(row, 0, [3.0, 2.0], 0.991)
    made["points"][-1] |= {"images_seen": images_seen, "floor": 0.08, "reals": REALS, **end}
    return {**made, "schema": 2, "row": row, "verdict": "healthy", "dataset": subject}


def section(folder: Path, *results: dict[str, Any]) -> str:
    for each in results:
        subject = SUBJECTS[each.get("dataset", "digits")]
        name = f"{subject.prefix}{each['resolved']['recipe']}-{each['resolved']['seed']}.json"
        (folder / name).write_text(json.dumps(each))
    return recipe_table.section(folder)


def test_a_row_has_the_end_of_the_run_and_how_far_it_is_from_its_best(tmp_path: Path) -> None:
    text = section(tmp_path, result("cgan", 0, [2.0, 3.0], 0.975))

    assert "| `cgan` | 1 | 3.00 | 1.50 |  |  |  | 97.5% |  |  |" in text


def test_a_row_that_is_no_recipe_stands_apart_and_each_verdict_is_told(tmp_path: Path) -> None:
    healthy, stalled = ({**result("vae", seed, [2.0]), "schema": 2, "verdict": v} for seed, v in enumerate(VERDICTS))
    apart = {**result("vae", 2, [9.0]), "schema": 2, "row": "vae-unconditional", "verdict": "healthy"}

    text = section(tmp_path, healthy, stalled, apart)

    assert "| `vae` | 2 | 2.00 | 1.00 |  |  |  |  | `healthy`, `stalled` |  |" in text
    assert "| `vae-unconditional` | 1 | 9.00 | 1.00 |  |  |  |  | `healthy` |  |" in text


def test_seeds_are_averaged_and_the_worst_decline_is_told(tmp_path: Path) -> None:
    text = section(tmp_path, result("dcgan", 0, [2.0, 1.0]), result("dcgan", 1, [1.0, 2.0]))

    assert "| `dcgan` | 2 | 1.50 (1.00 to 2.00) | 2.00 |" in text


def rows_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]


def test_the_best_recipe_is_first_and_the_speeds_of_its_dataset_are_beside(tmp_path: Path) -> None:
    rates = {"digits": {"vae": 1234.5, "dcgan": 400.0}, "avatars": {"vae": 7.0, "cgan": 9.0}}
    rest = {"numbers": "", "revision": "", "machine": {}}
    speeds = {name: {r: {"images_per_second": s, **rest} for r, s in of.items()} for name, of in rates.items()}
    (tmp_path / "speed.json").write_text(json.dumps({"schema": 1, "speeds": speeds}))

    digits = section(tmp_path, result("vae", 0, [5.0]), result("dcgan", 0, [1.0]))
    both = section(tmp_path, of_avatars("avatars", "vae", 8_400))

    assert [(row[0], row[-1]) for row in rows_of(digits)] == [("`dcgan`", "400"), ("`vae`", "1234")]
    assert [(row[0], row[-1]) for row in rows_of(both)] == [("`dcgan`", "400"), ("`vae`", "1234"), ("`vae`", "7")]


def test_each_dataset_has_a_table_with_its_budget_its_floor_and_the_recipe_of_the_rule(tmp_path: Path) -> None:
    text = section(
        tmp_path,
        result("cgan", 0, [2.0, 3.0]),
        of_avatars("avatars", "cgan", 250_400),
        of_avatars("avatars", "r3gan", 18_000),
        of_avatars("avatars-few", "cgan", 90_000, nearest=1.07),
    )

    begin, digits, avatars, few = text.split("### ")
    assert begin.startswith("## As measured")
    assert "10,000 grey pictures of 28 px in 10 classes. Each run sees 200,000 real images" in digits
    assert "12,000 colour pictures of 64 px in 8 classes. Each run has 20 minutes of two cores" in avatars
    assert "18,000 to 250,000 real images." in avatars
    assert "2,000 colour pictures of 64 px in 8 classes. Each run has 20 minutes of two cores" in few
    assert "(`mnist-10k`) is 0.12." in digits
    for part in (avatars, few):
        assert "others is 0.08. Of real pictures, judged as drawn ones are, KID x 1000 is 0.50, precision 0.93" in part
    for name, part in zip(SUBJECTS, (digits, avatars, few), strict=True):
        assert f"on a CPU it is `{choose(SUBJECTS[name].situation).recipe}` here" in part


def test_how_near_drawn_pictures_are_is_a_column_where_it_was_measured(tmp_path: Path) -> None:
    whole = section(tmp_path, of_avatars("avatars", "cgan", 250_000))
    few = section(tmp_path, of_avatars("avatars-few", "cgan", 90_000, nearest=1.07))

    assert "| nearest |" not in whole
    assert "| label accuracy | nearest | verdict |" in few
    assert "| 99.1% | 1.07 | `healthy` |" in few


@pytest.mark.parametrize("subject", SUBJECTS)
def test_grids_are_those_of_the_dataset(tmp_path: Path, subject: str) -> None:
    text = section(tmp_path, {**of_avatars(subject, "cgan", 9_000)})

    assert f"(recipes/{SUBJECTS[subject].prefix}cgan.webp)" in text
    assert text.count("### ") == 1


def test_where_nothing_was_measured_nothing_is_said(tmp_path: Path) -> None:
    assert section(tmp_path) == ""
