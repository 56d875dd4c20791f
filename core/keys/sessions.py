"""Sessions: what a browser holds in place of a key, which it cannot show with a picture or a stream. Knows no HTTP.

A session is made as a key is, kept as a hash in a file of HOME, and opens what its key opens, as long as that does. It
outlives a restart of the API, and ends for good when it is ended.
"""

import hashlib
import logging
import re
import secrets
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from core.keys.errors import KeyInvalid
from core.keys.keyring import Keyring
from core.keys.record import NOBODY, Key, is_of
from core.store import files

SCHEMA = 1
MODE = 0o600
LASTS_S = 86_400.0
MAX_SESSIONS = 1000  # the oldest give way
ID_LENGTH, SECRET_LENGTH = 16, 64
SESSION = re.compile(rb"[0-9a-f]{16}\.[0-9a-f]{64}")

log = logging.getLogger(__name__)


class KeptSession(BaseModel):
    """A session as it is kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    key: str
    ends_at: float


class SessionList(BaseModel):
    """The file as JSON."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    form: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    sessions: list[KeptSession]


class NewSession(NamedTuple):
    """A session just made, and the one time that its text is known."""

    text: SecretStr
    ends_at: float


class Sessions:
    """Every session by its id. A file that cannot be used holds none: who had one shows the key again."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path, self.keyring = path, keyring
        self._seen: tuple[int, int, int] | None = None
        self._sessions: dict[bytes, KeptSession] = {}

    def create(self, key: Key) -> NewSession:
        """Begin a session of a key."""
        now = self.keyring.now()
        ends_at = min(now + LASTS_S, key.expires_at.timestamp() if key.expires_at else float("inf"))
        text = f"{secrets.token_hex(ID_LENGTH // 2)}.{secrets.token_hex(SECRET_LENGTH // 2)}"
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        made = KeptSession(id=text[:ID_LENGTH], sha256=sha256, key=key.id, ends_at=ends_at)
        with self._locked():
            kept = [each for each in self._read() if each.ends_at > now and self.keyring.is_valid(each.key)]
            self._write([*kept[1 - MAX_SESSIONS :], made])
        return NewSession(SecretStr(text), ends_at)

    def find(self, presented: bytes) -> tuple[KeptSession, Key]:
        """The session that a text is, and its key.

        Raises:
            KeyInvalid: it is none, or is over, or its key is.
            KeysUnusable: nobody can tell.
        """
        self._look()
        entry = self._sessions.get(presented[:ID_LENGTH]) if SESSION.fullmatch(presented) else None
        if not is_of(presented, NOBODY if entry is None else bytes.fromhex(entry.sha256)) or entry is None:
            raise KeyInvalid("the session is over: sign in again")
        if self.keyring.now() >= entry.ends_at:
            raise KeyInvalid("the session has expired: sign in again")
        return entry, self.keyring.get(entry.key)

    def is_valid(self, session_id: str) -> bool:
        """Whether a session that was found before still goes on; of its key the keyring knows."""
        self._look()
        entry = self._sessions.get(session_id.encode())
        return entry is not None and self.keyring.now() < entry.ends_at

    def end(self, presented: bytes) -> None:
        """End the session that a text is, if it is one."""
        self._look()
        entry = self._sessions.get(presented[:ID_LENGTH])
        if entry is None or not is_of(presented, bytes.fromhex(entry.sha256)):
            return
        with self._locked():
            self._write([each for each in self._read() if each.id != entry.id])

    def standing(self) -> tuple[object, ...]:
        """What differs from before if a key or a session has come or gone."""
        self._look()
        now = self.keyring.now()
        over = frozenset(each.id for each in self._sessions.values() if now >= each.ends_at)
        return (self.keyring.standing(), self._seen, over)

    def _look(self) -> None:
        try:
            seen = files.stamp(self.path)
        except OSError:
            seen = (0, 0, 0)
        if seen != self._seen:
            self._seen, self._sessions = seen, {each.id.encode(): each for each in self._read()}

    def _locked(self) -> AbstractContextManager[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return files.lock_beside(self.path)

    def _read(self) -> list[KeptSession]:
        try:
            return SessionList.model_validate_json(self.path.read_bytes()).sessions
        except FileNotFoundError:
            return []
        except (OSError, ValidationError, RecursionError):
            log.warning("%s cannot be read: whoever had a session signs in again", files.shown(self.path))
            return []

    def _write(self, sessions: list[KeptSession]) -> None:
        text = SessionList(schema=SCHEMA, sessions=sessions).model_dump_json(by_alias=True)
        files.write_atomic(self.path, text.encode() + b"\n", mode=MODE)
