"""The recipes as measured, as a section of docs/recipes.md, from the files of bench/recipes.py. Measures nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from bench.judge.kinds import KINDS
from bench.recipe_data import SUBJECTS, Subject
from bench.recipe_speed import speeds
from bench.records import read_records
from models.choice import choose

SCHEMAS = (1, 2)  # 1: without `row` and `verdict`
Result = dict[str, Any]

BEGINS = """## As measured

`python -m bench.recipes` trains every recipe with its own numbers and judges five times on the way what it draws of
seeds 0, 1, 2 ... (the label is seed mod classes), as `bench/judge` does. FD is the Frechet distance to real pictures in
features of a classifier of that dataset: it compares with no FID, and avatars not with digits. The files are in
`docs/benchmarks/recipes/`.

- **end / best**: FD at the end over the least on the way; far above 1, it got worse.
- **KID, precision, recall**: of the end, in the same features.
- **label accuracy**: of conditional recipes, the pictures that the judge reads as what was asked for.
- **nearest**: of few pictures, how far from the nearest of them a drawn one is, over what they are from each other.
- **verdict**: what the run's own diagnosis says of it at the end; of several seeds each that differs.
- **images/s**: real images a second on two cores with nothing beside, as in `python -m bench.recipes --speed`.

Of recipes with several seeds the mean, and in brackets the least and the most.
"""


def section(folder: Path) -> str:
    """The tables of all results in `folder`, and the grids; nothing where nothing is recorded."""
    results = read_records(folder, "*-[0-9].json")
    assert all(result["schema"] in SCHEMAS for result in results), "a result of another schema"
    parts = [part for subject in SUBJECTS.values() for part in _part(subject, results, folder)]
    return "\n".join([BEGINS, *parts]) if parts else ""


def _part(subject: Subject, results: list[Result], folder: Path) -> Iterator[str]:
    """A dataset's sentences, table and grids; nothing where it has no results."""
    results = [result for result in results if result.get("dataset", next(iter(SUBJECTS))) == subject.name]
    if not results:
        return
    rows = {row: [r for r in results if _row_of(r) == row] for row in map(_row_of, sorted(results, key=_distance))}
    rates = {row: speed.images_per_second for row, speed in speeds(folder, subject.name).items()}
    table = {title: [cell(row, seeds, rates) for row, seeds in rows.items()] for title, cell in COLUMNS.items()}
    table = {title: cells for title, cells in table.items() if title not in OPTIONAL or any(cells)}
    lines = [list(table), ["---"] * len(table), *zip(*table.values(), strict=True)]
    yield f"### {subject.title}\n"
    yield _told(subject, results) + "\n"
    yield from ("| " + " | ".join(line) + " |" for line in lines)
    yield ""
    yield from (f"**`{row}`**\n\n![What {row} draws](recipes/{subject.prefix}{row}.webp)\n" for row in rows)


def _told(subject: Subject, results: list[Result]) -> str:
    """What was learnt from, the budget, the floor, and the recipe of whoever names none."""
    kind, found, end = KINDS[subject.judge], subject.situation, results[0]["points"][-1]
    count = f"{found.count:,} {'colour' if found.channels > 1 else 'grey'} pictures of {found.size} px"
    seen = sorted(result["points"][-1]["images_seen"] for result in results)
    budget = (
        f"Each run sees {round(seen[-1], -3):,} real images, those of every update of a discriminator counted."
        if subject.images is not None
        else f"Each run has {subject.minutes} minutes of two cores with nothing beside: by the speed of its recipe "
        f"{_range(round(seen[0], -3), round(seen[-1], -3), '{:,}')} real images."
    )
    floor = f"{kind.comparable:,} drawn pictures are judged. " + subject.reals.format(floor=f"{end['floor']:.2f}")
    reals = _of_reals(end["reals"]) if "reals" in end else ""
    choice = choose(found)
    auto = f"Where `recipe` is left out, on a CPU it is `{choice.recipe}` here ({choice.reason})."
    return f"{count} in {kind.num_classes} classes. {budget} {floor} {reals}{auto}"


def _range(least: float, most: float, form: str) -> str:
    """Both ends as `form` writes them, or one number where it writes them alike."""
    ends = form.format(least), form.format(most)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _of_reals(reals: dict[str, float]) -> str:
    kid = f"KID x 1000 is {1000 * reals['kid']:.2f}"
    shares = f"precision {reals['precision']:.2f}, recall {reals['recall']:.2f}"
    accuracy = f"label accuracy {reals['label_accuracy']:.1%}"
    return f"Of real pictures, judged as drawn ones are, {kid}, {shares}, {accuracy}. "


Cell = Callable[[str, list[Result], dict[str, float]], str]  # of a row, all its seeds, and speeds of rows


def _of_the_end(score: str, form: str, times: float = 1) -> Cell:
    def cell(_: str, results: list[Result], __: dict[str, float]) -> str:
        values = [result["points"][-1].get(score) for result in results]
        return _spread([times * value for value in values if value is not None], form)

    return cell


def _verdicts(_: str, results: list[Result], __: dict[str, float]) -> str:
    return ", ".join(f"`{verdict}`" for verdict in sorted({r["verdict"] for r in results if r.get("verdict")}))


COLUMNS: dict[str, Cell] = {
    "recipe": lambda row, _, __: f"`{row}`",
    "seeds": lambda _, results, __: str(len(results)),
    "FD": _of_the_end("frechet_distance", "{:.2f}"),
    "end / best": lambda _, results, __: f"{max(map(ends_over_best, results)):.2f}",
    "KID x 1000": _of_the_end("kid", "{:.2f}", 1000),
    "precision": _of_the_end("precision", "{:.2f}"),
    "recall": _of_the_end("recall", "{:.2f}"),
    "label accuracy": _of_the_end("label_accuracy", "{:.1%}"),
    "nearest": _of_the_end("nearest", "{:.2f}"),
    "verdict": _verdicts,
    "images/s": lambda row, _, rates: f"{rates[row]:.0f}" if row in rates else "",
}
OPTIONAL = ("nearest",)  # columns that are left out where they have nothing


def ends_over_best(result: Result) -> float:
    """FD at the end of a run over the least FD on its way."""
    distances = [point["frechet_distance"] for point in result["points"]]
    return float(distances[-1] / min(distances))


def _row_of(result: Result) -> str:
    return str(result.get("row", result["resolved"]["recipe"]))


def _spread(values: list[float], form: str) -> str:
    if not values:
        return ""
    middle, ends = form.format(mean(values)), _range(min(values), max(values), form)
    return middle if middle == ends else f"{middle} ({ends})"


def _distance(result: Result) -> float:
    return float(result["points"][-1]["frechet_distance"])
