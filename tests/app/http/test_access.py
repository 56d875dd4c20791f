"""Keys at the door: which route needs which, and what is said to who has none."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.http.access import private
from app.http.routing import KeyedRoute
from app.main import PARTS, create_app
from core.keys import KeysFile, KeyWanted, LastUse
from core.settings import Settings
from core.store import files
from ganymede.schemas.keys import KeyScope
from tests.fixtures import Eventually, PublishTiny, Serve

# Everyone may ask these, whatever keys there are; all others need one.
FILES = {"/docs/assets/{asked}/{name}", "/page/{asked}/{name}"}
OPEN = {"/", "/livez", "/readyz", "/docs", "/openapi.json", *FILES}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def make(file: KeysFile, *scopes: KeyScope, **wanted: Any) -> str:
    return file.create(KeyWanted.model_validate({"scopes": scopes, **wanted})).text.get_secret_value()


@pytest.fixture
def keys(settings: Settings) -> KeysFile:
    return KeysFile(settings.keys_path)


@pytest.fixture
def key(keys: KeysFile) -> str:
    return make(keys, KeyScope.GENERATE)


@pytest.fixture
async def keyed(key: str, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a service that has a key for drawing."""
    return client


def test_every_route_says_what_it_needs_and_only_those_listed_are_open() -> None:
    routes = [route for part in PARTS for route in part.router.routes]

    assert [route for route in routes if not isinstance(route, KeyedRoute)] == []
    needs = {
        (route.path_format, m): route.needs
        for route in routes
        if isinstance(route, KeyedRoute)
        for m in route.methods or ()
    }
    assert needs.pop(("/session", "POST")) is needs.pop(("/session", "DELETE")) is None  # who has none yet, or leaves
    assert {path for (path, _), scope in needs.items() if scope is None} == OPEN
    for (path, method), scope in needs.items():
        if method in ("GET", "HEAD"):
            assert scope in (None, KeyScope.GENERATE if path.startswith("/generate") else KeyScope.READ), path
        else:
            room = "models" if "publish" in path else path.split("/")[1]
            expected = {"train": KeyScope.TRAIN, "models": KeyScope.MODELS_WRITE, "datasets": KeyScope.DATASETS_WRITE}
            expected["webhooks"] = KeyScope.WEBHOOKS_WRITE
            assert scope is expected.get(room, KeyScope.GENERATE), (method, path)


async def test_without_any_key_nobody_is_asked_for_one_and_what_is_sent_as_one_does_not_matter(
    client: httpx.AsyncClient,
) -> None:
    for headers in ({}, bearer("anything"), {"Authorization": "Basic eDp5"}):
        answer = await client.get("/generate?seed=1", headers=headers)

        assert answer.status_code == 200
        assert "private" not in answer.headers["Cache-Control"]


async def test_once_a_key_exists_it_is_needed_until_it_is_revoked_and_then_too(
    client: httpx.AsyncClient, keys: KeysFile
) -> None:
    key = make(keys, KeyScope.GENERATE)

    without, with_it = await client.get("/generate?seed=1"), await client.get("/generate?seed=1", headers=bearer(key))
    keys.revoke(key)
    after = [await client.get("/generate?seed=1", headers=headers) for headers in (bearer(key), {})]

    assert (without.status_code, with_it.status_code) == (401, 200)
    assert without.headers["WWW-Authenticate"] == 'Bearer realm="ganymede"'
    assert without.headers["Content-Type"] == "application/problem+json"
    assert (without.json()["code"], without.json()["request_id"]) == ("key_invalid", without.headers["Request-Id"])
    assert [answer.status_code for answer in after] == [401, 401]
    assert after[0].json()["detail"] == f"the key {key[:16]} was revoked"


async def test_the_last_use_of_a_key_is_kept_whatever_it_is_used_for(
    keyed: httpx.AsyncClient, key: str, keys: KeysFile, settings: Settings, eventually: Eventually
) -> None:
    idle = make(keys, KeyScope.READ)
    await keyed.get("/generate?seed=1", headers=bearer(key))
    await keyed.get("/train", headers=bearer(idle[:17] + "0" * 64))  # not its secret

    async def is_kept() -> bool:
        return LastUse(settings.last_use_path).read().keys() == {key[:16]}

    await eventually(is_kept)


