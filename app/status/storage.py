"""How full the store and its disk are. Knows folders and sizes, not what is in them."""

import shutil
import threading
import time

from core.store import Store
from core.store.files import folder_size
from ganymede.schemas.system import StorageBody

KEPT_S = 10.0  # sizes are no older, or SHARE times as old as it took to find them
SHARE = 20.0  # a walk over a huge store takes seconds: at most a twentieth of the time goes into walking
FOLDERS = ("datasets", "models", "runs")


class StorageMeter:
    """Sizes of one store. Only one caller walks over the files; the others get the last result."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sizes: dict[str, int] = {}
        self._good_until = float("-inf")
        self._walk = threading.Lock()

    def read(self) -> StorageBody:
        disk = shutil.disk_usage(self._store.root)
        return StorageBody(free_bytes=disk.free, total_bytes=disk.total, **self._measured())

    def _measured(self) -> dict[str, int]:
        if time.monotonic() < self._good_until:
            return self._sizes
        if self._walk.acquire(blocking=not self._sizes):  # the first ones have to wait for the first sizes
            try:
                if time.monotonic() >= self._good_until:
                    began = time.monotonic()
                    self._sizes = {folder: folder_size(self._store.path(folder)) for folder in FOLDERS}
                    ended = time.monotonic()
                    self._good_until = ended + max(KEPT_S, SHARE * (ended - began))
            finally:
                self._walk.release()
        return self._sizes
