"""The models that come with the package, and how they get into a store. Knows no training.

`models/starter/<name>/` holds what a published version holds, and record.json: how it was made and judged.
"""

import importlib.resources
import logging
from pathlib import Path

from core.errors import StoreDamaged
from core.registry import PublishKey, Registry
from core.registry.manifest import MANIFEST_FILE
from core.registry.pointers import Pointers
from models.publish import publish_folder
from models.version import read_manifest

DIGITS, AVATARS = "digits", "avatars"
DIGITS_COMPLETE, DIGITS_READER, SPOKEN_DIGITS = "digits-complete", "digits-reader", "spoken-digits"
FIRST = Pointers.none().next_version

log = logging.getLogger(__name__)


def install_starters(registry: Registry, folder: Path | None = None) -> None:
    """Publish each model of `folder` (default: the package's), unless the store has, or had, one of its name."""
    if folder is not None:
        for starter in sorted(path for path in folder.iterdir() if (path / MANIFEST_FILE).exists()):
            _install(registry, starter)
        return
    with importlib.resources.as_file(importlib.resources.files("models") / "starter") as ours:
        install_starters(registry, ours)


def _install(registry: Registry, starter: Path) -> None:
    name, key = starter.name, read_manifest(starter / MANIFEST_FILE).key
    try:
        if _has_another(registry, name, key):
            log.info("the store has a model %r of its own: it stays, and the one of this build is not installed", name)
        elif registry.pointers(name).next_version == FIRST:
            publish_folder(registry, name, starter)
    except StoreDamaged as error:
        log.warning("the starter %r is not installed: %s", name, error)


def _has_another(registry: Registry, name: str, key: PublishKey) -> bool:
    """Return whether another model of that name is, or was, there; a killed process may have left a version."""
    pointers = registry.pointers(name)
    if pointers.next_version > FIRST:
        return str(key) not in pointers.published
    return any(registry.manifest(name, version).key != key for version in registry.versions(name))
