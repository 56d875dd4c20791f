"""Secrets that sign webhooks, by Standard Webhooks 1.0 (https://www.standardwebhooks.com). Knows no HTTP.

A secret is made here and shown once. It is kept as it is, because it has to sign, in a file of HOME that only its owner
reads (mode 0600); it is in no message and in no log.
"""

import base64
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer
from standardwebhooks import Webhook

from core.errors import Conflict, NotFound, StoreDamaged
from core.store import files
from ganymede.schemas.keys import KeyRef

SCHEMA = 1
MODE = 0o600
PREFIX = "whsec_"
SECRET_BYTES = 32  # the standard: 24 to 64
MOST = 1000  # of one service


class SigningSecret(BaseModel):
    """A secret by its name. `id` tells it from a later one of the same name."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", hide_input_in_errors=True)

    id: str = Field(pattern=r"^whs_[0-9a-f]{12}$")
    name: str
    text: SecretStr
    old_text: SecretStr | None = None  # from before it was rotated
    old_until: AwareDatetime | None = None
    made_by: KeyRef | None = None
    created_at: AwareDatetime

    @field_serializer("text", "old_text", when_used="json")
    def _as_kept(self, text: SecretStr | None) -> str | None:
        return text.get_secret_value() if text else None

    def signature(self, message: str, at: int, payload: bytes) -> str:
        """The header `webhook-signature` of a message sent at a Unix time: one of each secret that is good then."""
        is_old_good = self.old_until is not None and at < int(self.old_until.timestamp())
        texts = [self.text, *([self.old_text] if self.old_text and is_old_good else [])]
        sent, signed = datetime.fromtimestamp(at, UTC), payload.decode()
        return " ".join(Webhook(text.get_secret_value()).sign(message, sent, signed) for text in texts)


class SecretList(BaseModel):
    """The file as JSON."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", hide_input_in_errors=True)

    form: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    secrets: list[SigningSecret]


class SecretsFile:
    """`webhook-secrets.json` under HOME: read at each use, changed under a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[SigningSecret]:
        """Oldest first; StoreDamaged if the file cannot be used."""
        try:
            return SecretList.model_validate_json(self.path.read_bytes()).secrets
        except FileNotFoundError:
            return []
        except (OSError, ValidationError, RecursionError):  # what is in it is told to nobody
            raise StoreDamaged(f"{files.shown(self.path)} cannot be used as a list of secrets") from None

    def get(self, name: str) -> SigningSecret:
        """NotFound if there is none of that name."""
        found = next((secret for secret in self.all() if secret.name == name), None)
        if found is None:
            raise NotFound(f"there is no secret {name!r} for webhooks; POST /webhooks/secrets makes one")
        return found

    def create(self, name: str, made_by: KeyRef | None) -> SigningSecret:
        """Make a secret; Conflict if the name is taken."""
        made = SigningSecret(
            id=f"whs_{secrets.token_hex(6)}", name=name, text=_new(), made_by=made_by, created_at=datetime.now(UTC)
        )
        with self._locked() as kept:
            if any(each.name == name for each in kept):
                raise Conflict(f"there is a secret {name!r} already: rotate it, delete it, or take another name")
            if len(kept) >= MOST:
                raise Conflict(f"there are {MOST} secrets, and no more are kept: delete some")
            kept.append(made)
        return made

    def rotate(self, name: str, old_for: timedelta) -> SigningSecret:
        """Give a secret another text; the one before signs beside it for a while."""

        def rotated(secret: SigningSecret) -> SigningSecret:
            changes = {"text": _new(), "old_text": secret.text, "old_until": datetime.now(UTC) + old_for}
            return secret.model_copy(update=changes)

        return self._change(name, rotated)

    def delete(self, name: str) -> None:
        """Remove a secret: what it would have signed is sent no more."""
        found = self.get(name)
        with self._locked() as kept:
            kept[:] = [each for each in kept if each.id != found.id]

    def _change(self, name: str, change: Callable[[SigningSecret], SigningSecret]) -> SigningSecret:
        with self._locked() as kept:
            changed = change(self.get(name))
            kept[:] = [changed if each.id == changed.id else each for each in kept]
        return changed

    @contextmanager
    def _locked(self) -> Iterator[list[SigningSecret]]:
        """Yield the list, and write it as it is then."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_beside(self.path):
            kept = self.all()
            yield kept
            text = SecretList(schema=SCHEMA, secrets=kept).model_dump_json(by_alias=True, indent=1)
            files.write_atomic(self.path, text.encode() + b"\n", mode=MODE)


def _new() -> SecretStr:
    return SecretStr(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())
