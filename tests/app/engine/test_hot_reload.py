"""A new version takes over while the old one serves; a bad one does not, and is told."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from app.engine import hot_reload as hotload
from app.main import create_app
from app.status.health import NO_WORKER
from core.queue import RedisNotifier
from core.registry import Registry
from core.settings import Settings
from core.store import Store
from ganymede.schemas.references import ModelRef
from tests.fixtures import Eventually, PublishBroken, PublishTiny, Serve, files_of

BAD = ["flipped byte", "truncated", "missing file", "constant", "not finite", "foreign weights", "foreign manifest"]


@pytest.fixture
def _quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 0.05)


async def version_of(client: httpx.AsyncClient, model: str = "tiny") -> int:
    answer = await client.get("/generate", params={"model": model, "seed": 1})
    assert answer.status_code == 200, answer.text
    return int(answer.headers["Model-Version"])


def promote(store: Store, registry: Registry, version: int, alias: str = "production") -> None:
    pointers = registry.pointers("tiny")
    pointers.aliases[alias] = version
    store.swap("models/tiny/aliases.json", pointers.model_dump(by_alias=True))


async def test_the_bell_brings_a_new_version_without_waiting_for_the_poll(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 3600)
    publish_tiny()
    async with serve(create_app(settings)) as client:
        before = await version_of(client)
        publish_tiny(seed=1)

        async def is_new() -> bool:
            await asyncio.to_thread(RedisNotifier(settings.broker_url).notify, "tiny")
            return await version_of(client) == 2

        await eventually(is_new)

    assert before == 1


async def test_without_a_bell_the_poll_brings_it(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, eventually: Eventually, tmp_path: Path
) -> None:
    publish_tiny()
    deaf = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody"})
    async with serve(create_app(deaf)) as client:
        before = await version_of(client)
        publish_tiny(seed=1)

        async def is_new() -> bool:
            return await version_of(client) == 2

        await eventually(is_new)

    assert before == 1


@pytest.mark.usefixtures("_quick_poll")
@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_version_leaves_the_old_one_serving_and_is_told(
    client: httpx.AsyncClient,
    publish_tiny: PublishTiny,
    publish_broken: PublishBroken,
    eventually: Eventually,
    kind: str,
) -> None:
    before = (await client.get("/generate", params={"seed": 1})).content
    publish_broken(kind)

    async def is_told() -> bool:
        degraded: list[str] = (await client.get("/readyz")).json()["degraded"]
        return any(entry.startswith("model:tiny@2: ") for entry in degraded)

    await eventually(is_told)

    ready = await client.get("/readyz")
    told = (await client.get("/models/tiny")).json()
    problems = {entry["version"]: entry["problem"] for entry in told["versions"]} | told["damaged_versions"]
    assert (ready.status_code, ready.json()["model"]) == (200, "tiny@1")
    assert (await client.get("/generate", params={"seed": 1})).content == before
    assert (told["served_version"], told["newest_version"]) == (1, 2)
    assert problems.get(2) or problems.get("2")
    publish_tiny(seed=5)

    async def is_over() -> bool:
        return await version_of(client) == 3

    await eventually(is_over)


@pytest.mark.parametrize("kind", ["flipped byte", "foreign manifest", "no JSON"])
async def test_a_restart_with_a_bad_newest_version_serves_the_one_before(
    settings: Settings, publish_tiny: PublishTiny, publish_broken: PublishBroken, serve: Serve, kind: str
) -> None:
    publish_tiny()
    publish_tiny(seed=1)
    publish_broken(kind)

    async with serve(create_app(settings)) as client:
        ready = await client.get("/readyz")

    assert (ready.status_code, ready.json()["model"]) == (200, "tiny@2")
    workers, model = ready.json()["degraded"]
    assert workers == NO_WORKER
    assert model.startswith("model:tiny@3: ")


async def test_a_model_whose_every_version_is_bad_is_not_ready_and_says_why(
    settings: Settings, publish_broken: PublishBroken, serve: Serve
) -> None:
    publish_broken("flipped byte")

    async with serve(create_app(settings)) as client:
        ready, answer = await client.get("/readyz"), await client.get("/generate", params={"seed": 1})
        pinned = await client.get("/generate", params={"seed": 1, "model": "tiny@1"})

    assert (ready.status_code, answer.status_code, pinned.status_code) == (503, 503, 503)
    assert answer.json()["code"] == pinned.json()["code"] == "not_ready"
    for text in (ready.json()["reason"], answer.json()["detail"], pinned.json()["detail"]):
        assert "does not match its digest" in text


async def test_a_model_that_has_collapsed_is_no_model_to_wait_for(
    settings: Settings, publish_tiny: PublishTiny, publish_broken: PublishBroken, serve: Serve
) -> None:
    publish_broken("constant")
    asked = ("tiny", "tiny@1", "tiny:latest")

    async with serve(create_app(settings)) as client:
        answers = [await client.get("/generate", params={"seed": 1, "model": model}) for model in asked]
        publish_tiny()
        again = await client.get("/generate", params={"seed": 1, "model": "tiny@2"})

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "model_collapsed")] * 3
    assert all("the same picture for every seed" in answer.json()["detail"] for answer in answers)
    assert again.status_code == 200


async def test_aliases_that_are_none_do_not_keep_the_service_from_starting(
    settings: Settings, publish_tiny: PublishTiny, store: Store, serve: Serve
) -> None:
    publish_tiny()
    publish_tiny("healthy")
    store.swap("models/tiny/aliases.json", {"hello": "there"})

    async with serve(create_app(settings)) as client:
        ready = await client.get("/readyz")
        healthy = await version_of(client, "healthy")

    assert (ready.status_code, healthy) == (503, 1)
    assert "aliases.json" in ready.json()["reason"]


@pytest.mark.usefixtures("_quick_poll")
async def test_a_bad_version_that_was_deleted_is_no_longer_told(
    client: httpx.AsyncClient, publish_broken: PublishBroken, store: Store, eventually: Eventually
) -> None:
    publish_broken("truncated")

    async def is_told() -> bool:
        return (await client.get("/readyz")).json()["degraded"] != [NO_WORKER]

    await eventually(is_told)
    store.delete("models/tiny/2")

    async def is_forgotten() -> bool:
        return not await is_told()

    await eventually(is_forgotten)


async def test_concurrent_first_requests_load_a_version_once(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny("other")
    app = create_app(settings)
    async with serve(app):
        models = app.state.services.models
        refs = [ModelRef("other"), ModelRef("other", 1), ModelRef("other", alias="latest")] * 5

        engines = await asyncio.gather(*(models.engine(ref) for ref in refs))

    assert len({id(engine) for engine in engines}) == 1


async def test_a_look_at_models_that_did_not_change_reads_nothing_of_them(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 3600)
    for name in ("tiny", "other"):
        publish_tiny(name)
        for path in (files_of(registry).path(f"models/{name}"), files_of(registry).path(f"models/{name}/aliases.json")):
            os.utime(path, (0, 0))
    app = create_app(settings)
    async with serve(app) as client:
        await version_of(client, "other")
        models, resolved = app.state.services.models, list[str]()

        async def noted(ref: ModelRef) -> None:
            resolved.append(ref.name)

        monkeypatch.setattr(models, "_look_after", noted)
        await models.look()
        resolved.clear()

        await models.look()
        unchanged = list(resolved)
        await asyncio.to_thread(publish_tiny, "other", seed=1)
        await models.look()

    assert (unchanged, resolved) == ([], ["other"])


@pytest.mark.usefixtures("_quick_poll")
async def test_no_request_fails_during_swaps_and_each_names_the_version_that_drew_it(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, eventually: Eventually
) -> None:
    answers: list[httpx.Response] = []
    over = asyncio.Event()

    async def keep_asking() -> None:
        while not over.is_set():
            answers.append(await client.get("/generate", params={"seed": 1, "n": 3}))

    askers = [asyncio.create_task(keep_asking()) for _ in range(4)]
    for seed in range(1, 7):
        await asyncio.to_thread(publish_tiny, seed=seed)
        await asyncio.sleep(0.1)

    async def is_last() -> bool:
        return answers[-1].headers.get("Model-Version") == "7"

    await eventually(is_last)
    over.set()
    await asyncio.gather(*askers)

    drawn = {(a.headers["Model-Version"], a.headers["Model-Digest"], a.headers["ETag"], a.content) for a in answers}
    assert {answer.status_code for answer in answers} == {200}
    assert len(drawn) == len({version for version, *_ in drawn}) == len({content for *_, content in drawn})


@pytest.mark.usefixtures("_quick_poll")
async def test_production_wins_over_latest_and_moves_when_somebody_promotes(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, store: Store, registry: Registry, eventually: Eventually
) -> None:
    publish_tiny(seed=1)
    for version in (1, 2, 1):
        promote(store, registry, version)

        async def is_promoted(meant: int = version) -> bool:
            return await version_of(client) == meant

        await eventually(is_promoted)

    named = [await version_of(client, name) for name in ("tiny:latest", "tiny:production", "tiny@2")]
    assert named == [2, 1, 2]


@pytest.mark.usefixtures("_quick_poll")
async def test_promoting_a_bad_version_leaves_the_one_that_serves(
    client: httpx.AsyncClient,
    publish_tiny: PublishTiny,
    publish_broken: PublishBroken,
    store: Store,
    registry: Registry,
    eventually: Eventually,
) -> None:
    publish_broken("constant")
    publish_tiny(seed=3)

    async def is_newest() -> bool:
        return await version_of(client) == 3

    await eventually(is_newest)
    promote(store, registry, 2)

    async def is_told() -> bool:
        return any("tiny@2" in entry for entry in (await client.get("/readyz")).json()["degraded"])

    await eventually(is_told)
    await asyncio.sleep(0.2)
    assert await version_of(client) == 3
