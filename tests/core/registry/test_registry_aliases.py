"""Aliases that people move, and versions and models that they delete: who may, what stays, what is never used again."""

import json
import time
from collections.abc import Callable

import pytest

from core.errors import AliasNotFound, Conflict, ModelNotFound, PreconditionFailed, VersionInUse
from core.registry import HISTORY_KEPT, PublishKey, Registry
from core.store import Store
from ganymede.schemas.references import ModelRef
from tests.core.conftest import Start
from tests.fixtures import files_of
from tests.manifests import write_manifest

Publish = Callable[..., int]


@pytest.fixture
def publish(registry: Registry) -> Publish:
    """Publishes step `step` of run `run` as a version of `digits`."""

    def one(step: int, run: str = "run_a", *, by_hand: bool = False) -> int:
        key = PublishKey(run, 0, step)
        return registry.publish("digits", key, lambda folder: write_manifest(folder, key), by_hand=by_hand)[0]

    return one


def moves(registry: Registry, alias: str) -> list[tuple[int | None, int | None, str | None]]:
    history = registry.pointers("digits").history
    return [(move.before, move.to, move.reason) for move in history if move.alias == alias]


def test_an_alias_is_made_moved_back_and_removed_and_its_history_says_so(registry: Registry, publish: Publish) -> None:
    for step in (1, 2, 3):
        publish(step)

    before = [registry.move_alias("digits", "production", version, f"to {version}")[0] for version in (3, 2)]
    meant = registry.resolve(ModelRef("digits"))
    registry.remove_alias("digits", "production")

    assert (before, meant, registry.resolve(ModelRef("digits"))) == ([None, 3], 2, 3)
    assert moves(registry, "production") == [(None, 3, "to 3"), (3, 2, "to 2"), (2, None, None)]


def test_pointing_an_alias_where_it_points_changes_nothing(registry: Registry, publish: Publish) -> None:
    publish(1)
    registry.move_alias("digits", "production", 1, "first")
    before = registry.pointers("digits")

    assert registry.move_alias("digits", "production", 1, "again") == (1, before)
    assert registry.pointers("digits") == before


def test_latest_follows_publishes_alone(registry: Registry, publish: Publish) -> None:
    publish(1)
    publish(2)

    with pytest.raises(Conflict, match="'latest' follows every publish"):
        registry.move_alias("digits", "latest", 1)
    with pytest.raises(Conflict, match="'latest' follows every publish"):
        registry.remove_alias("digits", "latest")

    assert registry.pointers("digits").aliases == {"latest": 2}


def test_what_is_not_there_is_named_and_leaves_no_trace(registry: Registry, publish: Publish) -> None:
    publish(1)

    with pytest.raises(ModelNotFound, match=r"no version 7 \(newest: 1\)"):
        registry.move_alias("digits", "production", 7)
    with pytest.raises(ModelNotFound, match="no model 'nobody'"):
        registry.move_alias("nobody", "production", 1)
    with pytest.raises(AliasNotFound, match="no alias 'production'"):
        registry.remove_alias("digits", "production")
    with pytest.raises(ModelNotFound, match="no version 7"):
        registry.delete_version("digits", 7)
    with pytest.raises(ModelNotFound, match="no model 'nobody'"):
        registry.delete("nobody")

    assert not files_of(registry).has("models/nobody")


def test_a_refused_move_changes_nothing(registry: Registry, publish: Publish) -> None:
    publish(1)
    seen: list[int | None] = []

    def refuse(now: int | None) -> None:
        seen.append(now)
        raise PreconditionFailed("no")

    with pytest.raises(PreconditionFailed):
        registry.move_alias("digits", "production", 1, check=refuse)
    registry.move_alias("digits", "production", 1)
    with pytest.raises(PreconditionFailed):
        registry.remove_alias("digits", "production", refuse)

    assert seen == [None, 1]
    assert registry.pointers("digits").aliases == {"latest": 1, "production": 1}


def test_publishes_push_no_promotion_out_of_the_history(registry: Registry, publish: Publish) -> None:
    publish(1)
    registry.move_alias("digits", "production", 1, "kept")
    body = registry.pointers("digits")
    body.history += body.history[:1] * (2 * HISTORY_KEPT)
    files_of(registry).swap("models/digits/aliases.json", body.model_dump(by_alias=True))

    publish(2)

    assert moves(registry, "production") == [(None, 1, "kept")]
    assert len(registry.pointers("digits").history) == HISTORY_KEPT + 1


def test_a_version_goes_unless_an_alias_points_to_it_and_its_number_stays_taken(
    registry: Registry, publish: Publish
) -> None:
    for step in (1, 2, 3):
        publish(step)
    registry.move_alias("digits", "production", 1)
    registry.move_alias("digits", "best", 1)

    with pytest.raises(VersionInUse, match=r"version 1 .* best, production points to"):
        registry.delete_version("digits", 1)
    with pytest.raises(VersionInUse, match=r"version 3 .* latest points to"):
        registry.delete_version("digits", 3)
    registry.delete_version("digits", 2)

    assert registry.versions("digits") == [1, 3]
    assert publish(2) == 2  # a run that repeats its publish does not bring it back
    assert registry.versions("digits") == [1, 3]
    assert publish(2, by_hand=True) == 4  # somebody who asks for it does
    assert publish(2) == publish(2, by_hand=True) == 4


def test_a_deleted_model_is_gone_and_none_of_its_numbers_comes_back(registry: Registry, publish: Publish) -> None:
    publish(1)
    publish(2)
    registry.move_alias("digits", "production", 1)

    registry.delete("digits")

    assert (list(registry.names()), registry.versions("digits")) == ([], [])
    assert publish(3) == 3
    assert registry.pointers("digits").aliases == {"latest": 3}


def test_versions_published_by_hand_are_neither_pruned_nor_counted(registry: Registry, publish: Publish) -> None:
    publish(1, by_hand=True)
    for step in range(2, 7):
        publish(step)
    publish(3, by_hand=True)  # published before, by the run

    doomed = registry.prune("digits", "run_a", keep=2)

    assert doomed == [2, 4]
    assert registry.versions("digits") == [1, 3, 5, 6]
    registry.delete_version("digits", 3)
    assert registry.pointers("digits").kept == [1]


def test_a_store_of_a_build_that_knew_no_kept_versions_is_read(registry: Registry, publish: Publish) -> None:
    publish(1)
    path = files_of(registry).path("models/digits/aliases.json")
    body = json.loads(path.read_text())
    del body["kept"]
    path.write_text(json.dumps(body))

    assert publish(2) == 2
    assert registry.prune("digits", "run_a", keep=1) == [1]


MOVE_AND_MOVE = """
import pathlib, sys
from core.registry import Registry
from core.store import Store

registry = Registry(Store(pathlib.Path(sys.argv[1])))
print('ready', flush=True)
while True:
    for version in (1, 2):
        registry.move_alias('digits', 'production', version)
"""


def test_killed_at_any_moment_an_alias_points_to_one_of_the_two(
    store: Store, registry: Registry, publish: Publish, start: Start
) -> None:
    publish(1)
    publish(2)
    for pause_s in (0.0, 0.01, 0.03):
        child = start(MOVE_AND_MOVE, store.root)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(pause_s)
        child.kill()
        child.wait()

        assert registry.pointers("digits").aliases.get("production", 1) in (1, 2)
        registry.move_alias("digits", "production", 1)
        assert registry.resolve(ModelRef("digits")) == 1
