"""Idempotency keys: which run a request with a key made, so that a repeat makes no other. Knows no HTTP.

A key's record is written before its run. Whoever is killed in between leaves a record that names no run, and so does
whoever deletes the run: either way the next request with the key makes a new one, under a new id.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, StoreDamaged
from core.machine.clock import timestamp
from core.store import Record, Store, files

FORGOTTEN_AFTER = timedelta(hours=24)

_FOLDER = "idempotency"


class KeyRecord(Record):
    """What is kept of a key."""

    run: str
    body_sha256: str
    at: str


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key while its request is answered. `run_id`: the run that the first such request was to make."""

    store: Store
    name: str
    body_digest: str
    run_id: str | None

    def record(self, run_id: str) -> None:
        """Record that this request makes the run `run_id`."""
        record = KeyRecord(run=run_id, body_sha256=self.body_digest, at=timestamp())
        record.write(self.store.path(f"{_FOLDER}/{self.name}.json"))


class IdempotencyKeys:
    """All keys of one store: `idempotency/<sha256 of the key>.json`, and a lock beside each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.path(_FOLDER)

    @contextlib.contextmanager
    def held(self, key: str, body: object) -> Iterator[HeldKey]:
        """Hold `key` for a request; IdempotencyKeyInFlight, or IdempotencyKeyReused for another body."""
        name = _digest(key)
        with contextlib.ExitStack() as stack:
            with self._sweeping():  # no lock is swept between its opening and its taking
                is_mine = stack.enter_context(files.try_lock_file(self.folder / f"{name}.lock"))
            if not is_mine:
                raise IdempotencyKeyInFlight(
                    "a request with this Idempotency-Key is being answered; try again in a moment"
                )
            digest = _digest(json.dumps(body, sort_keys=True))
            record = self._record(self.folder / f"{name}.json")
            if record is not None and record.body_sha256 != digest:
                raise IdempotencyKeyReused.field(
                    "Idempotency-Key", "it came with another body before; a new request needs a new key"
                )
            yield HeldKey(self.store, name, digest, None if record is None else record.run)

    def sweep(self) -> int:
        """Forget old keys; return how many."""
        forgotten = 0
        with self._sweeping():
            for lock in self.folder.glob("*.lock"):
                with files.try_lock_file(lock) as is_mine:
                    if is_mine and self._is_forgotten(lock.with_suffix(".json")):
                        lock.with_suffix(".json").unlink(missing_ok=True)
                        lock.unlink()
                        forgotten += 1
        return forgotten

    @contextlib.contextmanager
    def _sweeping(self) -> Iterator[None]:
        with self.store.locked(f"{_FOLDER}/.sweeping"):
            yield

    def _is_forgotten(self, path: Path) -> bool:
        try:
            return self._record(path) is None
        except StoreDamaged:
            return False  # whoever comes with this key is told

    def _record(self, path: Path) -> KeyRecord | None:
        """Return the record of a key; None if there is none, or it is too old."""
        try:
            record = KeyRecord.read(path)
            age = datetime.now(UTC) - datetime.fromisoformat(record.at)
        except FileNotFoundError:
            return None
        except (TypeError, ValueError):
            raise StoreDamaged(f"{files.shown(path)} is no record of a key") from None
        return record if age < FORGOTTEN_AFTER else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
