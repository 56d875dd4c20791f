"""How full the store and its disk are. Knows folders and sizes, not what is in them."""

import shutil
import threading
import time

from core.errors import StoreFull
from core.store import Store
from core.store.files import folder_size
from ganymede.schemas.system import StorageBody

KEPT_S = 10.0  # sizes are no older, or SHARE times as old as it took to find them
SHARE = 20.0  # a walk over a huge store takes seconds: at most a twentieth of the time goes into walking
FOLDERS = ("datasets", "models", "runs")
MAY_GO = "runs that are over or paused, versions without an alias, datasets that no run needs (DELETE of each)"


class StorageMeter:
    """Sizes of one store. Only one caller walks over the files; the others get the last result."""

    def __init__(self, store: Store, max_store: int | None = None, disk_reserve: int = 0) -> None:
        self._store, self._max_store, self._reserve = store, max_store, disk_reserve
        self._sizes: dict[str, int] = {}
        self._good_until = float("-inf")
        self._walk = threading.Lock()

    def read(self) -> StorageBody:
        disk = shutil.disk_usage(self._store.root)
        return StorageBody(free_bytes=disk.free, total_bytes=disk.total, **self._measured())

    def check_room(self, growth: int = 0) -> None:
        """Raise StoreFull where the store may not grow, or not by so many bytes."""
        free = shutil.disk_usage(self._store.root).free
        if free - growth < self._reserve:
            kept = f", of which {size_of(self._reserve)} have to stay (GANYMEDE_DISK_RESERVE)" if self._reserve else ""
            self._refuse(f"the disk of the store has {size_of(free)} free{kept}", growth)
        if self._max_store is not None:
            self._good_until = float("-inf")  # what was let in since the last look counts
            if (now := sum(self._measured().values())) + growth > self._max_store or now >= self._max_store:
                self._refuse(f"the store may have {size_of(self._max_store)} (GANYMEDE_MAX_STORE)", growth)

    def _refuse(self, why: str, growth: int) -> None:
        held = ", ".join(f"{name} {size_of(size)}" for name, size in self._measured().items())
        asked = f", and this would add {size_of(growth)}" if growth else ""
        raise StoreFull(f"{why}{asked}. It holds {held}. What may go: {MAY_GO}")

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


def size_of(count: int) -> str:
    """Write a number of bytes for people."""
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count} B"
