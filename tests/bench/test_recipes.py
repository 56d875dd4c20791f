"""The bench of recipes, on a stand-in for the avatars and with a budget of a few steps: what it trains, what it writes,
and that it goes on.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import recipe_speed, recipes, trials
from bench.judge.examination import Features, Judge, Reals, likeness
from bench.judge.kinds import KINDS, Kind
from bench.recipe_data import SUBJECTS
from bench.trials import ROWS, Trial
from core.datasets import Dataset, DatasetStore, Origin
from core.datasets.image_set import ImageSet
from core.datasets.manifest import DatasetManifest
from core.media.images import Images
from core.resolved import ResolvedConfig
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from models import resolution
from tests.manifests import changed
from tests.records import numbers
from worker import job
from worker.judge.judgement import Readings
from worker.training.scores.frechet import frechet_distance, statistics

COLOUR = ("avatars", "avatars-few")
QUICK = {"width": 16, "latent_dim": 4, "extractor": "none"}
NAMES = [trial.name for trial in trials.trials()]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shapes: Dataset) -> None:
    """The shapes in place of avatars, ten steps of 64 images of digits, and results that go elsewhere."""
    content = ImageSet(np.array(shapes.images()), shapes.labels(), shapes.class_names)

    def put(store: Store) -> DatasetManifest:
        return DatasetStore(store).add("shapes", content, Origin("a test")).manifest

    judge = judge_of(content.images_NHWC)
    monkeypatch.setitem(KINDS, "shapes", Kind("shapes", judge.shape, 3, judge.comparable, lambda: judge))
    monkeypatch.setitem(SUBJECTS, "digits", replace(SUBJECTS["digits"], images=640))
    for name in COLOUR:
        monkeypatch.setitem(SUBJECTS, name, replace(SUBJECTS[name], put=put, judge="shapes", per_class=32))
    monkeypatch.setattr(recipes, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(recipes, "GRIDS", tmp_path / "grids")


def judge_of(images_NHWC: Images) -> Judge:
    """Reads shapes: features are the means of columns, and where it is bright tells the class."""

    def read(images_NHWC: Images) -> tuple[Readings, Features]:
        features_ND = images_NHWC.mean(axis=(1, 3), dtype=np.float32)
        return features_ND[:, [0, 3, 6]].argmax(axis=1), features_ND

    apart_ND, rest_ND = (read(half_NHWC)[1] for half_NHWC in (images_NHWC[:48], images_NHWC[48:]))
    return Judge(
        name="shapes",
        shape=(8, 8, 1),
        class_names=("circle", "square", "cross"),
        comparable=48,
        read=read,
        gaussian=statistics(rest_ND),
        beside=lambda: rest_ND,
        floor=frechet_distance(*statistics(apart_ND), *statistics(rest_ND)),
        floor_of="48 reals",
        reals=Reals(1.0, likeness(apart_ND, rest_ND)),
    )


@pytest.fixture
def train_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job without its process; output and priority stay as they are."""
    monkeypatch.setattr(job, "_write_output_to", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda increment: increment)
    monkeypatch.setattr("worker.training.execution.available_cores", lambda: 1)
    monkeypatch.setattr(recipes, "train_apart", lambda settings, run_id: job.take_on(run_id, settings))
    for row, (recipe, config) in ROWS.items():
        monkeypatch.setitem(ROWS, row, (recipe, {**config, **QUICK}))


Record = Callable[[Trial, float], None]


@pytest.fixture
def record(store: Store) -> Record:
    """Writes down a speed."""

    def write(trial: Trial, images_per_second: float) -> None:
        recipe_speed.record(recipes.RESULTS, trial, trial.subject.put(store), images_per_second)

    return write


def trial_of(name: str) -> Trial:
    return {trial.name: trial for trial in trials.trials()}[name]


