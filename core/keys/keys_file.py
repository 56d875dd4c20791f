"""The file that holds all keys of a service: read, and changed under a lock. Knows no request.

Revoked and expired keys stay in it: what they made is still theirs, and a service that had keys never opens again by
itself.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InvalidRequest
from core.keys.errors import KeysUnusable
from core.keys.record import Key, KeyChange, KeyWanted, SecretKey, new_key, rotated
from core.store import files

SCHEMA = 1
MODE = 0o600


class KeyList(BaseModel):
    """The file as JSON."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", hide_input_in_errors=True)

    form: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    keys: tuple[Key, ...]


class KeysFile:
    """`api-keys.json` under HOME, or the file that GANYMEDE_API_KEYS_FILE names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Key, ...]:
        """All keys, oldest first; none where there is no file.

        Raises:
            KeysUnusable: the file cannot be read, or is not what was written.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise KeysUnusable(f"{files.shown(self.path)} cannot be read: {error.strerror}") from None
        try:
            found = KeyList.model_validate_json(data).keys
        except (ValidationError, RecursionError) as error:
            raise KeysUnusable(f"{files.shown(self.path)} holds no list of keys{_where(error)}") from None
        if len({key.id for key in found}) < len(found):
            raise KeysUnusable(f"{files.shown(self.path)} has two keys of one id")
        return found

    def create(self, wanted: KeyWanted) -> SecretKey:
        """Make a key and keep it; its text is returned this once.

        Raises:
            InvalidRequest: a field is wrong, or a key of that name is in use.
        """
        wanted.check()
        with self._locked():
            keys = self.read()
            if any(key.name == wanted.name and key.revoked_at is None for key in keys):
                raise InvalidRequest.field("name", f"a key named {wanted.name!r} is in use; revoke it, or take another")
            made = new_key(wanted)
            self._write((*keys, made.key))
        return made

    def revoke(self, name: str) -> Key:
        """Let a key open nothing from now on; of one that is revoked already, as it is.

        `name` is its id or its name, or the whole key: whoever finds one need not take it apart.

        Raises:
            InvalidRequest: there is none, or several have that name.
        """
        with self._locked():
            keys = self.read()
            found = _named(keys, name)
            if found.revoked_at is not None:
                return found
            revoked = found.model_copy(update={"revoked_at": datetime.now(UTC)})
            self._write(tuple(revoked if key is found else key for key in keys))
        return revoked

    def change(self, name: str, change: KeyChange) -> Key:
        """Give a key other limits, scopes or another end; sessions of it go on.

        Raises:
            InvalidRequest: a field is wrong; there is no such key, or it is revoked.
        """
        with self._locked():
            keys = self.read()
            found = _in_use(keys, name)
            changed = change.of(found)
            self._write(tuple(changed if key is found else key for key in keys))
        return changed

    def rotate(self, name: str, old_until: datetime) -> SecretKey:
        """Give a key another secret, whose text is returned this once; whose it made things stays the same.

        Raises:
            InvalidRequest: there is no such key, or it is revoked.
        """
        with self._locked():
            keys = self.read()
            found = _in_use(keys, name)
            made = rotated(found, old_until)
            self._write(tuple(made.key if key is found else key for key in keys))
        return made

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_beside(self.path):
            yield

    def _write(self, keys: tuple[Key, ...]) -> None:
        text = KeyList(schema=SCHEMA, keys=keys).model_dump_json(by_alias=True, indent=1)
        files.write_atomic(self.path, text.encode() + b"\n", mode=MODE)


def _in_use(keys: tuple[Key, ...], name: str) -> Key:
    found = _named(keys, name)
    if found.revoked_at is not None:
        raise InvalidRequest.field("key", f"{found.id} is revoked, for good; make another")
    return found


def _named(keys: tuple[Key, ...], name: str) -> Key:
    ids = [key for key in keys if name == key.id or name.startswith(f"{key.id}_")]
    names = [key for key in keys if key.name == name]
    found = ids or [key for key in names if key.revoked_at is None] or names
    if not found:
        raise InvalidRequest.field("key", "there is no key of this id or name; `ganymede keys list` has all")
    if len(found) > 1:
        listed = ", ".join(key.id for key in found)
        raise InvalidRequest.field("key", f"several keys have this name: {listed}; say the id")
    return found[0]


def _where(error: Exception) -> str:
    """The first field that is wrong, without what is in it."""
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f" ({where}{': ' if where else ''}{first['msg']})"
