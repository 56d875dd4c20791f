"""The versions of a model: reading one, paging through many, deleting; what is in memory goes too."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.engine import hot_reload as hotload
from app.main import create_app
from app.status.health import NO_WORKER
from core.registry import PublishKey, Registry
from core.settings import Settings
from models.starters import DIGITS
from tests.fixtures import Eventually, PublishBroken, PublishTiny, Serve


@pytest.fixture
def _no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 3600)


async def draw(client: httpx.AsyncClient, model: str) -> int:
    return (await client.get("/generate", params={"model": model, "seed": 1})).status_code


async def test_a_version_is_read_alone_as_in_its_model(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny(seed=1)

    one = await client.get("/models/tiny/versions/1")
    of_model = (await client.get("/models/tiny")).json()["versions"]

    body = one.json()
    assert body == of_model[1]
    assert (body["version"], body["recipe"], body["is_loaded"]) == (1, "cgan", True)
    for name in ("self", "model", "samples", "weights", "manifest"):
        assert (await client.get(body["links"][name])).status_code == 200
    assert (await client.get(body["links"]["generate"])).headers["Model-Version"] == "1"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("tiny/versions/2", 404, "model_not_found"),
        ("nobody/versions/1", 404, "model_not_found"),
        ("nobody/versions", 404, "model_not_found"),
        ("tiny/versions/0", 422, "invalid_request"),
        ("tiny/versions/one", 422, "invalid_request"),
        ("tiny/versions/9999999999", 422, "invalid_request"),
        ("tiny/versions?limit=0", 422, "invalid_request"),
        ("tiny/versions?cursor=x", 422, "invalid_request"),
        ("tiny/versions?offset=1", 422, "invalid_request"),
    ],
)
async def test_what_is_not_there_or_makes_no_sense_is_refused(
    client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.get(f"/models/{path}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_damaged_version_is_told_as_such(client: httpx.AsyncClient, publish_broken: PublishBroken) -> None:
    publish_broken("foreign manifest")

    answer = await client.get("/models/tiny/versions/2")
    listed = (await client.get("/models/tiny/versions")).json()["data"]

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert [entry["version"] for entry in listed] == [1]


async def test_many_versions_are_shown_in_part_and_paged_through(client: httpx.AsyncClient, registry: Registry) -> None:
    manifest = registry.manifest("tiny", 1)
    for step in range(2, 121):

        def fill(folder: Any, step: int = step) -> None:
            (folder / "manifest.json").write_text(json.dumps({**manifest.to_json(), "step": step}))

        registry.publish("tiny", PublishKey("run_00000000000000000000", 0, 1000 + step), fill)
    model = (await client.get("/models/tiny")).json()
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/models/tiny/versions", params={"limit": 50, **cursor})).json()
        seen += [entry["version"] for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert [entry["version"] for entry in model["versions"]] == list(range(120, 20, -1))
    assert (model["newest_version"], seen) == (120, list(range(120, 0, -1)))


@pytest.mark.usefixtures("_no_poll")
async def test_a_deleted_version_is_gone_from_disk_and_memory(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, registry: Registry
) -> None:
    publish_tiny(seed=1)
    publish_tiny(seed=2)
    before = [await draw(client, f"tiny@{version}") for version in (1, 2)]

    deleted = await client.delete("/models/tiny/versions/2")

    assert (before, deleted.status_code) == ([200, 200], 204)
    assert await draw(client, "tiny@2") == 404
    assert (await client.get("/models/tiny/versions/2")).status_code == 404
    assert (await client.delete("/models/tiny/versions/2")).status_code == 404
    assert not registry.folder("tiny", 2).exists()
    assert publish_tiny(seed=3) == 4


async def test_a_version_that_another_process_deleted_leaves_this_ones_memory(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, eventually: Eventually
) -> None:
    publish_tiny()
    publish_tiny(seed=1)
    async with serve(create_app(settings)) as here, serve(create_app(settings)) as there:
        before = await draw(there, "tiny@1")
        await here.delete("/models/tiny/versions/1")

        async def is_gone() -> bool:
            return await draw(there, "tiny@1") == 404

        await eventually(is_gone)

    assert before == 200


@pytest.mark.usefixtures("_no_poll")
async def test_a_request_under_way_is_drawn_to_its_end_by_a_version_that_is_deleted(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    publish_tiny(seed=1)
    app = create_app(settings)
    async with serve(app) as client:
        asked = [
            asyncio.create_task(client.get("/generate", params={"model": "tiny@1", "seed": seed, "n": 64}))
            for seed in range(8)
        ]
        await draw(client, "tiny@1")
        deleted = await client.delete("/models/tiny/versions/1")
        answers = await asyncio.gather(*asked)

    assert deleted.status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert 200 in {answer.status_code for answer in answers}


async def test_a_version_that_an_alias_means_stays(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny(seed=1)
    await client.put("/models/tiny/aliases/best", json={"version": 1})
    await client.put("/models/tiny/aliases/production", json={"version": 1})

    latest = await client.delete("/models/tiny/versions/2")
    promoted = await client.delete("/models/tiny/versions/1")

    assert (latest.status_code, latest.json()["code"]) == (409, "version_in_use")
    assert "latest" in latest.json()["detail"]
    assert (promoted.status_code, "best, production" in promoted.json()["detail"]) == (409, True)


async def test_what_the_service_draws_from_by_default_stays(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    publish_tiny(seed=1)
    async with serve(create_app(settings.model_copy(update={"default_model": "tiny@1"}))) as client:
        model, version = await client.delete("/models/tiny"), await client.delete("/models/tiny/versions/1")

    assert [(answer.status_code, answer.json()["code"]) for answer in (model, version)] == [(409, "conflict")] * 2
    assert "GANYMEDE_DEFAULT_MODEL" in model.json()["detail"]


@pytest.mark.usefixtures("_no_poll")
async def test_a_deleted_model_is_gone_and_begins_behind_its_old_numbers(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny("other", seed=1)
    publish_tiny("other", seed=2)
    drawn = [await draw(client, name) for name in ("other", "other@1", "other:latest")]

    deleted = await client.delete("/models/other")

    gone = [await draw(client, name) for name in ("other", "other@1", "other:latest")]
    assert (drawn, deleted.status_code, gone) == ([200] * 3, 204, [404] * 3)
    assert (await client.get("/models/other")).status_code == 404
    assert (await client.delete("/models/other")).status_code == 404
    assert "other" not in [model["name"] for model in (await client.get("/models")).json()["data"]]
    assert (await client.get("/readyz")).json()["degraded"] == [NO_WORKER]
    assert publish_tiny("other", seed=3) == 3
    assert await draw(client, "other") == 200


async def test_a_deleted_starter_does_not_come_back_with_the_next_start(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    async with serve(create_app(settings)) as client:
        before = (await client.get(f"/models/{DIGITS}")).status_code
        deleted = await client.delete(f"/models/{DIGITS}")
    async with serve(create_app(settings)) as client:
        after = (await client.get(f"/models/{DIGITS}")).status_code

    assert (before, deleted.status_code, after) == (200, 204, 404)
