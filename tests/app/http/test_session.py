"""Sessions: a key traded for a cookie, what that opens, and when it ends."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.keys import Keyring, KeysFile, KeyWanted, Sessions
from core.keys.errors import KeyInvalid
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.fixtures import Serve

OWN = {"Origin": "http://localhost"}


@pytest.fixture
def keys(settings: Settings) -> KeysFile:
    return KeysFile(settings.keys_path)


def make(file: KeysFile, *scopes: KeyScope, **wanted: Any) -> str:
    return file.create(KeyWanted.model_validate({"scopes": scopes, **wanted})).text.get_secret_value()


async def cookie(client: httpx.AsyncClient, key: str) -> dict[str, str]:
    """The header that a browser sends after it has signed in."""
    answer = await client.post("/session", json={"key": key})
    assert answer.status_code == 201, answer.text
    client.cookies.clear()
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def test_a_key_is_traded_for_a_cookie_that_no_script_and_no_other_site_gets(
    client: httpx.AsyncClient, keys: KeysFile, settings: Settings
) -> None:
    key = make(keys, KeyScope.GENERATE, KeyScope.READ, name="me")

    answer = await client.post("/session", json={"key": key}, headers=OWN)

    morsel = SimpleCookie(answer.headers["Set-Cookie"])["ganymede_session"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"], morsel["secure"]) == (True, "strict", "/", "")
    assert 86_300 < int(morsel["max-age"]) <= 86_400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["key"] == {"id": key[:16], "name": "me"}
    assert answer.json()["scopes"] == ["read", "generate"]
    kept = settings.sessions_path.read_text()
    assert key[17:] not in kept + answer.text + answer.headers["Set-Cookie"]
    assert morsel.value.partition(".")[2] not in kept
    assert stat.S_IMODE(settings.sessions_path.stat().st_mode) == 0o600


async def test_behind_tls_and_a_prefix_the_cookie_is_of_both(client: httpx.AsyncClient, keys: KeysFile) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/gan"}

    answer = await client.post("/session", json={"key": make(keys, KeyScope.READ)}, headers=told)

    morsel = SimpleCookie(answer.headers["Set-Cookie"])["ganymede_session"]
    assert (morsel["path"], morsel["secure"]) == ("/gan/", True)


async def test_a_session_opens_what_its_key_does_also_after_a_restart(
    client: httpx.AsyncClient, keys: KeysFile, settings: Settings, serve: Serve
) -> None:
    sent = await cookie(client, make(keys, KeyScope.GENERATE))

    drawn = await client.get("/generate?seed=1", headers=sent)
    refused = await client.post("/train", json={}, headers={**sent, **OWN})
    async with serve(create_app(settings)) as later:
        again = await later.get("/generate?seed=1", headers=sent)
        told = (await later.get("/session", headers=sent)).json()

    assert (drawn.status_code, again.status_code) == (200, 200)
    assert "private" in drawn.headers["Cache-Control"]
    assert (refused.status_code, refused.json()["scope"]) == (403, "train")
    assert told["scopes"] == ["read", "generate"]


async def test_what_a_session_changes_needs_an_origin_of_ours(client: httpx.AsyncClient, keys: KeysFile) -> None:
    sent = await cookie(client, make(keys, KeyScope.ADMIN))
    asked = [
        await client.put("/models/tiny/aliases/a", json={"version": 1}, headers={**sent, **more})
        for more in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:9"}, OWN)
    ]

    assert [answer.status_code for answer in asked] == [403, 403, 403, 403, 201]
    assert {answer.json()["code"] for answer in asked[:4]} == {"origin_not_allowed"}


async def test_a_session_ends_by_sign_out_with_its_key_and_in_time(
    client: httpx.AsyncClient, keys: KeysFile, settings: Settings
) -> None:
    out, revoked = await cookie(client, make(keys, KeyScope.READ)), make(keys, KeyScope.READ)
    with_key = await cookie(client, revoked)
    soon = make(keys, KeyScope.READ, expires_at=datetime.now(UTC) + timedelta(milliseconds=400))
    in_time = await cookie(client, soon)

    left = await client.delete("/session", headers={**out, **OWN})
    keys.revoke(revoked)
    await asyncio.sleep(0.5)

    assert left.status_code == 204
    assert SimpleCookie(left.headers["Set-Cookie"])["ganymede_session"]["max-age"] == "0"
    for sent in (out, with_key, in_time):
        answer = await client.get("/train", headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_invalid")
    settings.sessions_path.write_text("{")
    assert (await client.get("/train", headers=with_key)).status_code == 401
    assert (await cookie(client, make(keys, KeyScope.READ)))["Cookie"]  # made anew


async def test_what_is_no_session_opens_nothing(client: httpx.AsyncClient, keys: KeysFile) -> None:
    key = make(keys, KeyScope.READ)
    text = (await cookie(client, key))["Cookie"].partition("=")[2]
    values = ["", text[:-1], text + "0", f"{text[:17]}{'0' * 64}", "x" * 9000, "\u00e9", key, f'"{text}"']

    for value in [*values, f"{text}; ganymede_session={text}"]:
        answer = await client.get("/train", headers=[(b"Cookie", f"a=b; ganymede_session={value}".encode())])
        assert answer.status_code == 401, value
    for body in ({"key": "wrong"}, {"key": key[:17] + "0" * 64}):
        assert (await client.post("/session", json=body)).status_code == 401
    for bad in ({"key": "x" * 300}, {"key": 7}, {}, {"key": key, "x": 1}):
        refused = await client.post("/session", json=bad)
        assert refused.status_code == 422
        assert key[17:] not in refused.text
    both = {"Cookie": f"ganymede_session={text}", "Authorization": "Bearer wrong"}
    assert (await client.get("/train", headers=both)).status_code == 401


async def test_where_no_key_is_needed_everything_is_open_and_there_is_nothing_to_trade(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/session")).json() == {"key": None, "scopes": list(KeyScope), "expires_at": None}
    assert (await client.post("/session", json={"key": "x"})).status_code == 401
    assert (await client.delete("/session")).status_code == 204


def test_sessions_are_bounded(settings: Settings, keys: KeysFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.keys.sessions.MAX_SESSIONS", 3)
    sessions = Sessions(settings.sessions_path, Keyring(keys.path))
    key = keys.create(KeyWanted(scopes=(KeyScope.READ,))).key

    made = [sessions.create(key).text.get_secret_value().encode() for _ in range(5)]

    with pytest.raises(KeyInvalid, match="sign in again"):
        sessions.find(made[1])
    assert [sessions.find(text)[1] for text in made[2:]] == [key] * 3
