"""The model registry: numbers that are never used twice, aliases and their history, the publish key, damage."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ModelNotFound, StoreDamaged
from core.refs import parse_model_ref
from core.registry import HISTORY_KEPT, PublishKey, Registry
from ganymede.schemas.references import ModelRef
from tests.fixtures import files_of
from tests.manifests import write_manifest

Publish = Callable[..., int]


def fill_for(key: PublishKey) -> Callable[[Path], None]:
    return lambda folder: write_manifest(folder, key)


@pytest.fixture
def publish(registry: Registry) -> Publish:
    """Publishes step `step` of run `run` as a version of `digits`."""

    def one(step: int, run: str = "run_a", branch: int = 0) -> int:
        key = PublishKey(run, branch, step)
        return registry.publish("digits", key, fill_for(key))[0]

    return one


def point(registry: Registry, alias: str, version: int) -> None:
    body = registry.pointers("digits")
    body.aliases[alias] = version
    files_of(registry).swap("models/digits/aliases.json", body.model_dump(by_alias=True))


def test_versions_count_up_from_one(registry: Registry, publish: Publish) -> None:
    numbers = [publish(step) for step in (100, 200, 300)]

    assert numbers == [1, 2, 3]
    assert registry.versions("digits") == [1, 2, 3]
    assert list(registry.names()) == ["digits"]


def test_a_repeat_of_a_publish_changes_nothing(registry: Registry, publish: Publish) -> None:
    publish(100)
    before = registry.pointers("digits")

    version, is_new = registry.publish("digits", PublishKey("run_a", 0, 100), lambda folder: pytest.fail("filled"))

    assert (version, is_new) == (1, False)
    assert registry.pointers("digits") == before


def test_another_branch_or_run_is_another_publish(publish: Publish) -> None:
    assert [publish(100), publish(100, branch=1), publish(100, run="run_b")] == [1, 2, 3]


def test_a_version_is_never_used_again_even_after_its_folder_was_deleted(registry: Registry, publish: Publish) -> None:
    publish(100)
    publish(200)
    files_of(registry).delete("models/digits/2")
    files_of(registry).delete("models/digits/1")

    version = publish(300)

    assert version == 3
    assert publish(200) == 2  # published before: a repeat stays a no-op
    assert registry.versions("digits") == [3]


def test_a_version_that_a_lost_pointer_file_forgot_is_not_written_over(registry: Registry, publish: Publish) -> None:
    publish(100)
    publish(200)
    files_of(registry).path("models/digits/aliases.json").unlink()

    assert publish(300) == 3
    assert publish(100) == 1
    assert publish(200) == 2
    assert registry.pointers("digits").aliases == {"latest": 3}


def test_prune_keeps_the_newest_of_the_run_and_what_has_an_alias(registry: Registry, publish: Publish) -> None:
    for step in range(1, 8):
        publish(step)
    publish(1, run="run_ab")
    point(registry, "production", 2)

    doomed = registry.prune("digits", "run_a", keep=3)

    assert doomed == [1, 3, 4]
    assert registry.versions("digits") == [2, 5, 6, 7, 8]
    assert registry.prune("digits", "run_a", keep=3) == []


def test_every_move_of_an_alias_is_in_the_history(registry: Registry, publish: Publish) -> None:
    publish(100)
    publish(200)

    history = registry.pointers("digits").history

    moves = [(entry.alias, entry.before, entry.to, entry.reason) for entry in history]
    assert moves == [
        ("latest", None, 1, "published run_a/0/100"),
        ("latest", 1, 2, "published run_a/0/200"),
    ]
    assert history[0].at <= history[1].at


def test_the_history_keeps_its_newest_entries(registry: Registry, publish: Publish) -> None:
    publish(1)
    body = registry.pointers("digits")
    body.history = body.history * HISTORY_KEPT
    files_of(registry).swap("models/digits/aliases.json", body.model_dump(by_alias=True))

    publish(2)

    history = registry.pointers("digits").history
    assert len(history) == HISTORY_KEPT
    assert history[-1].to == 2


def test_a_name_alone_means_production_if_set_and_else_latest(registry: Registry, publish: Publish) -> None:
    publish(100)
    publish(200)
    publish(300)

    assert registry.resolve(ModelRef("digits")) == 3
    point(registry, "production", 1)
    assert registry.resolve(ModelRef("digits")) == 1
    assert registry.resolve(parse_model_ref("digits:latest")) == 3
    assert registry.resolve(parse_model_ref("digits@2")) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("other", "no model 'other'"),
        ("other@1", "no model 'other'"),
        ("digits@9", "no version 9 .*newest: 1"),
        ("digits:best", "no alias 'best' .*aliases: latest"),
    ],
)
def test_what_is_not_there_is_said_with_what_there_is(
    registry: Registry, publish: Publish, text: str, complaint: str
) -> None:
    publish(100)

    with pytest.raises(ModelNotFound, match=complaint):
        registry.resolve(parse_model_ref(text))


def test_an_alias_of_a_version_that_is_gone_is_not_found(registry: Registry, publish: Publish) -> None:
    publish(100)
    point(registry, "production", 7)

    with pytest.raises(ModelNotFound, match="version 7"):
        registry.manifest("digits", registry.resolve(ModelRef("digits")))


def test_folders_that_are_no_version_numbers_are_not_versions(registry: Registry, publish: Publish) -> None:
    publish(100)
    for name in ("007", "0", "٣", "-1", "1.0", "backup", "9" * 30):
        files_of(registry).path(f"models/digits/{name}").mkdir()

    assert registry.versions("digits") == [1]
    assert publish(200) == 2


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b'{"schema": 1', b"[]", b'{"schema": 2}', b'{"schema": 1}', b'{"schema": 1, "aliases": {}}'),
        b'{"schema": 1, "aliases": [], "published": {}, "history": [], "next_version": 1}',
        b'{"schema": 1, "aliases": {}, "published": {}, "history": [], "next_version": "1"}',
        b'{"schema": 1, "aliases": {"latest": "1"}, "published": {}, "history": [], "next_version": 2}',
    ],
)
def test_a_damaged_pointer_file_is_named_and_stops_publishing(
    registry: Registry, publish: Publish, content: bytes
) -> None:
    publish(100)
    files_of(registry).path("models/digits/aliases.json").write_bytes(content)

    acts: list[Callable[[], int]] = [
        lambda: registry.resolve(ModelRef("digits")),
        lambda: publish(200),
        lambda: publish(100),
    ]
    for act in acts:
        with pytest.raises(StoreDamaged, match=r"digits/aliases\.json"):
            act()

    assert registry.versions("digits") == [1]
    assert registry.resolve(ModelRef("digits", version=1)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 2}', None])
def test_a_damaged_manifest_is_named_with_its_model_and_version(
    registry: Registry, publish: Publish, content: bytes | None
) -> None:
    publish(100)
    path = registry.folder("digits", 1) / "manifest.json"
    path.unlink() if content is None else path.write_bytes(content)

    with pytest.raises(StoreDamaged, match=r"digits/1/manifest\.json|version 1 of model 'digits' has no manifest"):
        registry.manifest("digits", 1)


@pytest.mark.parametrize("content", [b"{", b'{"schema": 1}', None])
def test_a_damaged_folder_that_no_pointer_knows_does_not_stop_publishing(
    registry: Registry, publish: Publish, content: bytes | None
) -> None:
    publish(100)
    files_of(registry).put("models/digits/2", lambda folder: None)
    if content is not None:
        (registry.folder("digits", 2) / "manifest.json").write_bytes(content)

    assert publish(200) == 3
