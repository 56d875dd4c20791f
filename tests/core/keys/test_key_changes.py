"""Keys that are changed, rotated and used: what stays, what ends, what is written down."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InvalidRequest
from core.keys import KeyChange, Keyring, KeyWanted, LastUse, SecretKey
from core.keys.errors import KeyInvalid
from core.store import files
from ganymede.schemas.keys import KeyScope


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "api-keys.json")


@pytest.fixture
def made(ring: Keyring) -> SecretKey:
    return ring.file.create(KeyWanted(name="me", scopes=(KeyScope.TRAIN,), per_minute=5, images_a_day=9))


def text(key: SecretKey) -> bytes:
    return key.text.get_secret_value().encode()


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_a_changed_key_is_the_same_key_and_what_is_left_out_stays(ring: Keyring, made: SecretKey) -> None:
    ends = in_days(1)

    ring.file.change("me", KeyChange(per_minute=None, training_minutes_a_day=7, expires_at=ends))
    found = ring.find(text(made))
    ring.file.change(made.key.id, KeyChange(expires_at=None, scopes=(KeyScope.READ, KeyScope.GENERATE)))
    later = ring.find(text(made))

    assert (found.per_minute, found.images_a_day, found.training_minutes_a_day) == (None, 9, 7)
    assert (found.expires_at, found.scopes) == (ends, (KeyScope.TRAIN,))
    assert (later.expires_at, later.scopes, later.images_a_day) == (None, (KeyScope.READ, KeyScope.GENERATE), 9)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (KeyChange(per_minute=0), "per-minute"),
        (KeyChange(images_a_day=-1), "images-a-day"),
        (KeyChange(training_minutes_a_day=-1), "training-minutes-a-day"),
        (KeyChange(expires_at=in_days(-1)), "expires"),
        (KeyChange(scopes=()), "scope"),
    ],
)
def test_a_change_that_cannot_be_leaves_the_key_as_it_was(
    ring: Keyring, made: SecretKey, change: KeyChange, field: str
) -> None:
    before = ring.file.path.read_bytes()

    with pytest.raises(InvalidRequest) as refused:
        ring.file.change("me", change)

    assert refused.value.problems[0].pointer == field
    assert ring.file.path.read_bytes() == before


def test_a_rotated_key_has_its_id_and_the_old_secret_ends_at_its_time(
    ring: Keyring, made: SecretKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ring.file.rotate("me", in_days(1))

    both = [ring.find(text(each)).id for each in (made, new)]
    monkeypatch.setattr(ring, "_clock", type("Clock", (), {"now": lambda _: in_days(2).timestamp()})())
    with pytest.raises(KeyInvalid, match="not one of this service"):
        ring.find(text(made))

    assert both == [made.key.id, made.key.id]
    assert ring.find(text(new)).per_minute == 5
    assert text(made)[17:].decode() not in ring.file.path.read_text()


def test_rotated_twice_or_at_once_the_first_secret_opens_nothing(ring: Keyring, made: SecretKey) -> None:
    second = ring.file.rotate("me", in_days(1))
    third = ring.file.rotate("me", in_days(0))

    for old in (made, second):
        with pytest.raises(KeyInvalid):
            ring.find(text(old))
    assert ring.find(text(third)).id == made.key.id
    ring.file.revoke("me")
    with pytest.raises(KeyInvalid, match="revoked"):
        ring.find(text(third))


def test_a_revoked_key_is_neither_changed_nor_rotated(ring: Keyring, made: SecretKey) -> None:
    ring.file.revoke("me")

    with pytest.raises(InvalidRequest, match="is revoked, for good"):
        ring.file.change("me", KeyChange(per_minute=1))
    with pytest.raises(InvalidRequest, match="is revoked, for good"):
        ring.file.rotate("me", in_days(1))


def test_the_last_use_costs_one_write_a_minute_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used, now, writes = LastUse(tmp_path / "home" / "key-last-use.json"), 1000.0, 0
    monkeypatch.setattr("core.keys.last_use.time.monotonic", lambda: now)
    write = files.write_atomic

    def counted(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o666) -> None:
        nonlocal writes
        writes += 1
        write(path, data, durable=durable, mode=mode)

    monkeypatch.setattr("core.keys.last_use.files.write_atomic", counted)
    for _ in range(100):
        used.note("gnm_a")
        used.note("gnm_b")
    now += 61
    used.note("gnm_a")

    assert writes == 3
    assert LastUse(used.path).read().keys() == {"gnm_a", "gnm_b"}
    assert abs((used.read()["gnm_a"] - datetime.now(UTC)).total_seconds()) < 300
    assert used.path.stat().st_mode & 0o777 == 0o600


def test_two_processes_keep_what_the_other_wrote_and_damage_or_a_bad_disk_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "key-last-use.json"

    LastUse(path).note("gnm_a")
    LastUse(path).note("gnm_b")
    both = LastUse(path).read()
    path.write_text("{")
    LastUse(path).note("gnm_c")
    after = LastUse(path).read()
    path.unlink()
    path.mkdir()
    LastUse(path).note("gnm_d")

    assert (sorted(both), sorted(after)) == (["gnm_a", "gnm_b"], ["gnm_c"])
    assert LastUse(path).read() == {}