async def test_a_request_does_not_wait_until_its_key_is_noted(
    keyed: httpx.AsyncClient, key: str, settings: Settings, eventually: Eventually
) -> None:
    with files.lock_beside(settings.last_use_path):
        answer = await keyed.get("/train", headers=bearer(key))
        assert LastUse(settings.last_use_path).read() == {}

    async def is_kept() -> bool:
        return LastUse(settings.last_use_path).read().keys() == {key[:16]}

    assert answer.status_code == 200
    await eventually(is_kept)


async def test_what_is_open_stays_open(keyed: httpx.AsyncClient) -> None:
    for path in OPEN - FILES:
        answers = [await keyed.get(path, headers=headers) for headers in ({}, bearer("wrong"))]

        assert [answer.status_code for answer in answers] == [200, 200], path


async def test_a_stranger_learns_nothing_of_what_there_is(keyed: httpx.AsyncClient, key: str) -> None:
    for path in ["/train", "/nothing", "/train/", "/docs/assets/x", "/models/tiny/nothing", "/livez/"]:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            answer = await keyed.request(method, path)

            assert answer.status_code == 401, (method, path)
        assert (await keyed.get(path, headers=bearer(key))).status_code in (200, 307, 404)


SCOPES = [
    ("POST", "/train", "train"),
    ("POST", "/train/validate", "train"),
    ("DELETE", "/train/run_00000000000000000000", "train"),
    ("POST", "/train/run_00000000000000000000/cancel", "train"),
    ("POST", "/train/run_00000000000000000000/checkpoints/1/publish", "models:write"),
    ("PUT", "/models/tiny/aliases/a", "models:write"),
    ("DELETE", "/models/tiny", "models:write"),
    ("POST", "/models/tiny/versions", "models:write"),
    ("POST", "/datasets", "datasets:write"),
    ("DELETE", "/datasets/mnist-10k", "datasets:write"),
    ("POST", "/webhooks/secrets", "webhooks:write"),
    ("PUT", "/webhooks/models/tiny", "webhooks:write"),
]


