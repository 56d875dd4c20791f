"""The repository that the settings name: the files of a store, or a bucket. Imports obstore for a bucket alone."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreUnavailable
from core.settings import PREFIX, Settings, SettingsError
from core.store.repository import Repository
from core.store.store import Store

if TYPE_CHECKING:
    from core.store.objects.bucket import BucketClient


def open_repository(settings: Settings, local: Store) -> Repository:
    """Open what GANYMEDE_STORE names; sends nothing. `local`: files of this machine, where folders are put together."""
    bucket = _bucket(settings)
    if bucket is None:
        return local
    from core.store.objects.folder_cache import FolderCache
    from core.store.objects.object_store import ObjectStore

    cache = FolderCache(settings.store_cache_path, settings.store_cache, local.scratch)
    return ObjectStore(bucket, cache, local.scratch)


def make_store_folder(settings: Settings) -> None:
    """Make the folder of the store; SettingsError if it cannot be made or written to."""
    name = f"{PREFIX}{'STORE' if isinstance(settings.store, Path) else 'HOME'}"
    try:
        settings.store_path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{name}: the folder of the store cannot be made: {error.strerror}") from None
    if not os.access(settings.store_path, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsError(f"{name}: the folder of the store cannot be written to by this user")


def check_store(settings: Settings) -> None:
    """Raise SettingsError for a bucket that does not answer, or ignores conditions of writes; its text says which."""
    bucket = _bucket(settings)
    if bucket is not None:
        from core.store.objects.probe import probe

        try:
            probe(bucket)
        except StoreUnavailable as error:
            raise SettingsError(f"GANYMEDE_STORE: {error}") from None


def _bucket(settings: Settings) -> "BucketClient | None":
    if settings.bucket is None:
        return None
    if importlib.util.find_spec("obstore") is None:
        raise SettingsError("GANYMEDE_STORE: an object store needs the extra: pip install 'ganymede-gan[object-store]'")
    from core.store.objects.bucket import BucketClient

    return BucketClient.open(settings.bucket, settings.store_endpoint)
