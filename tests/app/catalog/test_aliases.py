"""Aliases over HTTP: promotion and rollback while requests go on, conditions, history."""

import asyncio
from typing import Any

import httpx
import pytest

from app.engine import hot_reload as hotload
from app.main import create_app
from core.queue import RedisNotifier
from core.settings import Settings
from tests.fixtures import Eventually, PublishBroken, PublishTiny, Serve

PRODUCTION = "/models/tiny/aliases/production"


@pytest.fixture(autouse=True)
def _no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 3600)  # a change is seen by itself, or by a notification


async def put(client: httpx.AsyncClient, version: int, alias: str = PRODUCTION, **headers: str) -> httpx.Response:
    return await client.put(
        alias, json={"version": version}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


async def version_of(client: httpx.AsyncClient, model: str = "tiny") -> str:
    answer = await client.get("/generate", params={"model": model, "seed": 1})
    return answer.headers.get("Model-Version", answer.json()["code"] if answer.status_code >= 400 else "")


async def test_promotion_and_rollback_are_drawn_at_once_and_removal_means_latest_again(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny(seed=1)
    publish_tiny(seed=2)
    seen = []
    for version in (3, 1, 2):
        answer = await put(client, version)
        seen.append((answer.status_code, answer.headers["ETag"], await version_of(client)))

    removed = await client.delete(PRODUCTION, headers={"If-Match": '"2"'})

    assert seen == [(201, '"3"', "3"), (200, '"1"', "1"), (200, '"2"', "2")]
    assert (removed.status_code, removed.content) == (204, b"")
    assert await version_of(client) == "3"
    assert await version_of(client, "tiny:production") == "model_not_found"


async def test_every_process_draws_by_the_alias_and_no_request_fails(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, eventually: Eventually
) -> None:
    for seed in range(3):
        publish_tiny(seed=seed)
    seen: list[tuple[int, str]] = []
    over = asyncio.Event()
    async with serve(create_app(settings)) as here, serve(create_app(settings)) as there:

        async def keep_asking() -> None:
            while not over.is_set():
                answer = await there.get("/generate", params={"model": "tiny", "seed": 1})
                seen.append((answer.status_code, answer.headers.get("Model-Version", "")))

        asking = asyncio.create_task(keep_asking())
        for version in (2, 1, 3, 1):

            async def is_drawn(meant: int = version) -> bool:
                if meant == 2:  # the first: the other process may not have begun to listen
                    await asyncio.to_thread(RedisNotifier(settings.broker_url).notify, "tiny")
                return bool(seen) and seen[-1] == (200, str(meant))

            await put(here, version)
            await eventually(is_drawn)
        over.set()
        await asking

    assert {status for status, _ in seen} == {200}


async def test_an_alias_is_read_with_its_etag_and_its_last_move(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny(seed=1)
    await put(client, 1)
    await client.put(PRODUCTION, json={"version": 2, "reason": "sharper"})

    answer = await client.get(PRODUCTION)
    known = await client.get(PRODUCTION, headers={"If-None-Match": answer.headers["ETag"]})
    listed = (await client.get("/models/tiny/aliases")).json()

    body = answer.json()
    assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == ('"2"', "no-cache")
    assert (known.status_code, known.headers["ETag"]) == (304, '"2"')
    assert (body["alias"], body["version"], body["previous"], body["reason"]) == ("production", 2, 1, "sharper")
    assert body["changed_at"].endswith("Z")
    assert [entry["alias"] for entry in listed["data"]] == ["latest", "production"]
    assert listed["data"][1] == body


async def test_the_history_has_every_move_newest_first(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny(seed=1)
    for version in (1, 2, 2, 1):
        await put(client, version)
    await client.delete(PRODUCTION)

    moves = (await client.get(f"{PRODUCTION}/history")).json()["data"]

    assert [(move["previous"], move["version"]) for move in moves] == [(1, None), (2, 1), (1, 2), (None, 1)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Match": '"1"'}, 200),
        ({"If_Match": '"7", "1"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"2"'}, 412),
        ({"If_Match": 'W/"1"'}, 412),
        ({"If_Match": "1"}, 412),
        ({"If_Match": ""}, 412),
        ({"If_None_Match": "*"}, 412),
        ({"If_None_Match": '"1"'}, 412),
        ({"If_None_Match": '"2"'}, 200),
    ],
)
async def test_a_change_happens_only_if_its_condition_holds(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, headers: dict[str, str], status: int
) -> None:
    publish_tiny(seed=1)
    await put(client, 1)

    answer = await put(client, 2, **headers)

    assert answer.status_code == status
    assert (await client.get(PRODUCTION)).json()["version"] == (2 if status == 200 else 1)
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"
        assert 'has the ETag "1"' in answer.json()["detail"]


async def test_a_new_alias_can_be_asked_for_and_one_that_must_exist_refused(client: httpx.AsyncClient) -> None:
    refused = await put(client, 1, If_Match="*")
    first, second = await asyncio.gather(*(put(client, 1, If_None_Match="*") for _ in range(2)))

    assert (refused.status_code, "does not exist" in refused.json()["detail"]) == (412, True)
    assert sorted((first.status_code, second.status_code)) == [201, 412]


async def test_of_two_changes_at_once_from_the_same_state_one_wins(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny(seed=1)
    publish_tiny(seed=2)
    await put(client, 1)

    answers = await asyncio.gather(*(put(client, version, If_Match='"1"') for version in (2, 3)))

    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PRODUCTION, {"version": 9}, 404, "model_not_found"),
        ("/models/nobody/aliases/production", {"version": 1}, 404, "model_not_found"),
        ("/models/tiny/aliases/latest", {"version": 1}, 409, "conflict"),
        ("/models/tiny/aliases/Best", {"version": 1}, 422, "invalid_request"),
        ("/models/tiny/aliases/%2e%2e", {"version": 1}, 422, "invalid_request"),
        ("/models/run/aliases/best", {"version": 1}, 422, "invalid_request"),
        (PRODUCTION, {"version": 0}, 422, "invalid_request"),
        (PRODUCTION, {"version": 1, "reasons": "x"}, 422, "invalid_request"),
        (PRODUCTION, {}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_promoted_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.put(path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get("/models/tiny")).json()["aliases"] == {"latest": 1}


DAMAGED = ("flipped byte", "missing file", "not finite", "foreign manifest")
UNFIT = [*((kind, 500, "store_damaged") for kind in DAMAGED), ("constant", 422, "model_collapsed")]


@pytest.mark.parametrize(("kind", "status", "code"), UNFIT)
async def test_a_version_that_cannot_be_served_is_not_promoted(
    client: httpx.AsyncClient, publish_broken: PublishBroken, kind: str, status: int, code: str
) -> None:
    publish_broken(kind)

    answer = await put(client, 2)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(PRODUCTION)).status_code == 404


async def test_a_version_in_memory_whose_files_were_damaged_since_is_not_promoted(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    path = settings.store_path / "models/tiny/1/generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")

    answer = await put(client, 1)

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert "generator.safetensors" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_alias_that_is_not_there_is_not_found(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, PRODUCTION)
    never = await client.get(f"{PRODUCTION}/history")

    assert (answer.status_code, answer.json()["code"]) == (404, "alias_not_found")
    assert (never.status_code, never.json()["code"]) == (404, "alias_not_found")


async def test_the_alias_of_the_default_model_stays(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"default_model": "tiny:production"}))) as client:
        await put(client, 1)

        answer = await client.delete(PRODUCTION)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
