"""One key: its secret text, which is shown once, and what the file keeps of it. Knows no file.

A key is `gnm_` and 12 hexadecimal digits, its public id, then `_` and 64 more, its secret. The secret is 256 random
bits, so nobody finds it by trying, and its hash may be a fast one: a slow hash protects passwords, which people choose.
"""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from core.errors import InvalidRequest
from ganymede.schemas.keys import KeyRef, KeyScope

ID_BEGINS = "gnm_"
ID_LENGTH, SECRET_LENGTH = 16, 64
KEY_LENGTH = ID_LENGTH + 1 + SECRET_LENGTH
KEY = re.compile(rb"gnm_[0-9a-f]{12}_[0-9a-f]{64}")
NAME = re.compile(r"[^\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff](?:.{0,62}[^\s])?")
MOST = 10**9
NOBODY = bytes(hashlib.sha256().digest_size)


class Key(BaseModel):
    """A key as it is kept: everything but its secret."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", hide_input_in_errors=True)

    id: str = Field(pattern=r"^gnm_[0-9a-f]{12}$")
    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[KeyScope, ...]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    per_minute: int | None = Field(None, ge=1)
    images_a_day: int | None = Field(None, ge=0)
    training_minutes_a_day: int | None = Field(None, ge=0)
    old_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")  # of the secret before it was rotated
    old_until: AwareDatetime | None = None

    @property
    def ref(self) -> KeyRef:
        return KeyRef(id=self.id, name=self.name)

    @property
    def opens(self) -> list[KeyScope]:
        return [scope for scope in KeyScope if self.allows(scope)]

    def has_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at.timestamp()

    def allows(self, scope: KeyScope) -> bool:
        return scope is KeyScope.READ or scope in self.scopes or KeyScope.ADMIN in self.scopes


class KeyWanted(BaseModel):
    """A key that is to be made."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    scopes: tuple[KeyScope, ...]
    expires_at: AwareDatetime | None = None
    per_minute: int | None = None
    images_a_day: int | None = None
    training_minutes_a_day: int | None = None

    def check(self) -> None:
        """Raise InvalidRequest, which names the field that is wrong."""
        name = self.name
        if name is not None and (not NAME.fullmatch(name) or not name.isprintable() or name.startswith(ID_BEGINS)):
            told = f"1 to 64 characters of one line, without white space around them; not {ID_BEGINS}..., as ids are"
            raise InvalidRequest.field("name", told)
        if not self.scopes:
            raise InvalidRequest.field("scope", f"one of {', '.join(KeyScope)}, or several; none is given")
        if self.per_minute is not None and not 1 <= self.per_minute <= MOST:
            raise InvalidRequest.field("per-minute", f"1 to {MOST:,} requests")
        if self.images_a_day is not None and not 0 <= self.images_a_day <= MOST:
            raise InvalidRequest.field("images-a-day", f"0 to {MOST:,} images")
        if self.training_minutes_a_day is not None and not 0 <= self.training_minutes_a_day <= MOST:
            raise InvalidRequest.field("training-minutes-a-day", f"0 to {MOST:,} minutes")
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            raise InvalidRequest.field("expires", "a time to come; this one is over")


class KeyChange(BaseModel):
    """What is to be changed of a key; what is not set stays, None removes a limit."""

    model_config = ConfigDict(frozen=True)

    scopes: tuple[KeyScope, ...] = ()
    expires_at: AwareDatetime | None = None
    per_minute: int | None = None
    images_a_day: int | None = None
    training_minutes_a_day: int | None = None

    def of(self, key: Key) -> Key:
        """The changed key; InvalidRequest names the field that is wrong."""
        changes = {name: getattr(self, name) for name in self.model_fields_set}
        KeyWanted.model_validate({"scopes": key.scopes, **changes}).check()
        if "scopes" in changes:
            changes["scopes"] = tuple(scope for scope in KeyScope if scope in self.scopes)
        return key.model_copy(update=changes)


class SecretKey(NamedTuple):
    """A key just made, and the one time that its whole text is known."""

    key: Key
    text: SecretStr


def new_key(wanted: KeyWanted) -> SecretKey:
    """A key that nobody else has."""
    key_id = f"{ID_BEGINS}{secrets.token_hex(6)}"
    text = _new_text(key_id)
    key = Key(
        id=key_id,
        name=wanted.name or key_id,
        sha256=_digest(text),
        scopes=tuple(scope for scope in KeyScope if scope in wanted.scopes),
        created_at=datetime.now(UTC),
        expires_at=wanted.expires_at,
        per_minute=wanted.per_minute,
        images_a_day=wanted.images_a_day,
        training_minutes_a_day=wanted.training_minutes_a_day,
    )
    return SecretKey(key, SecretStr(text))


def rotated(key: Key, old_until: datetime) -> SecretKey:
    """The same key with another secret; the one before opens the same until then."""
    text = _new_text(key.id)
    changes = {"sha256": _digest(text), "old_sha256": key.sha256, "old_until": old_until}
    return SecretKey(key.model_copy(update=changes), SecretStr(text))


def _new_text(key_id: str) -> str:
    return f"{key_id}_{secrets.token_hex(SECRET_LENGTH // 2)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_of(presented: bytes, digest: bytes) -> bool:
    """Whether a text is the key of this digest: SHA-256 of both, compared in constant time."""
    return hmac.compare_digest(hashlib.sha256(presented).digest(), digest)