def written(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((recipes.RESULTS / f"{name}.json").read_text())
    return result


def test_the_unconditional_vae_learns_no_labels(store: Store) -> None:
    run = recipes.the_run(trial_of("vae-unconditional-0"), store)

    assert run.spec().resolved.conditional is False


@pytest.mark.parametrize(
    ("change", "is_measured"),
    [
        ({}, True),
        ({"schema": 1}, False),
        ({"resolved": {"recipe": "gan"}}, False),
        ({"digest": "of others"}, False),
    ],
)
@pytest.mark.parametrize("name", ["gan-0", "avatars-gan-0"])
def test_a_result_of_an_older_form_of_other_pictures_or_of_a_recipe_that_changed_is_measured_again(
    store: Store, record: Record, name: str, change: dict[str, Any], is_measured: bool
) -> None:
    trial = trial_of(name)
    record(trial, 50)
    assert not recipes.is_measured(trial, store)
    resolved = recipes.the_run(trial, store).spec().resolved
    (recipes.RESULTS / f"{name}.json").write_text(json.dumps({"schema": 2, "resolved": resolved.to_json(), **change}))

    assert recipes.is_measured(trial, store) is is_measured


def seen(resolved: ResolvedConfig) -> int:
    return resolved.steps * resolved.images_per_step


@pytest.mark.parametrize("name", NAMES)
def test_every_run_has_its_budget_and_is_judged_at_as_many_points(store: Store, name: str) -> None:
    trial = trial_of(name)
    dataset = trial.subject.put(store)

    resolved = resolution.resolve(trial.request(dataset, 200_000), dataset)

    assert 0.995 * 200_000 <= seen(resolved) <= 200_000
    assert resolved.steps == trials.POINTS * resolved.publish_every
    assert resolved.publish_final == "last"  # the end is judged, not the best


@pytest.mark.parametrize("subject", COLOUR)
def test_a_budget_of_minutes_is_as_many_images_as_the_recipe_sees_in_them(
    store: Store, record: Record, subject: str
) -> None:
    slow, quick = trial_of(f"{subject}-r3gan-0"), trial_of(f"{subject}-vae-0")
    record(slow, 10)
    record(quick, 400.5)

    assert recipes.budget(slow, slow.subject.put(store)) == 20 * 60 * 10
    assert recipes.budget(quick, quick.subject.put(store)) == 20 * 60 * 400.5
    assert 20 * 60 * 10 - 5 * 16 < seen(recipes.the_run(slow, store).spec().resolved) <= 20 * 60 * 10


def test_without_a_speed_a_run_is_refused_with_what_to_do_first_and_nothing_begins(
    settings: Settings, store: Store, record: Record
) -> None:
    record(trial_of("avatars-cgan-0"), 100)
    arguments = ["avatars-cgan-0", "avatars-few-cgan-0", "--home", str(settings.home)]

    with pytest.raises(SystemExit, match=r"avatars-few-cgan-0 .*python -m bench.recipes --speed avatars-few$"):
        recipes.main(arguments)

    assert RunStore(store).ids() == []


def test_the_speed_of_a_recipe_that_changed_or_on_other_pictures_counts_no_longer(store: Store, record: Record) -> None:
    trial = trial_of("avatars-cgan-0")
    dataset = trial.subject.put(store)
    record(trial, 100)

    wider = changed(dataset, height=16, width=16)

    assert recipe_speed.recorded(recipes.RESULTS, trial, dataset) == 100
    assert recipe_speed.recorded(recipes.RESULTS, replace(trial, seed=7), dataset) == 100
    assert recipe_speed.recorded(recipes.RESULTS, trial, wider) is None
    assert recipe_speed.recorded(recipes.RESULTS, trial, changed(dataset, digest="another")) is None
    assert recipe_speed.recorded(recipes.RESULTS, trial_of("avatars-few-cgan-0"), dataset) is None


@pytest.mark.parametrize("row", ROWS)
def test_each_report_of_a_timing_has_the_penalties_of_the_others(store: Store, row: str) -> None:
    trial = trial_of(f"avatars-{row}-0")
    dataset = trial.subject.put(store)

    resolved = resolution.resolve(trial.timing(dataset), dataset)

    assert resolved.report_every % resolved.penalty_every == 0
    assert resolved.steps % resolved.report_every == 0
    assert resolved.steps // resolved.report_every >= trials.SPEED_REPORTS


def test_speeds_are_measured_where_they_are_not_recorded_and_again_where_they_are_asked_for(
    train_here: None, store: Store, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "SPEED_PIXELS", 1)
    monkeypatch.setitem(SUBJECTS, "digits", replace(SUBJECTS["digits"], seeds={}))
    for row in ROWS:
        record(trial_of(f"avatars-{row}-0"), 100 if row != "gan" else 0.5)
    path = recipes.RESULTS / "speed.json"
    speeds = json.loads(path.read_text())
    del speeds["speeds"]["avatars"]["vae"]
    path.write_text(json.dumps(speeds))

    recipes.main(["--speed", "avatars", "avatars-gan-0"])

    found = recipe_speed.speeds(recipes.RESULTS, "avatars")
    assert {row for row, speed in found.items() if speed.images_per_second not in (100, 0.5)} == {"gan", "vae"}
    assert found["vae"].images_per_second > 0
    assert list(json.loads(path.read_text())["speeds"]) == ["avatars"]


@pytest.fixture
def measured(train_here: None, settings: Settings, record: Record) -> Trial:
    """A few steps of cgan on few pictures, trained and judged by the command."""
    trial = trial_of("avatars-few-cgan-0")
    record(trial, 0.6)
    recipes.main([trial.name, "--home", str(settings.home)])
    return trial


def test_a_run_is_trained_judged_on_its_way_and_written_down_and_not_trained_again(
    measured: Trial, settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, run = written(measured.name), recipes.the_run(measured, store)

    monkeypatch.setattr(recipes, "train_apart", lambda *_: pytest.fail("trained again"))
    recipes.measure(measured, settings)

    assert recipes.is_measured(measured, store)
    assert recipes.the_run(measured, store).id == run.id
    assert (result["dataset"], result["row"]) == ("avatars-few", "cgan")
    assert [point["step"] for point in result["points"]] == [2, 4, 6, 8, 10]
    assert [point["images_seen"] for point in result["points"]] == [128, 256, 384, 512, 640]
    assert all(point["frechet_distance"] > point["floor"] for point in result["points"])
    assert all(0 <= point["label_accuracy"] <= 1 for point in result["points"])
    assert result["points"][-1]["kid"] > 0.01
    assert result["points"][-1]["recall"] < 0.2  # noise covers no shapes
    assert result["points"][-1]["reals"]["label_accuracy"] == 1
    assert result["points"][-1]["nearest"] > 1
    assert (recipes.GRIDS / "avatars-few-cgan.webp").read_bytes()[8:12] == b"WEBP"


def test_pictures_that_were_learnt_by_heart_are_nearer_than_real_ones_are_to_each_other(shapes: Dataset) -> None:
    images_NHWC = np.array(shapes.images())
    judge = judge_of(images_NHWC)

    by_heart, others = judge.nearest(images_NHWC[:48], images_NHWC), judge.nearest(255 - images_NHWC[:48], images_NHWC)
    one_picture_NHWC = np.repeat(images_NHWC[:1], 96, axis=0)

    assert by_heart == 0
    assert others is not None
    assert others > 1
    assert judge.nearest(images_NHWC[:48], one_picture_NHWC) is None


def test_of_a_recipe_that_knows_no_labels_none_are_judged(shapes: Dataset) -> None:
    images_NHWC = np.array(shapes.images())[:48]

    found = recipes.scores(
        judge_of(images_NHWC.repeat(2, axis=0)), images_NHWC, numbers(conditional=False), is_end=True
    )

    assert (found["label_accuracy"], found["per_class_accuracy"]) == (None, None)
    assert found["recall"] is not None


def test_other_numbers_are_another_run(store: Store, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recipes.the_run(trial_of("gan-0"), store)

    monkeypatch.setitem(SUBJECTS, "digits", replace(SUBJECTS["digits"], images=1280))

    assert recipes.the_run(trial_of("gan-0"), store).id != run.id
