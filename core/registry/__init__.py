"""The models: versions, aliases, publish keys."""

from core.registry.manifest import PublishKey, VersionManifest
from core.registry.pointers import HISTORY_KEPT
from core.registry.registry import Check, Registry

__all__ = ["HISTORY_KEPT", "Check", "PublishKey", "Registry", "VersionManifest"]
