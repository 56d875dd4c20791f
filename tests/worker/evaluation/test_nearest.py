"""The sheet of an evaluation: the fakes nearest to a real picture, each beside it, kept with the run."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import Dataset
from core.runs import Run
from core.runs.samples import list_grids
from ganymede.schemas.nearest import NearestFacts
from ganymede.schemas.references import BranchStep
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off
from worker.evaluation import nearest
from worker.evaluation.nearest import NearestSheet, keep_sheet, make_sheet
from worker.training.scores import classifier


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of few epochs."""
    monkeypatch.setattr(classifier, "EPOCHS", (2, 2))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("short")
def test_each_evaluation_leaves_a_sheet_the_same_after_a_kill(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch, shapes: Dataset
) -> None:
    undisturbed, killed = (create_run(extractor="classifier", evaluate_every=10, report_every=1) for _ in range(2))
    train_here(undisturbed)
    cut_off(killed, 12, train_here, monkeypatch)
    train_here(killed)

    assert contents(undisturbed.nearest) == contents(killed.nearest)
    assert sorted(contents(killed.nearest)) == ["0-10.json", "0-10.webp", "0-20.json", "0-20.webp"]
    facts = json.loads((killed.nearest / "0-20.json").read_text())
    told = NearestFacts.model_validate(facts)
    distances = [pair.distance for pair in told.pairs]
    assert (len(told.pairs), told.columns, told.fakes.count, told.reals.count) == (16, 4, 48, 48)
    assert distances == sorted(distances)
    assert told.fakes.least == pytest.approx(distances[0])
    assert (told.compared, told.images, told.extractor) == (96, 96, "classifier")
    scores = killed.state().metrics
    assert told.fakes.median / told.reals.median == pytest.approx(scores["nearest"])
    labels_N = shapes.labels()
    assert labels_N is not None
    assert [pair.real_label for pair in told.pairs] == [int(labels_N[pair.index]) for pair in told.pairs]


def test_a_pair_is_a_fake_and_at_its_right_the_real_picture(shapes: Dataset) -> None:
    images_NHWC = shapes.images()
    distance_M, place_M = np.arange(48, 0, -1).astype(float), np.full(48, 5)

    def draw(seeds: object, labels: object) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        assert labels is None
        return np.stack([np.full((8, 8, 1), seed, np.uint8) for seed in list(seeds)])  # type: ignore[call-overload]

    sheet = make_sheet(shapes, "x", (distance_M, place_M), np.full(48, 2.0), None, draw)

    pixels = np.asarray(Image.open(io.BytesIO(sheet.content)).convert("L"))
    assert [pair.seed for pair in sheet.facts.pairs] == list(range(47, 31, -1))
    assert pixels.shape == (4 * 8, 8 * 8)
    assert (pixels[:8, :8] == 47).all()
    assert (pixels[:8, 8:16] == images_NHWC[sheet.facts.pairs[0].index][..., 0]).all()
    assert (sheet.facts.pairs[0].ratio, sheet.facts.pairs[0].label) == (0.5, None)


def test_pictures_that_are_all_the_same_have_no_ratio(shapes: Dataset) -> None:
    images = shapes.images()[:48]

    sheet = make_sheet(shapes, "x", (np.zeros(48), np.zeros(48, int)), np.zeros(48), None, lambda *_: images[:16])

    assert sheet.facts.pairs[0].ratio is None


def test_a_run_keeps_a_bounded_number_of_sheets(idle: Run, monkeypatch: pytest.MonkeyPatch, shapes: Dataset) -> None:
    monkeypatch.setattr(nearest, "KEPT", 10)
    alike, images = (np.ones(48), np.zeros(48, int)), shapes.images()[:16]
    sheet = make_sheet(shapes, "x", alike, np.ones(48), None, lambda *_: images)

    for step in range(1, 31):
        keep_sheet(idle, BranchStep(0, step), NearestSheet(sheet.facts, sheet.content))

    kept = [grid.step for grid in list_grids(idle.nearest)]
    assert len(kept) <= 10
    assert (kept[0], kept[-1]) == (1, 30)
    assert len(list(idle.nearest.iterdir())) == 2 * len(kept)


@pytest.fixture
def idle(create_run: CreateRun) -> Run:
    return create_run()
