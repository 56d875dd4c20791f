"""POST /complete when there is too much of it, when clients go, and when files are damaged: as `/generate` behaves."""

import asyncio
import io
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.main import create_app
from core.registry import Registry
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from models.masks import draw_masks
from models.version import WEIGHTS_FILE
from tests.app.gated import Gated
from tests.app.generate.test_complete import COLOUR, PNG, Pixels, complete, holed, pixels_of, saved
from tests.app.generate.test_generate_refusals import problem
from tests.app.hung_up import hang_up
from tests.app.scraping import moved, scrape
from tests.fixtures import OpenEngine, PublishTiny, Serve

SENT = saved(holed(), "RGBA")
MANY, AT_ONCE = 1000, 100


@pytest.fixture
def engine(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Gated:
    """The engine of `mended`, which waits at its gate."""
    publish_tiny()
    publish_tiny("mended", config=COLOUR)
    gated = open_engine("mended", kind=Gated)
    assert isinstance(gated, Gated)
    return gated


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def api(app: FastAPI, engine: Gated, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("mended")] = engine
        yield client


async def test_too_much_is_refused_before_anything_is_drawn(
    app: FastAPI, api: httpx.AsyncClient, engine: Gated
) -> None:
    engine.gate.set()
    before = await scrape(api)
    app.state.services.batcher.max_wait_s = -1.0
    refused = await complete(api, SENT)
    app.state.services.batcher.max_wait_s = 60.0
    after = await scrape(api)

    assert int(refused.headers["Retry-After"]) >= 0
    problem(refused, 429, "overloaded")
    assert moved(before, after, "ganymede_rejected_total") == {("reason=overloaded",): 1}
    assert engine.log == []
    assert (await complete(api, SENT)).status_code == 200


async def test_pictures_that_cannot_be_read_in_time_are_refused_too(app: FastAPI, api: httpx.AsyncClient) -> None:
    app.state.services.encoders.max_wait_s = -1.0

    problem(await complete(api, SENT), 429, "overloaded")


async def test_drafts_that_are_not_there_in_time_are_given_up(settings: Settings, engine: Gated, serve: Serve) -> None:
    app = create_app(settings.model_copy(update={"timeout": 0.1}))
    async with serve(app) as api:
        app.state.services.models.served[ModelRef("mended")] = engine
        late = await complete(api, SENT)
        engine.gate.set()

        assert "it got as far as: infer" in problem(late, 504, "timeout")["detail"]


async def test_what_a_client_that_hung_up_had_asked_for_is_not_drawn(
    app: FastAPI, api: httpx.AsyncClient, engine: Gated
) -> None:
    first = asyncio.create_task(complete(api, SENT, seed=7))
    await asyncio.wait_for(engine.entered.wait(), 300)
    batcher = app.state.services.batcher

    async def it_waits() -> None:
        while batcher.waiting != 50:
            await asyncio.sleep(0.01)

    await hang_up(app, "/complete", {"model": "mended", "seed": 1, "n": 50}, SENT, PNG, when=it_waits)

    assert batcher.waiting == 0
    engine.gate.set()
    assert (await first).status_code == 200
    assert [count for _, count in engine.log] == [1]


async def test_the_same_drafts_that_many_ask_for_are_drawn_once(api: httpx.AsyncClient, engine: Gated) -> None:
    asked = [asyncio.create_task(complete(api, SENT)) for _ in range(5)]
    await asyncio.wait_for(engine.entered.wait(), 300)
    engine.gate.set()
    answers = await asyncio.gather(*asked)

    assert len({answer.content for answer in answers}) == 1
    assert sum(count for _, count in engine.log) < 5


def flip(registry: Registry, version: int) -> None:
    path = registry.folder("mended", version) / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")


async def test_a_damaged_version_leaves_the_one_before_to_complete(
    settings: Settings, publish_tiny: PublishTiny, registry: Registry, serve: Serve
) -> None:
    publish_tiny()
    for seed in (0, 1):
        publish_tiny("mended", seed, config=COLOUR)
    flip(registry, 2)

    async with serve(create_app(settings)) as api:
        by_name, pinned = await complete(api, SENT), await complete(api, SENT, "mended@2")
        first = await complete(api, SENT, "mended@1")

    assert (by_name.headers["Model-Version"], by_name.content) == ("1", first.content)
    assert "does not match its digest" in problem(pinned, 503, "not_ready")["detail"]


async def test_a_model_of_damaged_versions_alone_and_one_that_is_gone_say_so(
    settings: Settings, publish_tiny: PublishTiny, registry: Registry, serve: Serve
) -> None:
    publish_tiny()
    publish_tiny("mended", config=COLOUR)
    flip(registry, 1)

    async with serve(create_app(settings)) as api:
        damaged, gone = await complete(api, SENT), await complete(api, SENT, "nobody")

    problem(damaged, 503, "not_ready")
    problem(gone, 404, "model_not_found")


@pytest.mark.slow
async def test_a_thousand_completions_keep_every_byte_that_is_known(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    publish_tiny("mended", config=COLOUR)
    rng = np.random.default_rng(0)
    sent = rng.integers(0, 256, (MANY, 16, 16, 4), np.uint8)
    sent[..., 3] = np.where(draw_masks(range(MANY), 16), 255, 0)

    async def drawn(api: httpx.AsyncClient, i: int) -> Pixels:
        answer = await complete(api, saved(sent[i], "RGBA"), seed=i, format=("png", "npy", "webp")[i % 3])
        if i % 3 == 1:
            pixels: Pixels = np.load(io.BytesIO(answer.content))[0]
            return pixels
        return pixels_of(answer)

    async with serve(create_app(settings)) as api:
        found = []
        for start in range(0, MANY, AT_ONCE):
            found += await asyncio.gather(*(drawn(api, i) for i in range(start, start + AT_ONCE)))
        alone = [await drawn(api, i) for i in range(0, MANY, 97)]

    known = sent[..., 3] == 255
    assert np.array_equal(np.stack(found)[known], sent[..., :3][known])
    assert np.array_equal(np.stack(alone), np.stack(found[::97]))
