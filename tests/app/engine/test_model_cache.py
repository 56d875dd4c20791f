"""What is in memory: up to a budget of weights, the longest unused goes first; what was overtaken goes at once."""

import httpx
import pytest

from app.engine import hot_reload as hotload
from app.main import create_app
from app.status.health import NO_WORKER
from core.settings import Settings
from tests.app.scraping import moved, scrape
from tests.fixtures import OpenEngine, PublishTiny, Serve


@pytest.fixture(autouse=True)
def _no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotload, "POLL_EVERY_S", 3600)


@pytest.fixture
def weights(publish_tiny: PublishTiny, open_engine: OpenEngine) -> int:
    """Publishes tiny@1 to tiny@3; the bytes of one."""
    for seed in range(3):
        publish_tiny(seed=seed)
    return open_engine().facts.nbytes


async def draw(client: httpx.AsyncClient, model: str) -> str:
    answer = await client.get("/generate", params={"model": model, "seed": 1})
    assert answer.status_code == 200, answer.text
    return answer.headers["Model-Version"]


async def in_memory(client: httpx.AsyncClient, name: str = "tiny") -> list[int]:
    return sorted(map(int, (await client.get(f"/models/{name}")).json()["loaded"]))


async def test_the_version_that_was_not_asked_for_the_longest_goes(
    settings: Settings, weights: int, serve: Serve
) -> None:
    two = settings.model_copy(update={"model_memory": 2 * weights, "default_model": "tiny@1"})
    async with serve(create_app(two)) as client:
        for version in (2, 1):
            await draw(client, f"tiny@{version}")
        before = await scrape(client)

        await draw(client, "tiny@3")
        after = await scrape(client)

        assert await in_memory(client) == [1, 3]
    assert moved(before, after, "ganymede_model_evicted_total") == {(): 1}
    assert after["ganymede_models_resident",] == 2
    assert after["ganymede_model_memory_bytes",] == 2 * weights


async def test_one_model_always_fits_and_what_was_evicted_is_drawn_when_asked(
    settings: Settings, weights: int, serve: Serve
) -> None:
    async with serve(create_app(settings.model_copy(update={"model_memory": 1}))) as client:
        drawn = [await draw(client, model) for model in ("tiny", "tiny@1", "tiny@2", "tiny", "tiny:latest", "tiny@1")]
        ready = await client.get("/readyz")
        loaded = await in_memory(client)

    assert drawn == ["3", "1", "2", "3", "3", "1"]
    assert (ready.status_code, ready.json()["degraded"], loaded) == (200, [NO_WORKER], [3])


async def test_a_version_that_was_overtaken_leaves_unless_it_was_asked_for_by_its_number(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        kept = []
        for seed in range(1, 4):
            before = await draw(client, "tiny")
            if before == "2":
                await draw(client, "tiny@2")
            publish_tiny(seed=seed)
            await app.state.services.models.look()
            kept.append(await in_memory(client))
        evicted = (await scrape(client))["ganymede_model_evicted_total",]

    assert (kept, evicted) == ([[2], [2, 3], [2, 4]], 0)


async def test_what_an_alias_still_means_stays(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    publish_tiny(seed=1)
    async with serve(create_app(settings)) as client:
        await draw(client, "tiny")
        await draw(client, "tiny:latest")
        await client.put("/models/tiny/aliases/production", json={"version": 1})
        promoted = [await draw(client, "tiny"), await draw(client, "tiny:latest"), await in_memory(client)]
        await client.put("/models/tiny/aliases/production", json={"version": 2})
        back = [await draw(client, "tiny"), await draw(client, "tiny:latest"), await in_memory(client)]

    assert promoted == ["1", "2", [1, 2]]
    assert back == ["2", "2", [2]]


async def test_how_a_version_is_drawn_is_told_with_it(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny(seed=1)
    one, two = [(await client.get(f"/models/tiny/versions/{version}")).json() for version in (1, 2)]

    facts = one["loaded"]
    assert facts["device"] == "cpu"
    assert facts["precision"] in ("float32", "bfloat16")
    assert facts["buckets"]
    assert list(facts["bucket_seconds"]) == [str(bucket) for bucket in facts["buckets"]]
    assert facts["images_per_second"] > 0
    assert facts["bytes"] > 1000
    assert (two["is_loaded"], two["loaded"]) == (False, None)
    assert (await client.get("/models/tiny")).json()["loaded"].keys() == {"1"}
