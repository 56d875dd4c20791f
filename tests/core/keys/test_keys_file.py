"""The file of keys: what is kept of a key, and what happens to it when several change it, or it is damaged."""

import ast
import inspect
import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InvalidRequest
from core.keys import KeysFile, KeyWanted, record
from core.keys.errors import KeysUnusable
from ganymede.schemas.keys import KeyScope

WANTED = KeyWanted(name="me", scopes=(KeyScope.GENERATE,))


@pytest.fixture
def file(tmp_path: Path) -> KeysFile:
    return KeysFile(tmp_path / "home" / "api-keys.json")


def test_a_key_is_kept_as_a_hash_in_a_file_that_only_its_owner_reads(file: KeysFile) -> None:
    before = os.umask(0)
    try:
        made = file.create(WANTED)
    finally:
        os.umask(before)

    secret = made.text.get_secret_value().rpartition("_")[2]
    assert len(secret) == 64
    assert secret not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.read() == (made.key,)
    assert secret not in f"{made!r} {made.key!r} {made.text!s}"


def test_every_key_is_another_one(file: KeysFile) -> None:
    made = [file.create(KeyWanted(scopes=(KeyScope.READ,))) for _ in range(5)]

    assert len({each.key.id for each in made}) == len({each.key.sha256 for each in made}) == 5


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (KeyWanted(name="", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name=" me", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="me\n", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="a\nb", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="\x1b[31m", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="\u202eme", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="n" * 65, scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="gnm_0123456789ab", scopes=(KeyScope.READ,)), "name"),
        (KeyWanted(name="me", scopes=()), "scope"),
        (KeyWanted(name="me", scopes=(KeyScope.READ,), expires_at=datetime.now(UTC) - timedelta(1)), "expires"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_field_and_nothing_is_written(
    file: KeysFile, wanted: KeyWanted, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        file.create(wanted)

    assert [problem.pointer for problem in refused.value.problems] == [field]
    assert not file.path.exists()


def test_a_name_is_free_again_once_its_key_is_revoked(file: KeysFile) -> None:
    first = file.create(WANTED)
    with pytest.raises(InvalidRequest, match="in use"):
        file.create(WANTED)
    file.revoke("me")

    second = file.create(WANTED)

    assert [(key.id, key.revoked_at is None) for key in file.read()] == [(first.key.id, False), (second.key.id, True)]


def test_a_key_is_revoked_by_its_id_its_name_or_itself_and_stays_in_the_file(file: KeysFile) -> None:
    made = [file.create(KeyWanted(name=f"n{i}", scopes=(KeyScope.READ,))) for i in range(3)]

    revoked = [file.revoke("n0"), file.revoke(made[1].key.id), file.revoke(made[2].text.get_secret_value())]

    assert [key.id for key in revoked] == [each.key.id for each in made]
    assert list(file.read()) == revoked
    assert file.revoke("n0") == revoked[0]
    with pytest.raises(InvalidRequest, match="no key"):
        file.revoke("nobody")


def test_no_key_is_lost_while_many_are_made_and_revoked_at_once(file: KeysFile) -> None:
    def work(number: int) -> str:
        made = KeysFile(file.path).create(KeyWanted(name=f"n{number}", scopes=(KeyScope.READ,)))
        if number % 2:
            KeysFile(file.path).revoke(made.key.id)
        return made.key.id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(24)))

    kept = {key.id: key for key in file.read()}
    assert set(ids) == kept.keys()
    assert [kept[key_id].revoked_at is not None for key_id in ids] == [bool(number % 2) for number in range(24)]
    assert [path.name for path in file.path.parent.glob("*.tmp")] == []


def twice(path: Path) -> None:
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "keys": body["keys"] * 2}))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "no JSON": lambda path: path.write_text("hello"),
    "another JSON": lambda path: path.write_text("[]"),
    "a list elsewhere": lambda path: path.write_text('{"schema": 1}'),
    "a newer form": lambda path: path.write_text('{"schema": 2, "keys": []}'),
    "an unknown scope": lambda path: path.write_text(path.read_text().replace('"generate"', '"everything"')),
    "a short hash": lambda path: path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0')),
    "a time without a zone": lambda path: path.write_text(path.read_text().replace("Z", "")),
    "one id twice": twice,
    "a folder": folder_instead,
    "deep": lambda path: path.write_text("[" * 100_000),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_refused_by_name_and_never_taken_for_an_empty_one(file: KeysFile, kind: str) -> None:
    sha256 = file.create(WANTED).key.sha256
    DAMAGES[kind](file.path)

    for use in (file.read, lambda: file.create(WANTED), lambda: file.revoke("me")):
        with pytest.raises(KeysUnusable, match=r"api-keys\.json") as refused:
            use()

        assert sha256 not in str(refused.value)


def test_keys_are_compared_in_constant_time_and_nowhere_else() -> None:
    """Hashes and texts of keys meet in record.is_of alone, which calls hmac.compare_digest."""
    folder = Path(inspect.getfile(record)).parent
    comparing = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                text = ast.unparse(node)
                comparing += [text] if any(word in text for word in ("sha256", "digest", "secret", "text")) else []

    tree = ast.parse(inspect.getsource(record.is_of))

    assert comparing == []
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls[:1] == ["hmac.compare_digest"]
