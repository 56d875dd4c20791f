"""The models: versions, aliases, publish keys."""

from core.registry.registry import HISTORY_KEPT, Check, PublishKey, Registry, timestamp

__all__ = ["HISTORY_KEPT", "Check", "PublishKey", "Registry", "timestamp"]
