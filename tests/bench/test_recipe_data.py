"""What recipes are measured on, and which runs there are."""

from pathlib import Path

import numpy as np
import pytest

from bench import avatars
from bench.recipe_data import SUBJECTS
from bench.trials import ROWS, trials
from core.datasets.manifest import DatasetManifest
from core.store import Store
from ganymede.schemas.specs import TrainConfig
from models.recipes import RECIPES
from models.resolution import situation


@pytest.fixture
def few(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetManifest:
    """The manifest of the few avatars, of which black ones lie where those lie that were drawn once."""
    monkeypatch.chdir(tmp_path)
    avatars.KEPT.mkdir(parents=True)
    black_NHWC = np.zeros((8 * avatars.FEW_PER_CLASS, 64, 64, 3), np.uint8)
    np.save(avatars.KEPT / f"0-{avatars.FEW_PER_CLASS}-{avatars.revision()}.npy", black_NHWC)
    return SUBJECTS["avatars-few"].put(store)


def test_every_recipe_has_a_run_on_each_dataset_and_those_of_digits_that_are_compared_have_three() -> None:
    counts = {(subject, row): 0 for subject in SUBJECTS for row in ROWS}
    for trial in trials():
        counts[trial.subject.name, trial.row] += 1

    compared = {"dcgan": 3, "vae": 3, "vae-unconditional": 3, "r3gan": 2}
    assert {row: counts["digits", row] for row in ROWS} == {**dict.fromkeys(set(RECIPES) - {"ssgan"}, 1), **compared}
    assert {counts[subject, row] for subject in ("avatars", "avatars-few") for row in ROWS} == {1}


def test_every_run_has_a_name_of_its_own_and_those_of_digits_are_a_row_and_a_seed() -> None:
    names = [trial.name for trial in trials()]

    assert len(set(names)) == len(names)
    assert {"cgan-0", "dcgan-2", "avatars-cgan-0", "avatars-few-cgan-0"} <= set(names)


def test_the_few_avatars_are_a_dataset_of_their_own(few: DatasetManifest) -> None:
    assert (few.name, few.licence) == ("avatars-few", "CC0-1.0")
    assert few.class_counts == [SUBJECTS["avatars-few"].per_class] * len(avatars.STYLES)


def test_what_the_rule_for_recipes_looks_at_is_what_it_finds_in_the_store(store: Store, few: DatasetManifest) -> None:
    for name, manifest in {"digits": SUBJECTS["digits"].put(store), "avatars-few": few}.items():
        assert SUBJECTS[name].situation == situation(TrainConfig(), manifest, on_gpu=False)
