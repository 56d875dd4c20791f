"""The recipes as measured, as a section of docs/recipes.md, from the files of bench/recipes.py. Measures nothing."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

SCHEMAS = (1, 2)  # 1: without `row` and `verdict`
Result = dict[str, Any]

BEGINS = """## As measured

`python -m bench.recipes` trains every recipe on the bundled digits with its own numbers until it has seen {budget} real
images, those of every update of a discriminator counted, and judges 10,000 pictures of seeds 0 to 9,999 (the label is
seed mod 10) five times on the way. FD is the Frechet distance to MNIST's test images in features of the classifier of
`bench/judge`; real digits (`mnist-10k`) have {floor:.2f}. It compares with no FID. The files are in
`docs/benchmarks/recipes/`.

- **end / best**: FD at the end over the least on the way; far above 1, it got worse.
- **KID, precision, recall**: of the end, in the same features, beside the digits that were learnt from.
- **label accuracy**: of conditional recipes, the pictures that the judge reads as the digit that was asked for.
- **verdict**: what the run's own diagnosis says of it at the end; of several seeds each that differs.
- **images/s**: real images a second on two cores with nothing beside, as in `python -m bench.recipes --speed`.

Of recipes with several seeds the mean, and in brackets the least and the most.
"""
COLUMNS = (
    "recipe",
    "seeds",
    "FD",
    "end / best",
    "KID x 1000",
    "precision",
    "recall",
    "label accuracy",
    "verdict",
    "images/s",
)


def section(folder: Path) -> str:
    """The table of all results in `folder`, and the grids; nothing where nothing is recorded."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-[0-9].json"))]
    if not results:
        return ""
    assert all(result["schema"] in SCHEMAS for result in results), "a result of another schema"
    speeds = _speeds(folder)
    recipes = {_row_of(result): None for result in sorted(results, key=_distance)}
    rows = [row(recipe, [r for r in results if _row_of(r) == recipe], speeds) for recipe in recipes]
    first = results[0]
    budget = f"{round(first['points'][-1]['images_seen'], -3):,}"
    table = ["| " + " | ".join(cells) + " |" for cells in (COLUMNS, ["---"] * len(COLUMNS), *rows)]
    grids = [f"**`{recipe}`**\n\n![Digits of {recipe}](recipes/{recipe}.webp)\n" for recipe in recipes]
    return "\n".join([BEGINS.format(budget=budget, floor=first["points"][-1]["floor"]), *table, "", *grids])


def row(recipe: str, results: list[Result], speeds: dict[str, float]) -> list[str]:
    """The cells of a recipe, of all its seeds."""
    ends = [result["points"][-1] for result in results]
    decline = max(ends_over_best(result) for result in results)
    speed = speeds.get(recipe)
    return [
        f"`{recipe}`",
        str(len(results)),
        _spread([end["frechet_distance"] for end in ends], "{:.2f}"),
        f"{decline:.2f}",
        _spread([1000 * end["kid"] for end in ends if "kid" in end], "{:.2f}"),
        _spread([end["precision"] for end in ends if "precision" in end], "{:.2f}"),
        _spread([end["recall"] for end in ends if "recall" in end], "{:.2f}"),
        _spread([end["label_accuracy"] for end in ends if end["label_accuracy"] is not None], "{:.1%}"),
        ", ".join(f"`{verdict}`" for verdict in sorted({r["verdict"] for r in results if r.get("verdict")})),
        "" if speed is None else f"{speed:.0f}",
    ]


def _row_of(result: Result) -> str:
    return str(result.get("row", result["resolved"]["recipe"]))


def ends_over_best(result: Result) -> float:
    """FD at the end of a run over the least FD on its way."""
    distances = [point["frechet_distance"] for point in result["points"]]
    return float(distances[-1] / min(distances))


def _spread(values: list[float], form: str) -> str:
    if len(values) < 2:
        return "".join(map(form.format, values))
    return f"{form.format(mean(values))} ({form.format(min(values))} to {form.format(max(values))})"


def _distance(result: Result) -> float:
    return float(result["points"][-1]["frechet_distance"])


def _speeds(folder: Path) -> dict[str, float]:
    path = folder / "speed.json"
    speeds: dict[str, float] = json.loads(path.read_text())["images_per_second"] if path.exists() else {}
    return speeds
