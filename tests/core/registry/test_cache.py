"""What a model's name means is read once while nothing changes, and anew after every change."""

import os
from collections.abc import Callable

import pytest

from core.errors import StoreDamaged
from core.registry import PublishKey, Registry, cache
from core.store import Store
from ganymede.schemas.references import ModelRef
from tests.fixtures import files_of

Act = Callable[[Registry], object]


@pytest.fixture
def registry(store: Store) -> Registry:
    """A model `digits` with versions 1 and 2, and no clock to wait for."""
    made = Registry(store)
    for step in (1, 2):
        made.publish("digits", PublishKey("run_a", 0, step), lambda folder: None)
    _age(made)
    return made


def _age(registry: Registry) -> None:
    """As if nothing had changed for an hour."""
    for path in (files_of(registry).path("models/digits"), files_of(registry).path("models/digits/aliases.json")):
        long_ago = path.stat().st_mtime - 3600
        os.utime(path, (long_ago, long_ago))


def test_nothing_is_read_again_while_nothing_changes(registry: Registry, store_reads: list[str]) -> None:
    store_reads.clear()

    meant = [registry.resolve(ModelRef("digits")) for _ in range(5)]

    assert (meant, len(store_reads)) == ([2] * 5, 1)


def test_a_change_within_the_grain_of_the_clock_is_seen(registry: Registry, store_reads: list[str]) -> None:
    registry.publish("digits", PublishKey("run_a", 0, 3), lambda folder: None)
    store_reads.clear()

    meant = [registry.resolve(ModelRef("digits")) for _ in range(3)]

    assert (meant, len(store_reads)) == ([3] * 3, 3)  # so young a folder may change again without its time changing


def _write_in_place(registry: Registry) -> None:
    files_of(registry).path("models/digits/aliases.json").write_text("{")


@pytest.mark.parametrize(
    ("act", "newest", "aliases"),
    [
        (lambda r: r.publish("digits", PublishKey("run_a", 0, 3), lambda folder: None), 3, {"latest": 3}),
        (lambda r: r.move_alias("digits", "production", 1), 2, {"latest": 2, "production": 1}),
        (lambda r: r.delete_version("digits", 1), 2, {"latest": 2}),
        (lambda r: r.delete("digits"), None, {}),
        (lambda r: files_of(r).delete("models/digits"), None, {}),
        (_write_in_place, 2, {}),
    ],
)
def test_every_change_is_seen_at_once(
    registry: Registry, act: Act, newest: int | None, aliases: dict[str, int]
) -> None:
    before = registry.cached("digits")

    act(Registry(registry.store))  # another process
    after = registry.cached("digits")

    assert (before.newest, before.aliases) == (2, {"latest": 2})
    assert (after.newest, after.aliases) == (newest, aliases)


def test_damage_is_told_and_not_remembered(registry: Registry) -> None:
    path = files_of(registry).path("models/digits/aliases.json")
    whole = path.read_text()
    path.write_text("{" * len(whole))
    _age(registry)
    with pytest.raises(StoreDamaged, match="aliases"):
        registry.resolve(ModelRef("digits"))
    stamp = path.stat()

    path.write_text(whole)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert registry.resolve(ModelRef("digits")) == 2


def test_a_stamp_is_settled_once_the_clock_must_have_moved(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    old = registry.stamp("digits")
    os.utime(files_of(registry).path("models/digits"))
    young = registry.stamp("digits")

    settled = [cache.is_settled(stamp) for stamp in (old, young, registry.stamp("nobody"))]

    assert settled == [True, False, False]
