"""The models: versions, aliases, publish keys."""

from core.registry.manifest import PublishKey, VersionManifest
from core.registry.registry import HISTORY_KEPT, Check, Registry

__all__ = ["HISTORY_KEPT", "Check", "PublishKey", "Registry", "VersionManifest"]
