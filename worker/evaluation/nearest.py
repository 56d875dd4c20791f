"""The sheet that tells whether a run copies: the fakes nearest to a real picture, each beside it. Knows no loop.

Shape suffixes: N reals, M fakes, K pairs, H height, W width, C channels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets import Dataset
from core.media.images import Images, contact_sheet, to_webp
from core.runs import Run
from core.runs.samples import list_grids
from core.store import files
from ganymede.schemas.nearest import Distances, NearestFacts, NearestPair
from ganymede.schemas.references import BranchStep
from worker.hooks.reporting import surplus_grids
from worker.training.scores.neighbours import Floats
from worker.training.scores.reference import Classes, reals_to_read

MOST_PAIRS, FEWEST_PAIRS = 16, 4
MOST_PIXELS = 2**20  # of a sheet, where it has more than the fewest pairs
KEPT = 100  # sheets of a run

DrawFakes = Callable[[Sequence[int], Sequence[int] | None], Images]


@dataclass(frozen=True, slots=True)
class NearestSheet:
    facts: NearestFacts
    content: bytes  # a WebP


def make_sheet(
    dataset: Dataset,
    extractor: str,
    nearest: tuple[Floats, NDArray[np.int64]],
    usual_N: Floats,
    labels_M: Classes | None,
    draw: DrawFakes,
) -> NearestSheet:
    """nearest: of each fake the distance to the nearest real, and its place among those compared. usual_N: the distance
    of each real apart to the nearest other one. draw: the pictures of some seeds and classes."""
    images_NHWC, labels_N = dataset.images(), dataset.labels()
    side = images_NHWC.shape[1]
    count = min(len(nearest[0]), MOST_PAIRS, max(FEWEST_PAIRS, MOST_PIXELS // (2 * side**2)))
    seeds_K = np.argsort(nearest[0], kind="stable")[:count]
    apart, rest = reals_to_read(len(images_NHWC), len(nearest[0]))
    compared = np.concatenate([apart, rest])
    index_K = compared[nearest[1][seeds_K]]
    labels = None if labels_M is None else labels_M[seeds_K].tolist()
    fakes_KHWC = draw(seeds_K.tolist(), labels)
    usual = float(np.median(usual_N))
    pairs = [
        NearestPair(
            seed=int(seed),
            label=None if labels is None else labels[place],
            distance=float(nearest[0][seed]),
            ratio=float(nearest[0][seed]) / usual if usual else None,
            index=int(index),
            real_label=None if labels_N is None else int(labels_N[index]),
        )
        for place, (seed, index) in enumerate(zip(seeds_K, index_K, strict=True))
    ]
    columns = math.ceil(math.sqrt(count))
    counts = {"columns": columns, "compared": len(compared), "images": len(images_NHWC)}
    facts = NearestFacts(pairs=pairs, fakes=_told(nearest[0]), reals=_told(usual_N), extractor=extractor, **counts)
    beside = np.stack([fakes_KHWC, images_NHWC[index_K]], axis=1).reshape(2 * count, *fakes_KHWC.shape[1:])
    return NearestSheet(facts, to_webp(contact_sheet(beside, 2 * columns)))


def keep_sheet(run: Run, place: BranchStep, sheet: NearestSheet) -> None:
    """Put a sheet into the run's folder, in the place of one that an attempt before may have left, and drop some where
    there are many."""
    run.nearest.mkdir(exist_ok=True)
    files.write_json(run.nearest / f"{place}.json", {"schema": 1, **sheet.facts.model_dump(mode="json")}, durable=False)
    files.write_atomic(run.nearest / f"{place}.webp", sheet.content, durable=False)
    for old in surplus_grids(list_grids(run.nearest), KEPT):
        for ending in ("webp", "json"):
            (run.nearest / f"{old}.{ending}").unlink(missing_ok=True)


def _told(distances: Floats) -> Distances:
    least, fifth, median = np.percentile(distances, [0, 5, 50])
    return Distances(count=len(distances), least=float(least), fifth_percentile=float(fifth), median=float(median))
