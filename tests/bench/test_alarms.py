"""The bench of alarms: what it trains, what it makes of a run, and when a result holds no longer."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import alarm_table, alarms
from core.datasets import DatasetStore
from core.settings import Settings
from core.store import Store
from models.recipes import RECIPES


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Results are written to a folder of the test."""
    monkeypatch.setattr(alarms, "RESULTS", tmp_path / "results")


@pytest.fixture
def filled(whole: Store, store: Store) -> Store:
    """A store that holds what is learnt from."""
    shutil.copytree(whole.root / "datasets", store.root / "datasets", dirs_exist_ok=True)
    return store


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    alarms.add_datasets(DatasetStore(store))
    return store


WELL = {"g_loss": 0.8, "d_loss": 1.3, "g_gradient": 1.0, "d_gradient": 2.0}


def reports(**scores: float) -> list[dict[str, Any]]:
    """A run of 1,500 steps that is well but for these scores, evaluated ten times."""
    points = [{"branch": 0, "step": step, "attempt": 1, **WELL} for step in range(15, 1501, 15)]
    return [{**point, **scores, "fd": 10.0, "kid": 0.1} if point["step"] % 150 == 0 else point for point in points]


def test_every_recipe_has_three_runs_of_1500_steps_at_16_px_and_nothing_is_done_about_a_verdict(filled: Store) -> None:
    for name in set(RECIPES) - {"ssgan"}:
        assert [f"{name}-{seed}" in alarms.RUNS for seed in (0, 1, 2)] == [True] * 3
        spec = alarms.the_run(f"{name}-1", filled).spec()
        resolved = spec.resolved
        assert (resolved.steps, resolved.seed, resolved.network.image_size) == (1500, 1, 16)
        assert spec.request["stop"]["action"] == "alert"


def test_a_handful_of_digits_and_shuffled_labels_are_of_the_same_digits(filled: Store) -> None:
    whole, shuffled, few = map(DatasetStore(filled).get, (alarms.DIGITS, alarms.SHUFFLED, alarms.FEW))

    assert (len(whole.images()), len(few.images())) == (10_000, alarms.FEW_PICTURES)
    assert np.array_equal(whole.images(), shuffled.images())
    whole_N, shuffled_N = whole.labels(), shuffled.labels()
    assert whole_N is not None
    assert shuffled_N is not None
    assert np.mean(whole_N == shuffled_N) < 0.15


@pytest.mark.parametrize(
    ("row", "scores", "is_right"),
    [
        ("cgan", {"label_accuracy": 0.9}, True),
        ("cgan", {"label_accuracy": 0.1}, False),
        ("shuffled-labels", {"label_accuracy": 0.1}, True),
        ("shuffled-labels", {"label_accuracy": 0.9}, False),
        ("shuffled-labels", {"label_accuracy": 0.1, "diversity": 0.0}, False),
    ],
)
def test_a_run_is_right_if_what_it_was_made_for_is_said_and_nothing_else(
    filled: Store, row: str, scores: dict[str, float], is_right: bool
) -> None:
    run = alarms.the_run(f"{row}-0", filled)
    kids = iter(0.9**i for i in range(1000))  # it gets better all the time
    points = [{**point, "kid": next(kids)} if "kid" in point else point for point in reports(**scores)]
    run.metrics_file.write_text("".join(json.dumps(point) + "\n" for point in points))

    judged = alarms.judged(f"{row}-0", run)

    assert judged["is_right"] is is_right
    assert (judged["reports"], judged["evaluations"]) == (100, 10)


@pytest.mark.parametrize("change", [{"schema": 0}, {"resolved": {}}, {"limits": [1.0]}])
def test_a_result_holds_until_its_form_its_recipe_or_a_threshold_changes(filled: Store, change: dict[str, Any]) -> None:
    run = alarms.the_run("gan-0", filled)
    result = {"schema": alarms.SCHEMA, "resolved": run.spec().resolved.to_json(), "limits": alarms.limits()}
    alarms.RESULTS.mkdir()
    before = alarms.is_measured("gan-0", filled)
    (alarms.RESULTS / "gan-0.json").write_text(json.dumps(result))
    held = alarms.is_measured("gan-0", filled)

    (alarms.RESULTS / "gan-0.json").write_text(json.dumps({**result, **change}))

    assert (before, held, alarms.is_measured("gan-0", filled)) == (False, True, False)


@pytest.mark.slow
def test_a_run_is_trained_on_one_thread_and_judged_and_not_trained_again(
    settings: Settings, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "STEPS", 30)
    alarms.measure("gan-0", settings)

    monkeypatch.setattr(alarms, "train_apart", lambda *_: pytest.fail("trained again"))
    result = alarms.measure("gan-0", settings)

    assert result is not None
    written = json.loads((alarms.RESULTS / "gan-0.json").read_text())
    assert written == json.loads(json.dumps(result))
    assert (result["is_right"], result["alarms"]) == (True, 0)
    execution = alarms.the_run("gan-0", filled).execution()
    assert execution is not None
    assert execution.threads == 1


def test_the_table_has_a_line_a_row_and_counts_false_alarms(tmp_path: Path) -> None:
    silent = {"row": "cgan", "provokes": None, "reports": 100, "resolved": {"steps": 1500}}
    right = {**silent, "is_right": True, "alarms": 0, "verdicts": [[15, "warming_up"], [210, "healthy"]]}
    wrong = {**silent, "is_right": False, "alarms": 9, "verdicts": [[15, "warming_up"], [210, "stalled"]]}
    made = {**right, "row": "few", "provokes": "memorising", "verdicts": [[15, "warming_up"], [300, "memorising"]]}
    for name, result in (("cgan-0", right), ("cgan-1", wrong), ("few-0", made)):
        (tmp_path / f"{name}.json").write_text(json.dumps(result))

    text = alarm_table.section(tmp_path)

    assert "Of 200 reports of 2 runs in which nothing is wrong 9 named a trouble.\n" in text
    assert "| `cgan` | nothing | 2 | 1 | `warming_up`, `healthy`; `warming_up`, `stalled` 210 |" in text
    assert text.endswith("| `few` | `memorising` | 1 | 1 | `warming_up`, `memorising` 300 |")


def test_where_nothing_was_trained_nothing_is_said(tmp_path: Path) -> None:
    assert alarm_table.section(tmp_path) == ""
