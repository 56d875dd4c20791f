"""Models of one store to another: all of them, once, checked, and nothing of the target's own is overwritten."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from core.errors import Conflict, StoreDamaged
from core.registry import PublishKey, Registry
from core.registry.copying import copy_models
from core.store import Store, list_files
from core.store.objects.bucket import BucketClient
from core.store.objects.folder_cache import FolderCache
from core.store.objects.object_store import ObjectStore
from ganymede.schemas.references import ModelRef
from tests.core.conftest import DAMAGES
from tests.fixtures import files_of
from tests.manifests import rewrite_manifest, write_manifest

Publish = Callable[..., int]


def publish(registry: Registry, model: str, step: int) -> int:
    key = PublishKey("run_a", 0, step)

    def fill(folder: Path) -> None:
        write_manifest(folder, key)
        (folder / "weights").write_bytes(f"{model} {step}".encode() * 1000)
        rewrite_manifest(folder, files={n: f.model_dump() for n, f in list_files(folder, "weights").items()})

    return registry.publish(model, key, fill)[0]


@pytest.fixture
def source(store: Store) -> Registry:
    """`digits` with versions 2 and 3, whose first was deleted, and `letters`; an alias that was moved."""
    registry = Registry(store)
    for step in (1, 2, 3):
        publish(registry, "digits", step)
    publish(registry, "letters", 1)
    registry.move_alias("digits", "production", 3)
    registry.move_alias("digits", "production", 2, "sharper")
    registry.delete_version("digits", 1)
    return registry


@pytest.fixture(params=["files", "objects"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    local = Store(tmp_path / "target")
    if request.param == "files":
        return Registry(local)
    cache = FolderCache(tmp_path / "cache", 1 << 20, local.scratch)
    return Registry(ObjectStore(BucketClient(MemoryStore(), "memory"), cache, local.scratch))


def test_all_models_are_there_afterwards_with_their_numbers_aliases_and_history(
    source: Registry, target: Registry
) -> None:
    copied = list(copy_models(source, target))

    assert [(each.model, each.version, each.is_new) for each in copied] == [
        ("digits", 2, True),
        ("digits", 3, True),
        ("letters", 1, True),
    ]
    assert target.versions("digits") == [2, 3]
    assert target.resolve(ModelRef("digits")) == 2
    assert target.pointers("digits").history == source.pointers("digits").history
    assert (target.folder("digits", 3) / "weights").read_bytes() == b"digits 3" * 1000
    assert publish(target, "digits", 4) == 4
    assert publish(target, "digits", 2) == 2  # known by its key


def test_a_copy_that_was_stopped_goes_on_and_a_later_one_brings_what_is_new(source: Registry, target: Registry) -> None:
    list(islice(copy_models(source, target), 1))
    resumed = [each.is_new for each in copy_models(source, target)]
    publish(source, "letters", 2)
    source.move_alias("digits", "production", 3)

    later = [each.is_new for each in copy_models(source, target)]

    assert (resumed, later) == ([False, True, True], [False, False, False, True])
    assert (target.resolve(ModelRef("digits")), target.resolve(ModelRef("letters"))) == (3, 2)


def test_what_the_target_has_of_its_own_is_not_overwritten(source: Registry, target: Registry) -> None:
    publish(target, "letters", 7)

    with pytest.raises(Conflict, match="a model 'letters' of its own"):
        list(copy_models(source, target))

    assert [target.manifest("letters", version).step for version in target.versions("letters")] == [7]


def test_aliases_that_were_moved_at_the_target_stay(source: Registry, target: Registry) -> None:
    list(copy_models(source, target))
    target.move_alias("digits", "production", 3)

    with pytest.raises(Conflict, match="moved there"):
        list(copy_models(source, target))

    assert target.resolve(ModelRef("digits")) == 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_version_is_named_and_not_copied(source: Registry, target: Registry, damage: str) -> None:
    DAMAGES[damage](files_of(source).path("models/digits/3/weights"))

    with pytest.raises(StoreDamaged, match="digits/3/weights"):
        list(copy_models(source, target))

    assert target.store.names("models/digits") == ["2"]
