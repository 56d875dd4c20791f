"""Completion of MNIST's test digits: the starter `digits-complete` beside three simpler ways, and a search.

    python -m bench.applications completion --mnist FOLDER [--home var/starter] [--search 100]

The network learns from the 60,000 digits of MNIST's training set, without their labels, by the project's own job; a
later call goes on where one before it was interrupted, or measures what has been trained. A hole of 14 x 14 px in the
middle of the 10,000 test digits is filled by it; by the mean of the training digits; by what the training digit has
there whose known pixels are nearest; and by scikit-image's biharmonic inpainting. A search (`method=search` of
`/complete`) fills the first of them alone, by the starter `digits`; the network's figures for these stand beside it.

Shape suffixes: N pictures, M that were learnt from, H height, W width, C channels.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from bench import starter
from bench.applications import holes as filling
from bench.applications.holes import FilledHoles, MiddleHoles, scored, timed
from bench.dataset import Digits, read_mnist
from bench.judge.kinds import KINDS
from bench.machine import ROOT, machine, revision, slug
from bench.starter_data import whole_mnist
from bench.starter_uses import Version
from core.media.images import Images
from core.settings import Settings
from core.store import Store
from models.starters import DIGITS, DIGITS_COMPLETE
from models.version import WEIGHTS_FILE
from models.weights import load_generator

RESULTS = ROOT / "docs" / "benchmarks" / "applications"
SEARCHED = 100
Filled = tuple[Images, float | None]  # pictures, and the seconds that it took


class CompletionResult(BaseModel):
    """What one measurement found. floor: FD of other real digits. drafts_differ: mean difference of two drafts in the
    hole, 0 to 1; reals_differ: that of two real digits. of_a_sample: by a search, and by the network."""

    at: str
    revision: str
    machine: dict[str, object]
    digest: str
    images_seen: int
    minutes: float
    hole: int
    floor: float
    ways: dict[str, FilledHoles]
    drafts_differ: float
    reals_differ: float
    of_a_sample: dict[str, FilledHoles]


def main(arguments: list[str]) -> None:
    """Measure once; the first time the network has to learn, for half an hour or so of a core."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.applications completion", description="Fill holes of digits."
    )
    parser.add_argument("--mnist", type=Path, required=True, help="folder with MNIST's four IDX files")
    parser.add_argument("--home", type=Path, default=Path("var/starter"), help="where the run is kept")
    parser.add_argument("--pictures", type=int, default=KINDS[DIGITS].comparable, help="test digits; FD needs all")
    parser.add_argument("--search", type=int, default=SEARCHED, help="test digits that a search fills, 0 for none")
    asked = parser.parse_args(arguments)
    settings = Settings(home=asked.home, store=None, redis_url=None)
    runs = starter.trained(DIGITS_COMPLETE, whole_mnist(Store(settings.store_path), asked.mnist), settings)
    result = measure(starter.latest(DIGITS_COMPLETE, runs), asked.mnist, asked.pictures, asked.search)
    found = result.model_copy(update={"minutes": round(starter.minutes(runs[-1]), 1)})
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"completion-{slug(found.machine)}.json"
    path.write_text(json.dumps(found.model_dump(), indent=1) + "\n", encoding="utf-8")
    print(table(found))


def measure(version: Version, folder: Path, pictures: int, searched: int) -> CompletionResult:
    """Fill the holes of the first test digits in every way."""
    network, config = load_generator(version.folder / WEIGHTS_FILE)
    judge, learnt_MHWC = KINDS[DIGITS].load(), read_mnist(folder, "train").images[..., None]
    test = _first(read_mnist(folder, "t10k"), pictures)
    holes, label_N = _holes(test)
    filled: dict[str, Filled] = {
        "network": timed(filling.by_network, network, config, holes),
        "mean": timed(filling.by_mean, learnt_MHWC, holes),
        "nearest": timed(filling.by_nearest, learnt_MHWC, holes),
        "biharmonic": timed(filling.by_biharmonic, holes),
        "real": (holes.images_NHWC, None),
    }
    few, few_N = _holes(_first(test, searched))
    by_search: dict[str, Filled] = {}
    if searched:
        generator, sizes = load_generator(starter.FOLDER / DIGITS / WEIGHTS_FILE)
        by_search["search"] = timed(filling.by_search, generator, sizes, few)
        by_search["network"] = timed(filling.by_network, network, config, few)
    another_NHWC = filling.by_network(network, config, holes, draft=1)
    return CompletionResult(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        revision=revision(),
        machine=dict(machine()),
        digest=version.manifest.digest,
        images_seen=version.manifest.images_seen,
        minutes=0,
        hole=filling.HOLE,
        floor=judge.floor,
        ways={way: scored(judge, drawn, label_N, holes, seconds) for way, (drawn, seconds) in filled.items()},
        drafts_differ=holes.difference(filled["network"][0], another_NHWC),
        reals_differ=holes.difference(holes.images_NHWC, np.roll(holes.images_NHWC, 1, axis=0)),
        of_a_sample={way: scored(judge, drawn, few_N, few, seconds) for way, (drawn, seconds) in by_search.items()},
    )


def _first(digits: Digits, count: int) -> Digits:
    return Digits(digits.images[:count], digits.labels[:count])


def _holes(digits: Digits) -> tuple[MiddleHoles, filling.Labels]:
    return MiddleHoles(digits.images[..., None]), digits.labels.astype(np.int64)


def table(result: CompletionResult) -> str:
    """The result for people: a way a line."""
    rows = [f"{result.images_seen:,} pictures seen, {result.hole} x {result.hole} px missing, floor {result.floor:.3f}"]
    sampled = {f"{way} of a sample": found for way, found in result.of_a_sample.items()}
    for way, found in {**result.ways, **sampled}.items():
        numbers = {"FD": found.frechet_distance, "PSNR": found.psnr, "ms": found.milliseconds}
        told = ", ".join(f"{name} {number:.3f}" for name, number in numbers.items() if number is not None)
        rows.append(f"{way:<20} {found.accuracy:.2%} of {found.pictures} read right, {told}")
    return "\n".join([*rows, f"drafts differ by {result.drafts_differ:.3f}, reals by {result.reals_differ:.3f}"])
