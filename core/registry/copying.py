"""The models of one store to another: each version once, checked as it lies there, then what names mean. Knows no file.

Stopped anywhere, a repeat goes on: a version that is there is checked and not sent again, and pointers come last.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import Conflict
from core.registry.cache import pointers_key
from core.registry.pointers import Pointers
from core.registry.registry import Registry
from core.store import check_files


@dataclass(frozen=True, slots=True)
class Copied:
    """A version that is in both stores now. is_new: it was sent; else it was there."""

    model: str
    version: int
    nbytes: int
    is_new: bool


def copy_models(source: Registry, target: Registry) -> Iterator[Copied]:
    """Copy every model with its versions, aliases and history, model by model; yield each version when it was checked.

    Raises:
        StoreDamaged: a version cannot be read, here or there; it is named.
        Conflict: the target has another version under such a number, or its aliases were moved otherwise.
    """
    for name in source.store.names("models"):
        pointers = source.pointers(name)
        _must_be_older(name, target.pointers(name), pointers)
        for version in source.versions(name):
            yield _copy_version(source, target, name, version)
        target.store.change(pointers_key(name), Pointers, _becomes(name, pointers))


def _copy_version(source: Registry, target: Registry, name: str, version: int) -> Copied:
    key, manifest = f"models/{name}/{version}", source.manifest(name, version)
    folder = source.folder(name, version)
    check_files(folder, manifest.files)
    is_new = target.store.put(key, lambda aside: _copy_files(folder, aside))
    found = target.manifest(name, version)
    if found.digest != manifest.digest or found.key != manifest.key:
        raise Conflict(f"the target has another version {version} of model {name!r}")
    check_files(target.store.folder(key, is_fresh=True), manifest.files)
    return Copied(name, version, sum(facts.bytes for facts in manifest.files.values()), is_new)


def _copy_files(folder: Path, target: Path) -> None:
    shutil.copytree(folder, target, dirs_exist_ok=True)


def _becomes(name: str, wanted: Pointers) -> Callable[[Pointers], bool]:
    def edit(pointers: Pointers) -> bool:
        _must_be_older(name, pointers, wanted)
        before = pointers.model_copy()
        for field in Pointers.model_fields.keys() - {"revision", "doomed"}:
            setattr(pointers, field, getattr(wanted, field))
        return pointers != before

    return edit


def _must_be_older(name: str, there: Pointers, wanted: Pointers) -> None:
    """Raise Conflict unless `there` is what `wanted` was once, or nothing."""
    moves = {move.id: move for move in wanted.history}
    oldest = min(moves, default=0)
    strange = [move for move in there.history if move.id >= oldest and moves.get(move.id) != move]
    if strange or not there.published.items() <= wanted.published.items():
        raise Conflict(f"the target has a model {name!r} of its own, or its aliases were moved there")
