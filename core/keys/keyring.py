"""The keys that a running service goes by: those of the file, as it is now. Knows no HTTP.

The file is looked at before every answer, by its inode, size and time alone (a microsecond): a key that was revoked
opens nothing from that moment, without a restart.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from core.keys.errors import KeyInvalid, KeysUnusable
from core.keys.keys_file import KeysFile
from core.keys.record import ID_LENGTH, KEY, KEY_LENGTH, NOBODY, Key, is_of
from core.store import files

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HashedKey:
    """A key, ready to be compared."""

    key: Key
    digest: bytes
    old_digest: bytes
    old_until: float

    @classmethod
    def of(cls, key: Key) -> "HashedKey":
        old_until = key.old_until.timestamp() if key.old_until else 0.0
        return cls(key, bytes.fromhex(key.sha256), bytes.fromhex(key.old_sha256 or "") or NOBODY, old_until)


class Keyring:
    """Every key by its id. While the file cannot be used, nobody has a key, and every one is asked for."""

    def __init__(self, path: Path) -> None:
        self.file = KeysFile(path)
        self.trouble: KeysUnusable | None = None
        self._path, self._seen = str(path), (-1, -1, -1)
        self._entries: dict[bytes, HashedKey] = {}
        self._clock, self._times_read = ForwardClock(), 0

    @property
    def is_needed(self) -> bool:
        """Whether requests have to show a key: there is one, or there was, or nobody can tell."""
        self._look()
        return bool(self._entries) or self.trouble is not None

    def find(self, presented: bytes) -> Key:
        """The key that a text is.

        Raises:
            KeyInvalid: it is none, or opens nothing any more.
            KeysUnusable: nobody can tell.
        """
        self._look()
        if self.trouble is not None:
            raise self.trouble
        if len(presented) != KEY_LENGTH or not KEY.fullmatch(presented):
            raise KeyInvalid("what was sent is no key of this service: gnm_, 12 hexadecimal digits, _, and 64 more")
        entry = self._entries.get(presented[:ID_LENGTH])
        if not _is_shown(entry, presented, self._clock.now()) or entry is None:
            raise KeyInvalid("this key is not one of this service")  # the same whether there is one of its id or not
        return self.check(entry.key)

    def get(self, key_id: str) -> Key:
        """The key of an id, which may be shown after it was presented once.

        Raises:
            KeyInvalid, KeysUnusable: as find().
        """
        self._look()
        if self.trouble is not None:
            raise self.trouble
        entry = self._entries.get(key_id.encode())
        if entry is None:
            raise KeyInvalid("the key is not one of this service any more")
        return self.check(entry.key)

    def known(self, key_id: str) -> Key | None:
        """The key of an id, whether or not it opens anything; None where there is none, or nobody can tell."""
        self._look()
        entry = self._entries.get(key_id.encode())
        return entry.key if entry else None

    def is_valid(self, key_id: str) -> bool:
        """Whether the key of an id opens anything now."""
        try:
            self.get(key_id)
        except (KeyInvalid, KeysUnusable):
            return False
        return True

    def standing(self) -> tuple[int, frozenset[str]]:
        """What differs from before if a key has come or gone: how often the file has changed, which are over."""
        self._look()
        now = self._clock.now()
        expired = (key_id.decode() for key_id, entry in self._entries.items() if entry.key.has_expired(now))
        return self._times_read, frozenset(expired)

    def now(self) -> float:
        """Unix time, which never goes back."""
        return self._clock.now()

    def check(self, key: Key) -> Key:
        """Raise KeyInvalid for a key that is over; only who has it learns that."""
        if key.revoked_at is not None:
            raise KeyInvalid(f"the key {key.id} was revoked")
        if key.has_expired(self._clock.now()):
            raise KeyInvalid(f"the key {key.id} has expired")
        return key

    def _look(self) -> None:
        try:
            seen = files.stamp(self._path)
        except FileNotFoundError:
            seen = (0, 0, 0)
        except OSError:
            seen = (0, 0, 1)  # KeysFile says why
        if seen != self._seen:
            self._seen = seen
            self._read()

    def _read(self) -> None:
        self._times_read += 1
        self.trouble = None
        try:
            keys = self.file.read()
        except KeysUnusable as error:
            self.trouble, self._entries = error, {}
            log.error("every request is refused until this is mended: %s", error)
            return
        self._entries = {key.id.encode(): HashedKey.of(key) for key in keys}


def _is_shown(entry: HashedKey | None, presented: bytes, now: float) -> bool:
    """Whether a text is this key, or is its secret from before it was rotated, in its time."""
    digest, old_digest, old_until = (
        (entry.digest, entry.old_digest, entry.old_until) if entry else (NOBODY, NOBODY, 0.0)
    )
    is_new, is_old = is_of(presented, digest), is_of(presented, old_digest)
    return is_new or (is_old and now < old_until)


class ForwardClock:
    """The time of day, but it never goes back: a clock that is set back revives no key that has expired."""

    def __init__(self) -> None:
        self._began, self._began_at = time.monotonic(), time.time()

    def now(self) -> float:
        """Unix time; a clock that is set forward counts at once."""
        return max(time.time(), self._began_at + time.monotonic() - self._began)
