"""The table of measured recipes: what a row says of the files it is made from."""

import json
from pathlib import Path
from typing import Any

from bench import recipe_table

VERDICTS = ("healthy", "stalled")


def result(recipe: str, seed: int, distances: list[float], accuracy: float | None = None) -> dict[str, Any]:
    points = [
        {"images_seen": 100_000 * (i + 1), "frechet_distance": distance, "label_accuracy": accuracy, "floor": 0.12}
        for i, distance in enumerate(distances)
    ]
    return {"schema": 1, "resolved": {"recipe": recipe, "seed": seed}, "points": points}


def section(folder: Path, *results: dict[str, Any]) -> str:
    for each in results:
        name = f"{each['resolved']['recipe']}-{each['resolved']['seed']}.json"
        (folder / name).write_text(json.dumps(each))
    return recipe_table.section(folder)


def test_a_row_has_the_end_of_the_run_and_how_far_it_is_from_its_best(tmp_path: Path) -> None:
    text = section(tmp_path, result("cgan", 0, [2.0, 3.0], 0.975))

    assert "| `cgan` | 1 | 3.00 | 1.50 |  |  |  | 97.5% |  |  |" in text


def test_a_row_that_is_no_recipe_stands_apart_and_each_verdict_is_told(tmp_path: Path) -> None:
    healthy, stalled = ({**result("vae", seed, [2.0]), "schema": 2, "verdict": v} for seed, v in enumerate(VERDICTS))
    apart = {**result("vae", 2, [9.0]), "schema": 2, "row": "vae-unconditional", "verdict": "healthy"}

    text = section(tmp_path, healthy, stalled, apart)

    assert "| `vae` | 2 | 2.00 (2.00 to 2.00) | 1.00 |  |  |  |  | `healthy`, `stalled` |  |" in text
    assert "| `vae-unconditional` | 1 | 9.00 | 1.00 |  |  |  |  | `healthy` |  |" in text


def test_seeds_are_averaged_and_the_worst_decline_is_told(tmp_path: Path) -> None:
    text = section(tmp_path, result("dcgan", 0, [2.0, 1.0]), result("dcgan", 1, [1.0, 2.0]))

    assert "| `dcgan` | 2 | 1.50 (1.00 to 2.00) | 2.00 |" in text


def test_the_best_recipe_is_first_and_speeds_are_beside(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text(json.dumps({"images_per_second": {"vae": 1234.5, "dcgan": 400.0}}))

    text = section(tmp_path, result("vae", 0, [5.0]), result("dcgan", 0, [1.0]))

    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("|")[1].strip() for row in rows] == ["`dcgan`", "`vae`"]
    assert [row.split("|")[-2].strip() for row in rows] == ["400", "1234"]


def test_where_nothing_was_measured_nothing_is_said(tmp_path: Path) -> None:
    assert section(tmp_path) == ""
