"""The keys of a running service: which text opens, and how soon a change counts."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.keys import Keyring, KeyWanted, SecretKey
from core.keys.errors import KeyInvalid, KeysUnusable
from ganymede.schemas.keys import KeyScope


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "api-keys.json")


def made(ring: Keyring, *scopes: KeyScope, **wanted: object) -> tuple[SecretKey, bytes]:
    secret = ring.file.create(KeyWanted.model_validate({"scopes": scopes or (KeyScope.GENERATE,), **wanted}))
    return secret, secret.text.get_secret_value().encode()


def test_a_key_opens_from_the_moment_it_is_made_to_the_moment_it_is_revoked(ring: Keyring) -> None:
    assert not ring.is_needed
    secret, text = made(ring)
    assert ring.is_needed

    assert ring.find(text) == secret.key
    assert ring.is_valid(secret.key.id)

    ring.file.revoke(secret.key.id)
    with pytest.raises(KeyInvalid, match=f"{secret.key.id} was revoked"):
        ring.find(text)
    assert not ring.is_valid(secret.key.id)
    assert ring.is_needed  # a service that had keys does not open by itself


def test_a_service_whose_file_is_taken_away_has_no_keys(ring: Keyring) -> None:
    made(ring)
    assert ring.is_needed

    ring.file.path.unlink()

    assert not ring.is_needed


def test_a_key_ends_at_its_time(ring: Keyring) -> None:
    secret, text = made(ring, expires_at=datetime.now(UTC) + timedelta(milliseconds=50))
    time.sleep(0.06)

    with pytest.raises(KeyInvalid, match=f"{secret.key.id} has expired"):
        ring.find(text)


def test_a_clock_that_is_set_back_revives_no_key(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = made(ring, expires_at=datetime.now(UTC) + timedelta(milliseconds=50))
    time.sleep(0.06)
    yesterday = time.time() - 86_400
    monkeypatch.setattr(time, "time", lambda: yesterday)

    with pytest.raises(KeyInvalid, match="has expired"):
        ring.find(text)


def test_who_guesses_is_told_the_same_whether_there_is_a_key_of_that_id_or_not(ring: Keyring) -> None:
    secret, text = made(ring)
    told = set()
    for guess in (text[:17] + b"0" * 64, b"gnm_000000000000_" + b"0" * 64, b"gnm_000000000000" + text[16:]):
        with pytest.raises(KeyInvalid) as refused:
            ring.find(guess)
        told.add(str(refused.value))

    ring.file.revoke(secret.key.id)
    with pytest.raises(KeyInvalid) as refused:
        ring.find(text[:17] + b"0" * 64)

    assert {*told, str(refused.value)} == {"this key is not one of this service"}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: text[:-1],
        lambda text: text + b"0",
        lambda text: text.upper(),
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: text[:20] + "\u0660".encode() + text[22:],  # a digit of another script
        lambda text: text[:-1] + b"\xff",
        lambda text: text * 100_000,
        lambda text: text[:16] + b"-" + text[17:],
    ],
)
def test_what_is_almost_a_key_is_none(ring: Keyring, change: object) -> None:
    _, text = made(ring)

    with pytest.raises(KeyInvalid) as refused:
        ring.find(change(text))  # type: ignore[operator]

    assert text.decode()[17:] not in str(refused.value)


def test_nobody_is_let_in_while_the_file_is_damaged(ring: Keyring) -> None:
    secret, text = made(ring)
    whole = ring.file.path.read_bytes()
    assert ring.is_needed

    ring.file.path.write_bytes(whole[:-5])

    assert ring.is_needed
    with pytest.raises(KeysUnusable, match=r"api-keys\.json"):
        ring.find(text)
    assert not ring.is_valid(secret.key.id)

    ring.file.path.write_bytes(whole)
    os.utime(ring.file.path)

    assert ring.find(text) == secret.key


def test_a_damaged_file_needs_keys_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("{")

    assert Keyring(tmp_path / "keys").is_needed


def test_every_key_may_read_and_an_admin_may_all(ring: Keyring) -> None:
    drawing, admin = made(ring, KeyScope.GENERATE)[0].key, made(ring, KeyScope.ADMIN)[0].key

    assert [scope for scope in KeyScope if drawing.allows(scope)] == [KeyScope.READ, KeyScope.GENERATE]
    assert [scope for scope in KeyScope if admin.allows(scope)] == list(KeyScope)
