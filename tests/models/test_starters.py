"""The models that come with the package: each gets into a store that never had one of its name, and into no other."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

import models
from core.registry import PublishKey, Registry
from core.settings import Settings
from ganymede.schemas.references import PRODUCTION, ModelRef
from models.publish import publish_folder
from models.starters import AVATARS, DIGITS, install_starters
from models.weights import is_finite, load_generator
from models.writing import Lineage, write_generator
from tests.fixtures import files_of

PACKAGED = sorted(path.parent.name for path in (Path(models.__file__).parent / "starter").glob("*/manifest.json"))
LARGEST = 8_000_000  # bytes of weights


@pytest.fixture
def starters(tmp_path: Path, generator: nn.Module, lineage: Lineage) -> Path:
    """A folder with two starters, and with what is none."""
    for number, name in enumerate((DIGITS, AVATARS)):
        (tmp_path / "starter" / name).mkdir(parents=True)
        write_generator(tmp_path / "starter" / name, generator, replace(lineage, step=number))
    (tmp_path / "starter" / "unfinished").mkdir()
    return tmp_path / "starter"


@pytest.fixture
def of_a_user(tmp_path: Path, generator: nn.Module, lineage: Lineage) -> Path:
    """What a run of somebody has published or is about to."""
    (tmp_path / "generator").mkdir()
    write_generator(tmp_path / "generator", generator, replace(lineage, run="run_ffffffffffffffffffff"))
    return tmp_path / "generator"


def content(registry: Registry, name: str) -> dict[str, bytes]:
    folder = files_of(registry).path(f"models/{name}")
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", PACKAGED)
def test_what_comes_with_the_package_is_published_once_and_can_be_drawn(registry: Registry, name: str) -> None:
    install_starters(registry)
    install_starters(registry)

    weights = registry.folder(name, 1) / "generator.safetensors"
    loaded, _ = load_generator(weights)
    assert registry.versions(name) == [1]
    assert is_finite(loaded)
    assert weights.stat().st_size <= LARGEST


def test_the_model_that_is_drawn_from_unasked_comes_with_the_package() -> None:
    assert Settings.model_fields["default_model"].default == DIGITS
    assert DIGITS in PACKAGED


def test_every_starter_is_installed_and_nothing_else(registry: Registry, starters: Path) -> None:
    install_starters(registry, starters)

    assert list(registry.names()) == [AVATARS, DIGITS]
    assert [registry.resolve(ModelRef(name)) for name in (AVATARS, DIGITS)] == [1, 1]


def test_a_store_of_a_build_with_fewer_starters_gets_those_that_it_lacks(registry: Registry, starters: Path) -> None:
    shutil.copytree(starters / DIGITS, starters.parent / "older" / DIGITS)
    install_starters(registry, starters.parent / "older")
    before = content(registry, DIGITS)

    install_starters(registry, starters)

    assert content(registry, DIGITS) == before
    assert registry.versions(AVATARS) == [1]


def test_a_starter_of_an_older_build_stays_with_what_was_made_of_it(
    registry: Registry, starters: Path, of_a_user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = starters.parent / "older"
    shutil.copytree(starters / DIGITS, older / DIGITS)
    manifest = json.loads((older / DIGITS / "manifest.json").read_text())
    (older / DIGITS / "manifest.json").write_text(json.dumps({**manifest, "run": "run_00000000000000000000"}))
    install_starters(registry, older)
    publish_folder(registry, DIGITS, of_a_user)
    registry.move_alias(DIGITS, PRODUCTION, 1)
    before = content(registry, DIGITS)

    with caplog.at_level(logging.INFO, "models.starters"):
        install_starters(registry, starters)

    assert content(registry, DIGITS) == before
    assert registry.resolve(ModelRef(DIGITS)) == 1
    assert "the store has a model 'digits' of its own" in caplog.text


def test_a_model_of_a_user_by_that_name_is_never_touched_and_the_log_says_so(
    registry: Registry, starters: Path, of_a_user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish_folder(registry, AVATARS, of_a_user)
    before = content(registry, AVATARS)

    with caplog.at_level(logging.INFO, "models.starters"):
        install_starters(registry, starters)

    assert content(registry, AVATARS) == before
    assert "the store has a model 'avatars' of its own: it stays" in caplog.text
    assert registry.versions(DIGITS) == [1]


def test_a_users_model_that_was_deleted_is_not_followed_by_a_starter(
    registry: Registry, starters: Path, of_a_user: Path
) -> None:
    publish_folder(registry, AVATARS, of_a_user)
    registry.delete(AVATARS)

    install_starters(registry, starters)

    assert registry.versions(AVATARS) == []


def test_a_version_that_a_users_run_was_killed_with_stays_that_runs(
    registry: Registry, starters: Path, of_a_user: Path
) -> None:
    shutil.copytree(of_a_user, registry.folder(AVATARS, 1))  # aliases.json was to be written next

    install_starters(registry, starters)
    published = publish_folder(registry, AVATARS, of_a_user)

    assert published == (1, True)
    assert registry.versions(AVATARS) == [1]


@pytest.mark.parametrize("damage", ["aliases.json", "1/manifest.json"])
def test_a_damaged_model_by_that_name_is_left_alone_and_keeps_no_other_from_being_installed(
    registry: Registry, starters: Path, of_a_user: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    shutil.copytree(of_a_user, registry.folder(AVATARS, 1))
    files_of(registry).path(f"models/{AVATARS}/{damage}").write_text("{")
    before = content(registry, AVATARS)

    install_starters(registry, starters)

    assert content(registry, AVATARS) == before
    assert "the starter 'avatars' is not installed" in caplog.text
    assert registry.versions(DIGITS) == [1]


@pytest.mark.parametrize("done", ["the lock", "the version"])
def test_a_start_killed_while_it_published_a_starter_is_made_good_by_the_next(
    registry: Registry, starters: Path, done: str
) -> None:
    with files_of(registry).locked(f"models/{AVATARS}/.lock"):
        if done == "the version":
            shutil.copytree(starters / AVATARS, registry.folder(AVATARS, 1))

    install_starters(registry, starters)

    assert (registry.versions(AVATARS), registry.resolve(ModelRef(AVATARS))) == ([1], 1)
    assert str(PublishKey("run_0192f1c7a4e1b2c3d4e5", 1, 1)) in registry.pointers(AVATARS).published


@pytest.mark.parametrize("name", [DIGITS, AVATARS])
def test_a_starter_that_was_deleted_stays_deleted(registry: Registry, starters: Path, name: str) -> None:
    install_starters(registry, starters)
    registry.delete(name)

    install_starters(registry, starters)

    assert registry.versions(name) == []


def test_a_starter_whose_first_version_was_deleted_stays_with_the_others(
    registry: Registry, starters: Path, of_a_user: Path
) -> None:
    install_starters(registry, starters)
    publish_folder(registry, DIGITS, of_a_user)
    registry.delete_version(DIGITS, 1)

    install_starters(registry, starters)

    assert registry.versions(DIGITS) == [2]
