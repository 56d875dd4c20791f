"""The bench of recipes, with a budget of a few steps: what it trains, what it writes, and that it goes on."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import recipes
from core.settings import Settings
from core.store import Store
from models.recipes import RECIPES


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A budget of ten steps of 64 images, and results that go elsewhere."""
    monkeypatch.setattr(recipes, "BUDGET", 640)
    monkeypatch.setattr(recipes, "JUDGED_IMAGES", 100)
    monkeypatch.setattr(recipes, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(recipes, "GRIDS", tmp_path / "grids")


def written(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((recipes.RESULTS / f"{name}.json").read_text())
    return result


def test_every_recipe_has_a_run_and_those_that_are_compared_have_three() -> None:
    counts = {row: sum(run.rpartition("-")[0] == row for run in recipes.RUNS) for row in recipes.ROWS}

    assert counts == {**dict.fromkeys(RECIPES, 1), "dcgan": 3, "vae": 3, "vae-unconditional": 3, "r3gan": 2}


def test_the_unconditional_vae_learns_no_labels(store: Store) -> None:
    assert recipes.the_run("vae-unconditional-0", store).spec()["resolved"]["conditional"] is False


@pytest.mark.parametrize(
    ("change", "is_measured"), [({}, True), ({"schema": 1}, False), ({"resolved": {"recipe": "gan"}}, False)]
)
def test_a_result_of_an_older_form_or_of_a_recipe_that_changed_is_measured_again(
    store: Store, change: dict[str, Any], is_measured: bool
) -> None:
    assert not recipes.is_measured("gan-0", store)
    resolved = recipes.the_run("gan-0", store).spec()["resolved"]
    recipes.RESULTS.mkdir()
    (recipes.RESULTS / "gan-0.json").write_text(json.dumps({"schema": 2, "resolved": resolved, **change}))

    assert recipes.is_measured("gan-0", store) is is_measured


@pytest.mark.parametrize("name", recipes.RUNS)
def test_every_run_sees_as_many_real_images_and_is_judged_at_as_many_points(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(recipes, "BUDGET", 200_000)
    run = recipes.the_run(name, store)

    resolved = run.spec()["resolved"]

    seen = resolved["steps"] * resolved["batch_size"] * resolved["n_critic"]
    assert 0.995 * 200_000 <= seen <= 200_000
    assert resolved["steps"] // resolved["publish_every"] == recipes.POINTS
    assert resolved["steps"] - recipes.POINTS * resolved["publish_every"] < recipes.POINTS


@pytest.mark.slow
def test_a_run_is_trained_judged_on_its_way_and_written_down_and_not_trained_again(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.measure("gan-0", settings)
    result, run = written("gan-0"), recipes.the_run("gan-0", store)

    monkeypatch.setattr(recipes, "_in_a_process", lambda *_: pytest.fail("trained again"))
    recipes.measure("gan-0", settings)

    assert recipes.the_run("gan-0", store).id == run.id
    assert [point["step"] for point in result["points"]] == [2, 4, 6, 8, 10]
    assert result["points"][-1]["images_seen"] == 640
    assert all(point["frechet_distance"] > point["floor"] for point in result["points"])
    assert result["points"][-1]["kid"] > 0.01
    assert result["points"][-1]["recall"] < 0.2  # noise covers no digits
    assert {point["label_accuracy"] for point in result["points"]} == {None}  # it knows no labels
    assert (recipes.GRIDS / "gan.webp").read_bytes()[8:12] == b"WEBP"


def test_the_last_version_that_is_judged_is_that_of_the_end_not_the_best(store: Store) -> None:
    assert recipes.the_run("gan-0", store).spec()["resolved"]["publish_final"] == "last"


def test_other_numbers_are_another_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recipes.the_run("gan-0", store)

    monkeypatch.setattr(recipes, "BUDGET", 1280)

    assert recipes.the_run("gan-0", store).id != run.id
