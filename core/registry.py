"""The model registry: versions that are never reused, aliases, the publish key. Knows no weights and no networks."""

import contextlib
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelNotFound, StoreDamaged
from core.refs import ModelRef
from core.store import Store

LATEST = "latest"  # follows every publish
PRODUCTION = "production"  # moves only when somebody promotes; then NAME alone means it
HISTORY_KEPT = 200

Fill = Callable[[Path], None]

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class PublishKey:
    """What makes a publish the same publish: a repeat with this key is a no-op."""

    run: str
    branch: int
    step: int

    def __str__(self) -> str:
        return f"{self.run}/{self.branch}/{self.step}"


class Registry:
    """Models of one store: `models/<name>/<version>/` and `models/<name>/aliases.json`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def names(self) -> list[str]:
        return [name for name in self.store.names("models") if self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """Version numbers of a model, oldest first; empty when there is no such model."""
        return sorted(int(v) for v in self.store.names(f"models/{name}") if _VERSION.fullmatch(v))

    def folder(self, name: str, version: int) -> Path:
        return self.store.path(f"models/{name}/{version}")

    def manifest(self, name: str, version: int) -> dict[str, Any]:
        """The manifest of a version; ModelNotFound if there is none, StoreDamaged if it cannot be used."""
        try:
            return self.store.read(f"models/{name}/{version}/manifest.json")
        except FileNotFoundError:
            if not self.folder(name, version).exists():
                raise ModelNotFound(f"model {name!r} has no version {version}") from None
            raise StoreDamaged(f"version {version} of model {name!r} has no manifest.json") from None

    def pointers(self, name: str) -> dict[str, Any]:
        """The content of aliases.json: `aliases`, `next_version`, `published`, `history`; StoreDamaged if unusable."""
        empty: dict[str, Any] = {"next_version": 1, "aliases": {}, "published": {}, "history": []}
        try:
            pointers = self.store.read(f"models/{name}/aliases.json")
        except FileNotFoundError:
            return empty
        for field, default in empty.items():
            if not isinstance(pointers.get(field), type(default)):
                raise StoreDamaged(f"models/{name}/aliases.json has no {field!r}")
        if not all(isinstance(v, int) for v in (*pointers["aliases"].values(), *pointers["published"].values())):
            raise StoreDamaged(f"models/{name}/aliases.json points at what is no version")
        return pointers

    def resolve(self, ref: ModelRef) -> int:
        """The version a reference means now; ModelNotFound names what is missing and what there is."""
        versions = self.versions(ref.name)
        if not versions:
            raise ModelNotFound(f"there is no model {ref.name!r}")
        if ref.version is not None:
            if ref.version not in versions:
                raise ModelNotFound(f"model {ref.name!r} has no version {ref.version} (newest: {versions[-1]})")
            return ref.version
        aliases: dict[str, int] = self.pointers(ref.name)["aliases"]
        if ref.alias is not None:
            if ref.alias not in aliases:
                known = ", ".join(sorted(aliases)) or "none"
                raise ModelNotFound(f"model {ref.name!r} has no alias {ref.alias!r} (aliases: {known})")
            return aliases[ref.alias]
        return aliases.get(PRODUCTION) or aliases.get(LATEST) or versions[-1]

    def publish(self, name: str, key: PublishKey, fill: Fill) -> tuple[int, bool]:
        """Make a new version of `name` appear, and `latest` point to it.

        Returns the version, and False if `key` had been published before (then nothing changes).
        Killed between the two steps, a repeat with the same key finds the folder and only moves the pointer.
        """
        with self.store.locked(f"models/{name}/.lock"):
            pointers = self.pointers(name)
            if str(key) in pointers["published"]:
                return int(pointers["published"][str(key)]), False
            version = self._orphan(name, key, pointers)
            if version is None:
                version = max([pointers["next_version"] - 1, *self.versions(name)]) + 1
                self.store.put(f"models/{name}/{version}", fill)
            pointers["published"][str(key)] = version
            pointers["next_version"] = max(pointers["next_version"], version + 1)
            if version > pointers["aliases"].get(LATEST, 0):
                self._point(pointers, LATEST, version, reason=f"published {key}")
            self._save(name, pointers)
            return version, True

    def prune(self, name: str, run: str, keep: int) -> list[int]:
        """Delete all but the `keep` newest versions that `run` published; versions with an alias stay."""
        with self.store.locked(f"models/{name}/.lock"):
            pointers = self.pointers(name)
            of_run = {version for key, version in pointers["published"].items() if key.startswith(f"{run}/")}
            present = [version for version in self.versions(name) if version in of_run]
            aliased = set(pointers["aliases"].values())
            doomed = [version for version in present[: max(0, len(present) - keep)] if version not in aliased]
            for version in doomed:
                self.store.delete(f"models/{name}/{version}")
            return doomed

    def _orphan(self, name: str, key: PublishKey, pointers: dict[str, Any]) -> int | None:
        """A version whose folder appeared before a crash kept its pointer from moving.

        Another run may have published since, so its number says nothing. A damaged one is nobody's.
        """
        known = set(pointers["published"].values())
        for version in self.versions(name):
            if version not in known:
                with contextlib.suppress(StoreDamaged, KeyError):
                    manifest = self.manifest(name, version)
                    if PublishKey(manifest["run"], manifest["branch"], manifest["step"]) == key:
                        return version
        return None

    @staticmethod
    def _point(pointers: dict[str, Any], alias: str, version: int, reason: str) -> None:
        before = pointers["aliases"].get(alias)
        pointers["aliases"][alias] = version
        entry = {"alias": alias, "from": before, "to": version, "at": timestamp(), "reason": reason}
        pointers["history"] = [*pointers["history"], entry][-HISTORY_KEPT:]

    def _save(self, name: str, pointers: dict[str, Any]) -> None:
        body = {field: pointers[field] for field in ("next_version", "aliases", "published", "history")}
        self.store.swap(f"models/{name}/aliases.json", body)


def timestamp(seconds: float | None = None) -> str:
    """Now, or a Unix time: ISO 8601 in UTC with milliseconds."""
    moment = dt.datetime.now(dt.UTC) if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
