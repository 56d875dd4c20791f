"""The model registry: versions that are never reused, aliases, the publish key. Knows no weights and no networks.

Whatever changes aliases.json or removes a version holds the model's lock; who only reads needs none, as the file is
replaced in one step and a folder appears and disappears whole.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from core.errors import AliasNotFound, Conflict, ModelNotFound, StoreDamaged, VersionInUse
from core.keys import ANYONE, Asker
from core.machine.clock import timestamp
from core.registry.cache import CachedModel, RegistryCache, Stamp
from core.registry.manifest import MANIFEST_FILE, PublishKey, VersionManifest
from core.registry.pointers import Move, Pointers
from core.store import Store
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.references import LATEST, PRODUCTION, ModelRef

HISTORY_KEPT = 200  # moves of `latest`, and as many of all other aliases

Fill = Callable[[Path], None]
Check = Callable[[int | None], None]  # given where an alias points (None: nowhere); raises to leave it there

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class Registry:
    """Models of one store: `models/<name>/<version>/` and `models/<name>/aliases.json`."""

    def __init__(self, store: Store) -> None:
        self.store, self._cache = store, RegistryCache(store)

    def names(self, after: str = "") -> Iterator[str]:
        """Yield the models sorted by name, from behind `after`."""
        names = (name for name in self.store.names("models") if name > after)
        return (name for name in names if self.cached(name).newest is not None)

    def versions(self, name: str) -> list[int]:
        """Return version numbers of a model, oldest first; empty if there is no such model."""
        return sorted(int(v) for v in self.store.names(f"models/{name}") if _VERSION.fullmatch(v))

    def folder(self, name: str, version: int) -> Path:
        return self.store.path(f"models/{name}/{version}")

    def manifest(self, name: str, version: int) -> VersionManifest:
        """Return the manifest of a version; ModelNotFound if there is none, StoreDamaged if it cannot be used."""
        try:
            return self.store.read_record(f"models/{name}/{version}/{MANIFEST_FILE}", VersionManifest)
        except FileNotFoundError:
            if not self.folder(name, version).exists():
                raise ModelNotFound(f"model {name!r} has no version {version}") from None
            raise StoreDamaged(f"version {version} of model {name!r} has no manifest.json") from None

    def pointers(self, name: str) -> Pointers:
        """Read aliases.json; StoreDamaged if it is unusable."""
        try:
            return Pointers.model_validate(self.store.read(f"models/{name}/aliases.json"))
        except FileNotFoundError:
            return Pointers.none()
        except ValidationError as error:
            fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
            raise StoreDamaged(f"models/{name}/aliases.json cannot be used: {fields}") from None

    def made_by(self, name: str) -> KeyRef | None:
        """Return the key that made a model; None if none did, or there is no such model."""
        return self.pointers(name).made_by

    def cached(self, name: str) -> CachedModel:
        """Return newest version and aliases of a model, at a cost that no number of versions raises."""
        return self._cache.get(name, self._read_model)

    def stamp(self, name: str) -> Stamp:
        """Return what changes with every change of a model, once settled (core/registry/cache.py)."""
        return self._cache.stamp(name)

    def resolve(self, ref: ModelRef) -> int:
        """Return the version a reference means now; ModelNotFound names what is missing and what there is."""
        if ref.version is not None:
            if not self.folder(ref.name, ref.version).is_dir():
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
        self,
        name: str,
        key: PublishKey,
        fill: Fill,
        *,
        by_hand: bool = False,
        asker: Asker = ANYONE,
        kind: tuple[str, str] | None = None,  # task and medium
    ) -> tuple[int, bool]:
        """Publish a new version of `name`, and point `latest` to it.

        Returns the version, and False if `key` had been published before; then nothing changes, but the pointer where
        a kill left it behind. A version published by hand is never pruned; deleted, it gets a new number. ScopeMissing:
        another key than `asker`'s made the model. Conflict: its newest version is of another `kind`.
        """
        with self._locked(name):
            pointers = self.pointers(name)
            known, versions = pointers.published.get(str(key)), self.versions(name)
            asker.check(f"model {name!r}", pointers.made_by)
            self._check_kind(name, versions, kind)
            if not versions:
                pointers.made_by = asker.key
            if known is not None and (known in versions or not by_hand):
                if by_hand and known not in pointers.kept:
                    pointers.kept.append(known)
                    self._save(name, pointers)
                return known, False
            version = self._orphan(name, key, pointers)
            if version is None:
                version = max([pointers.next_version - 1, *versions]) + 1
                self.store.put(f"models/{name}/{version}", fill)
            pointers.published[str(key)] = version
            pointers.next_version = max(pointers.next_version, version + 1)
            if by_hand:
                pointers.kept.append(version)
            if version > pointers.aliases.get(LATEST, 0):
                self._point(pointers, LATEST, version, reason=f"published {key}")
            self._save(name, pointers)
            return version, True

    def prune(self, name: str, run: str, keep: int) -> list[int]:
        """Delete all but the `keep` newest versions that `run` published; versions with an alias or by hand stay."""
        with self._locked(name):
            pointers = self.pointers(name)
            of_run = {version for key, version in pointers.published.items() if key.startswith(f"{run}/")}
            of_run -= set(pointers.kept)
            present = [version for version in self.versions(name) if version in of_run]
            aliased = set(pointers.aliases.values())
            doomed = [version for version in present[: max(0, len(present) - keep)] if version not in aliased]
            for version in doomed:
                self.store.delete(f"models/{name}/{version}")
            return doomed

    def delete_version(self, name: str, version: int) -> None:
        """Remove a version; VersionInUse while an alias points to it. Its number is never reused."""
        self._must_have(name, version)
        with self._locked(name):
            self._must_have(name, version)
            pointers = self.pointers(name)
            if users := sorted(alias for alias, meant in pointers.aliases.items() if meant == version):
                raise VersionInUse(f"version {version} of model {name!r} is what {', '.join(users)} points to")
            self.store.delete(f"models/{name}/{version}")
            pointers.kept = [kept for kept in pointers.kept if kept != version]
            self._save(name, pointers)

    def delete(self, name: str) -> None:
        """Remove every version and alias of a model; aliases.json stays, so that no number is reused."""
        self._must_have(name)
        with self._locked(name):
            pointers, versions = self.pointers(name), self.versions(name)
            pointers.next_version = max([pointers.next_version - 1, *versions]) + 1
            for alias in list(pointers.aliases):
                self._point(pointers, alias, None, reason="the model was deleted")
            pointers.kept, pointers.made_by = [], None
            self._save(name, pointers)  # first: killed below, the rest can be deleted by a repeat
            for version in versions:
                self.store.delete(f"models/{name}/{version}")

    def move_alias(
        self, name: str, alias: str, version: int, reason: str | None = None, check: Check = lambda _: None
    ) -> tuple[int | None, Pointers]:
        """Point `alias` to `version`, unless `check` refuses; return its former target, and the pointers."""
        _refuse_latest(alias)
        self._must_have(name, version)
        with self._locked(name):
            self._must_have(name, version)
            pointers = self.pointers(name)
            before = pointers.aliases.get(alias)
            check(before)
            if before != version:
                self._point(pointers, alias, version, reason)
                self._save(name, pointers)
            return before, pointers

    def remove_alias(self, name: str, alias: str, check: Check = lambda _: None) -> None:
        """Remove `alias`, unless `check` refuses."""
        _refuse_latest(alias)
        self._must_have(name)
        with self._locked(name):
            pointers = self.pointers(name)
            if alias not in pointers.aliases:
                raise AliasNotFound(f"model {name!r} has no alias {alias!r}")
            check(pointers.aliases[alias])
            self._point(pointers, alias, None, reason=None)
            self._save(name, pointers)

    def _read_model(self, name: str) -> CachedModel:
        versions = self.versions(name)
        newest, manifest = max(versions, default=None), self._newest_manifest(name, versions)
        made = (manifest.task, manifest.medium) if manifest else (None, None)
        try:
            pointers = self.pointers(name)
            return CachedModel(newest, pointers.aliases, pointers.made_by, None, *made)
        except StoreDamaged as error:
            return CachedModel(newest, {}, None, error, *made)

    def _check_kind(self, name: str, versions: Sequence[int], kind: tuple[str, str] | None) -> None:
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

    def _locked(self, name: str) -> AbstractContextManager[None]:
        return self.store.locked(f"models/{name}/.lock")

    def _must_have(self, name: str, version: int | None = None) -> list[int]:
        """Return the versions of a model; ModelNotFound if there are none, or `version` is not among them."""
        versions = self.versions(name)
        if not versions:
            raise ModelNotFound(f"there is no model {name!r}")
        if version is not None and version not in versions:
            raise ModelNotFound(f"model {name!r} has no version {version} (newest: {versions[-1]})")
        return versions

    def _orphan(self, name: str, key: PublishKey, pointers: Pointers) -> int | None:
        """Find a version whose folder appeared before a crash; its number says nothing, so its manifest decides."""
        known = set(pointers.published.values())
        for version in self.versions(name):
            if version not in known:
                with contextlib.suppress(StoreDamaged):
                    if replace(self.manifest(name, version).key, again=key.again) == key:
                        return version
        return None

    @staticmethod
    def _point(pointers: Pointers, alias: str, version: int | None, reason: str | None) -> None:
        before = pointers.aliases.pop(alias, None)
        if version is not None:
            pointers.aliases[alias] = version
        number = pointers.newest_move + 1
        entry = Move.model_validate(
            {"alias": alias, "from": before, "to": version, "at": timestamp(), "reason": reason, "id": number}
        )
        pointers.history = _newest_moves([*pointers.history, entry])

    def _save(self, name: str, pointers: Pointers) -> None:
        self.store.swap(f"models/{name}/aliases.json", pointers.model_dump(by_alias=True))


def _refuse_latest(alias: str) -> None:
    if alias == LATEST:
        raise Conflict(f"{LATEST!r} follows every publish and cannot be moved or removed; promote with {PRODUCTION!r}")


def _newest_moves(history: list[Move]) -> list[Move]:
    """Trim a history. Moves of `latest` count apart: publishes must not push out what people did."""
    of_latest = [index for index, move in enumerate(history) if move.alias == LATEST]
    by_hand = [index for index, move in enumerate(history) if move.alias != LATEST]
    staying = {*of_latest[-HISTORY_KEPT:], *by_hand[-HISTORY_KEPT:]}
    return [move for index, move in enumerate(history) if index in staying]
