"""The model registry: versions that are never reused, aliases, the publish key. Knows no weights and no networks.

Every change goes through the model's pointers, which the store swaps in one step: a version goes by being named there
as doomed, and its folder is removed after that. Who only reads needs no lock, as a folder appears whole.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import AliasNotFound, Conflict, ModelNotFound, StoreDamaged, VersionInUse
from core.keys import ANYONE, Asker
from core.registry.cache import CachedModel, RegistryCache, pointers_key
from core.registry.manifest import MANIFEST_FILE, PublishKey, VersionManifest
from core.registry.pointers import Pointers
from core.store import Repository, Stamp
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.references import LATEST, PRODUCTION, ModelRef

Fill = Callable[[Path], None]
Kind = tuple[str, str] | None  # task and medium
Check = Callable[[int | None], None]  # given where an alias points (None: nowhere); raises to leave it there

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class Registry:
    """Models of one store: `models/<name>/<version>/` and `models/<name>/aliases.json`."""

    def __init__(self, store: Repository) -> None:
        self.store, self._cache = store, RegistryCache(store)

    def names(self, after: str = "") -> Iterator[str]:
        """Yield the models sorted by name, from behind `after`."""
        names = (name for name in self.store.names("models") if name > after)
        return (name for name in names if self.cached(name).newest is not None)

    def versions(self, name: str) -> list[int]:
        """Return version numbers of a model, oldest first; empty if there is no such model."""
        doomed: list[int] = []
        with contextlib.suppress(StoreDamaged):
            doomed = self.pointers(name).doomed
        return self._present(name, doomed)

    def folder(self, name: str, version: int) -> Path:
        """Return where the files of a version can be read; FileNotFoundError, now or when they are read, without it."""
        return self.store.folder(_key(name, version))

    def manifest(self, name: str, version: int) -> VersionManifest:
        """Return the manifest of a version; ModelNotFound if there is none, StoreDamaged if it cannot be used."""
        try:
            return self.store.read_record(f"{_key(name, version)}/{MANIFEST_FILE}", VersionManifest)
        except FileNotFoundError:
            if not self.store.has(_key(name, version)):
                raise ModelNotFound(f"model {name!r} has no version {version}") from None
            raise StoreDamaged(f"version {version} of model {name!r} has no manifest.json") from None

    def pointers(self, name: str) -> Pointers:
        """Read aliases.json; StoreDamaged if it is unusable."""
        return self.store.pointer(pointers_key(name), Pointers)

    def made_by(self, name: str) -> KeyRef | None:
        """Return the key that made a model; None if none did, or there is no such model."""
        return self.pointers(name).made_by

    def cached(self, name: str) -> CachedModel:
        """Return newest version and aliases of a model, at a cost that no number of versions raises."""
        return self._cache.get(name, self._read_model)

    def stamp(self, name: str) -> Stamp:
        """Return what changes with every change of a model, once settled (core/registry/cache.py)."""
        return self._cache.stamp(name)

    def stamps(self, names: Iterable[str]) -> dict[str, Stamp]:
        """Look anew, and return the stamp of each model."""
        self.store.refresh()
        return {name: self.stamp(name) for name in names}

    def revision(self, name: str) -> int:
        """Look anew, and return how often the pointers of a model were changed; 0 if there is no such model."""
        self.store.refresh()
        return self.store.revision(pointers_key(name))

    def resolve(self, ref: ModelRef) -> int:
        """Return the version a reference means now; ModelNotFound names what is missing and what there is."""
        if ref.version is not None:
            if not self.store.has(_key(ref.name, ref.version)):
                self._must_have(ref.name, ref.version)
            return ref.version
        model = self.cached(ref.name)
        if model.newest is None:
            raise ModelNotFound(f"there is no model {ref.name!r}")
        if model.problem is not None:
            raise StoreDamaged(str(model.problem))
        if ref.alias is not None:
            if ref.alias not in model.aliases:
                known = ", ".join(sorted(model.aliases)) or "none"
                raise ModelNotFound(f"model {ref.name!r} has no alias {ref.alias!r} (aliases: {known})")
            return model.aliases[ref.alias]
        return model.aliases.get(PRODUCTION) or model.aliases.get(LATEST) or model.newest

    def publish(
        self, name: str, key: PublishKey, fill: Fill, *, by_hand: bool = False, asker: Asker = ANYONE, kind: Kind = None
    ) -> tuple[int, bool]:
        """Publish a new version of `name`, and point `latest` to it.

        Returns the version, and False if `key` had been published before; then nothing changes, but the pointer where a
        kill left it behind. A version published by hand is never pruned; deleted, it gets a new number. ScopeMissing:
        another key than `asker`'s made the model. Conflict: its newest version is of another `kind`.
        """
        published: tuple[int, bool] = (0, False)

        def edit(pointers: Pointers) -> bool:
            nonlocal published
            known, versions = pointers.published.get(str(key)), self._present(name, pointers.doomed)
            asker.check(f"model {name!r}", pointers.made_by)
            self._check_kind(name, versions, kind)
            if not versions:
                pointers.made_by = asker.key
            if known is not None and (known in versions or not by_hand):
                published = known, False
                is_news = by_hand and known not in pointers.kept
                pointers.kept += [known] * is_news
                return is_news
            version = self._put(name, key, pointers, fill)
            published = version, True
            pointers.published[str(key)] = version
            pointers.next_version = max(pointers.next_version, version + 1)
            pointers.kept += [version] * by_hand
            if version > pointers.aliases.get(LATEST, 0):
                pointers.point(LATEST, version, reason=f"published {key}")
            return True

        self._change(name, edit)
        return published

    def prune(self, name: str, run: str, keep: int) -> list[int]:
        """Delete all but the `keep` newest versions that `run` published; versions with an alias or by hand stay."""
        gone: list[int] = []

        def edit(pointers: Pointers) -> bool:
            nonlocal gone
            of_run = {version for key, version in pointers.published.items() if key.startswith(f"{run}/")}
            present = [each for each in self._present(name, pointers.doomed) if each in of_run - set(pointers.kept)]
            aliased = set(pointers.aliases.values())
            gone = [version for version in present[: max(0, len(present) - keep)] if version not in aliased]
            pointers.doomed += gone
            return bool(gone)

        self._change(name, edit)
        return gone

    def delete_version(self, name: str, version: int) -> None:
        """Remove a version; VersionInUse while an alias points to it. Its number is never reused."""
        self._must_have(name, version)

        def edit(pointers: Pointers) -> bool:
            self._must_have(name, version, pointers)
            if users := sorted(alias for alias, meant in pointers.aliases.items() if meant == version):
                raise VersionInUse(f"version {version} of model {name!r} is what {', '.join(users)} points to")
            pointers.doomed.append(version)
            pointers.next_version = max(pointers.next_version, version + 1)
            pointers.kept = [kept for kept in pointers.kept if kept != version]
            return True

        self._change(name, edit)

    def delete(self, name: str) -> None:
        """Remove every version and alias of a model; aliases.json stays, so that no number is reused."""
        self._must_have(name)

        def edit(pointers: Pointers) -> bool:
            versions = self._present(name, pointers.doomed)
            pointers.next_version = max([pointers.next_version - 1, *versions]) + 1
            for alias in list(pointers.aliases):
                pointers.point(alias, None, reason="the model was deleted")
            pointers.kept, pointers.made_by = [], None
            pointers.doomed += versions
            return True

        self._change(name, edit)

    def move_alias(
        self, name: str, alias: str, version: int, reason: str | None = None, check: Check = lambda _: None
    ) -> tuple[int | None, Pointers]:
        """Point `alias` to `version`, unless `check` refuses; return its former target, and the pointers."""
        _refuse_latest(alias)
        self._must_have(name, version)
        before: int | None = None

        def edit(pointers: Pointers) -> bool:
            nonlocal before
            self._must_have(name, version, pointers)
            before = pointers.aliases.get(alias)
            check(before)
            if before != version:
                pointers.point(alias, version, reason)
            return before != version

        pointers = self._change(name, edit)
        return before, pointers

    def remove_alias(self, name: str, alias: str, check: Check = lambda _: None) -> Pointers:
        """Remove `alias`, unless `check` refuses; return the pointers."""
        _refuse_latest(alias)
        self._must_have(name)

        def edit(pointers: Pointers) -> bool:
            if alias not in pointers.aliases:
                raise AliasNotFound(f"model {name!r} has no alias {alias!r}")
            check(pointers.aliases[alias])
            pointers.point(alias, None, reason=None)
            return True

        return self._change(name, edit)

    def _read_model(self, name: str) -> CachedModel:
        pointers, problem = Pointers.none(), None
        try:
            pointers = self.pointers(name)
        except StoreDamaged as error:
            problem = error
        versions = self._present(name, pointers.doomed)
        newest, manifest = max(versions, default=None), self._newest_manifest(name, versions)
        made = (manifest.task, manifest.medium) if manifest else (None, None)
        return CachedModel(newest, pointers.aliases, pointers.made_by, problem, *made)

    def _present(self, name: str, doomed: Sequence[int]) -> list[int]:
        found = (int(each) for each in self.store.names(f"models/{name}") if _VERSION.fullmatch(each))
        return sorted(version for version in found if version not in doomed)

    def _change(self, name: str, edit: Callable[[Pointers], bool]) -> Pointers:
        """Let `edit` change the pointers, then remove the folders of what they say is gone."""
        pointers = self.store.change(pointers_key(name), Pointers, edit)
        for version in pointers.doomed:
            self.store.delete(_key(name, version))
        return pointers

    def _put(self, name: str, key: PublishKey, pointers: Pointers, fill: Fill) -> int:
        """Put a version under the next number that is free, or find the one that a killed process put for `key`."""
        there = self._present(name, ())
        pointers.doomed = [version for version in pointers.doomed if version in there]
        while (version := self._orphan(name, key, pointers)) is None:
            number = max([pointers.next_version - 1, *self._present(name, ()), *pointers.doomed]) + 1
            if self.store.put(_key(name, number), fill):
                return number
            pointers.next_version = number + 1  # another was faster, or something else has that name
        return version

    def _check_kind(self, name: str, versions: Sequence[int], kind: Kind) -> None:
        found = self._newest_manifest(name, versions) if kind else None
        if found is None or kind is None:
            return
        for asked, has, word in ((kind[0], found.task, "for"), (kind[1], found.medium, "of")):
            if asked != has:
                detail = f"has versions {word} {has}, and this one is {word} {asked}: choose another name"
                raise Conflict(f"model {name!r} {detail}")

    def _newest_manifest(self, name: str, versions: Sequence[int]) -> VersionManifest | None:
        """Return that of the newest of `versions`; None if there is none, or it cannot be read."""
        if versions:
            with contextlib.suppress(StoreDamaged, ModelNotFound):
                return self.manifest(name, versions[-1])
        return None

    def _must_have(self, name: str, version: int | None = None, pointers: Pointers | None = None) -> list[int]:
        """Return the versions of a model; ModelNotFound if there are none, or `version` is not among them."""
        versions = self._present(name, pointers.doomed) if pointers else self.versions(name)
        if not versions:
            raise ModelNotFound(f"there is no model {name!r}")
        if version is not None and version not in versions:
            raise ModelNotFound(f"model {name!r} has no version {version} (newest: {versions[-1]})")
        return versions

    def _orphan(self, name: str, key: PublishKey, pointers: Pointers) -> int | None:
        """Find a version whose folder appeared before a crash; its number says nothing, so its manifest decides."""
        known = set(pointers.published.values())
        for version in self._present(name, pointers.doomed):
            if version not in known:
                with contextlib.suppress(StoreDamaged):
                    if replace(self.manifest(name, version).key, again=key.again) == key:
                        return version
        return None


def _key(name: str, version: int) -> str:
    return f"models/{name}/{version}"


def _refuse_latest(alias: str) -> None:
    if alias == LATEST:
        raise Conflict(f"{LATEST!r} follows every publish and cannot be moved or removed; promote with {PRODUCTION!r}")