async def test_a_key_for_something_else_is_told_which_scope_is_missing(keyed: httpx.AsyncClient, key: str) -> None:
    for method, path, scope in SCOPES:
        answer = await keyed.request(method, path, headers=bearer(key), content=b"x" * 100)

        assert (answer.status_code, answer.json()["code"], answer.json()["scope"]) == (403, "scope_missing", scope)
        assert answer.headers["WWW-Authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
        assert scope in answer.json()["detail"]


async def test_drawing_needs_its_scope_on_the_fast_route_and_on_the_others(
    client: httpx.AsyncClient, keys: KeysFile
) -> None:
    reading, admin = make(keys, KeyScope.READ), make(keys, KeyScope.ADMIN)

    for key, status in ((reading, 403), (admin, 200)):
        asked = [
            await client.get("/generate?seed=1", headers=bearer(key)),
            await client.head("/generate?seed=1", headers=bearer(key)),
            await client.post("/generate", json={"seed": 1}, headers=bearer(key)),
        ]

        assert [answer.status_code for answer in asked] == [status] * 3
    assert (await client.get("/train", headers=bearer(reading))).status_code == 200


NO_KEYS = [
    *("", "Bearer", "Bearer ", "Basic eDp5", "Token KEY", "KEY", "Bearer KEY KEY", "Bearer KEY,", "BearerKEY"),
    *(
        "Bearer gnm_",
        "Bearer KEYx",
        "Bearer xKEY",
        'Bearer "KEY"',
        "Bearer\tKEY",
        "Bearer KEY\u00a0",
        "Bearer " + "x" * 9000,
    ),
    *("Bearer WRONG", "Bearer \u212aEY", "Bearer * ", "Bearer null", "Bearer KEY; KEY"),
]


async def test_what_is_no_key_is_a_clear_401_that_does_not_repeat_it(
    keyed: httpx.AsyncClient, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    for header in NO_KEYS:
        sent = header.replace("KEY", key).replace("WRONG", key[:17] + "0" * 64).encode("utf-8")
        with caplog.at_level(logging.DEBUG, "app"):
            answer = await keyed.get("/generate?seed=1", headers=[(b"Authorization", sent)])

        assert (answer.status_code, answer.json()["code"]) == (401, "key_invalid"), header
        assert key[17:] not in answer.text + caplog.text
        assert "x" * 20 not in answer.text


async def test_the_scheme_may_be_written_in_any_case(keyed: httpx.AsyncClient, key: str) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert (await keyed.get("/train", headers={"Authorization": f"{scheme} {key}"})).status_code == 200


async def test_an_expired_key_says_so_to_who_has_it(client: httpx.AsyncClient, keys: KeysFile) -> None:
    key = make(keys, KeyScope.READ, expires_at=datetime.now(UTC) + timedelta(milliseconds=100))
    await asyncio.sleep(0.12)

    answer = await client.get("/train", headers=bearer(key))

    assert (answer.status_code, answer.json()["detail"]) == (401, f"the key {key[:16]} has expired")


ADDRESSES = ["/train?key=KEY", "/generate?seed=1&KEY", "/models/KEY", "/livez?x=KEY", "/train?a=ESCAPED"]


async def test_a_key_in_an_address_is_refused_and_not_logged(
    keyed: httpx.AsyncClient, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in key.encode())
    for address in ADDRESSES:
        for headers in ({}, bearer(key)):
            with caplog.at_level(logging.DEBUG, "app"):
                answer = await keyed.get(address.replace("KEY", key).replace("ESCAPED", escaped), headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
            assert "revoke it" in answer.json()["detail"]
            assert key[17:] not in caplog.text


async def test_nobody_is_let_in_while_the_file_of_keys_is_damaged(
    keyed: httpx.AsyncClient, key: str, keys: KeysFile
) -> None:
    keys.path.write_text("{}")

    for headers in (bearer(key), {}):
        answer = await keyed.get("/train", headers=headers)
        assert answer.status_code == (503 if headers else 401)
    answer = await keyed.get("/generate?seed=1", headers=bearer(key))
    ready = await keyed.get("/readyz")

    assert answer.json()["code"] == "keys_unusable"
    assert "api-keys.json" in answer.json()["detail"]
    assert ready.json()["degraded"][0].startswith("keys: ")


async def test_without_keys_another_address_than_loopback_lets_nobody_in(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    beyond = settings.model_copy(update={"host": "0.0.0.0"})
    async with serve(create_app(beyond)) as client:
        assert (await client.get("/train")).status_code == 401
    async with serve(create_app(beyond.model_copy(update={"allow_anonymous": True}))) as client:
        assert (await client.get("/train")).status_code == 200
        make(KeysFile(settings.keys_path), KeyScope.READ)
        assert (await client.get("/train")).status_code == 401


async def test_what_a_key_opened_no_shared_cache_keeps(keyed: httpx.AsyncClient, key: str) -> None:
    pinned = await keyed.get("/generate?model=tiny@1&seed=1", headers=bearer(key))
    listed = await keyed.get("/train", headers=bearer(key))
    known = await keyed.get("/generate?seed=1", headers={**bearer(key), "If-None-Match": "*"})

    assert pinned.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert listed.headers["Cache-Control"] == "private"
    assert (known.status_code, known.headers["Cache-Control"]) == (304, "private, no-cache")
    assert private([(b"cache-control", b"no-store")]) == [(b"cache-control", b"no-store")]


async def test_the_openapi_document_says_which_key_opens_what(keyed: httpx.AsyncClient) -> None:
    document = (await keyed.get("/openapi.json")).json()

    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/train"]["post"]["security"] == [{}, {"key": ["train"]}, {"session": ["train"]}]
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert {"401", "403", "503"} <= document["paths"]["/train"]["get"]["responses"].keys()
