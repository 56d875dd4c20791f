"""POST /complete with method=search: a model that draws fills the hole. One search at a time, and none that goes on for
nobody."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.main import create_app
from core.media.images import Images
from core.settings import Settings
from ganymede.client.sse import Message, MessageParser
from ganymede.schemas.drawings import DrawnImages
from ganymede.schemas.references import ModelRef
from models.context import Descent
from tests.app.generate.test_complete import COLOUR, PNG, Pixels, holed, pixels_of, saved
from tests.app.generate.test_generate_refusals import problem
from tests.app.hung_up import hang_up
from tests.fixtures import TINY, PublishTiny, Serve

STREAM = {**PNG, "Accept": "text/event-stream"}


def grey() -> Pixels:
    """A grey picture of noise as RGBA, with a transparent hole, as large as those of `tiny`."""
    pixels = holed(seed=3)[:8, :8]
    pixels[..., :3] = pixels[..., :1]
    pixels[..., 3] = 255
    pixels[2:6, 2:6, 3] = 0
    return pixels


SENT = saved(grey(), "RGBA")


@pytest.fixture
async def app(settings: Settings, publish_tiny: PublishTiny) -> FastAPI:
    publish_tiny()
    publish_tiny("mended", config=COLOUR)
    return create_app(settings)


@pytest.fixture
async def api(app: FastAPI, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(app) as client:
        yield client


async def search(api: httpx.AsyncClient, headers: dict[str, str] = PNG, **query: Any) -> httpx.Response:
    asked = {"method": "search", "steps": 10, **({} if "seeds" in query else {"seed": 1}), **query}
    return await api.post("/complete", content=SENT, params=asked, headers=headers)


def events_of(answer: httpx.Response) -> list[Message]:
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return list(MessageParser().feed(answer.content))


async def test_a_model_that_draws_fills_the_hole_and_keeps_what_is_known(api: httpx.AsyncClient) -> None:
    answer = await search(api)

    drawn, known = pixels_of(answer), grey()[..., 3] == 255
    assert np.array_equal(drawn[known], grey()[..., :3][known])
    assert len(np.unique(drawn[~known], axis=0)) > 1
    assert (answer.headers["Model"], answer.headers["Seed"]) == ("tiny", "1")
    assert answer.headers["Server-Timing"].startswith("search;dur=")


async def test_a_draft_is_the_same_alone_and_in_a_crowd(api: httpx.AsyncClient) -> None:
    async def drafts(**query: Any) -> Images:
        answer = await search(api, format="npy", **query)
        assert answer.status_code == 200, answer.text
        found: Images = np.load(io.BytesIO(answer.content))
        return found

    alone = [await drafts(seed=seed) for seed in (1, 2, 3)]
    others = [asyncio.create_task(api.get("/generate", params={"seed": seed, "n": 9})) for seed in range(20)]
    crowd = await drafts(seeds="1,3,2")

    await asyncio.gather(*others)
    assert np.array_equal(crowd, np.concatenate([alone[0], alone[2], alone[1]]))
    assert (crowd[0] != crowd[1]).any()


async def test_a_class_that_is_asked_for_is_the_one_that_is_searched(api: httpx.AsyncClient) -> None:
    named = await search(api, label="cross", format="json")
    each = await search(api, label=["0", "2"], n=2, format="json")
    found = await search(api, format="json")

    assert (named.headers["Label"], each.headers["Label"]) == ("2", "0,2")
    assert [image.label for image in DrawnImages.model_validate_json(each.content).images] == [0, 2]
    assert "Label" not in found.headers
    assert DrawnImages.model_validate_json(found.content).images[0].label in range(TINY.num_classes)


async def test_events_tell_how_far_it_is_and_end_with_the_drafts(api: httpx.AsyncClient) -> None:
    told = events_of(await search(api, STREAM, n=2, steps=60))
    plain = await search(api, n=2, steps=60, format="json")

    *progress, done = told
    facts = [json.loads(message.data) for message in progress]
    assert {message.type for message in progress} == {"progress"}
    assert [(fact["draft"], fact["step"]) for fact in (facts[0], facts[-1])] == [(0, 0), (1, 60)]
    assert all(0 < fact["distance"] < 1 for fact in facts)
    assert all((fact["drafts"], fact["steps"]) == (2, 60) for fact in facts)
    assert (done.type, json.loads(done.data)) == ("done", plain.json())


async def test_one_search_is_made_at_a_time(api: httpx.AsyncClient) -> None:
    together = await asyncio.gather(*(search(api, headers, seed=seed) for seed, headers in ((1, PNG), (2, STREAM))))
    after = await search(api, seed=3)

    refused = [answer for answer in together if answer.status_code != 200]
    assert len(refused) == 1
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert "one is made at a time" in problem(refused[0], 429, "overloaded")["detail"]
    assert after.status_code == 200


async def test_a_search_ends_with_its_time(app: FastAPI, api: httpx.AsyncClient) -> None:
    app.state.services.searches.within_s = 0.0

    plain, told = await search(api), events_of(await search(api, STREAM))
    app.state.services.searches.within_s = 60.0

    assert "fewer drafts" in problem(plain, 504, "timeout")["detail"]
    assert (told[-1].type, json.loads(told[-1].data)["code"]) == ("failed", "timeout")
    assert (await search(api)).status_code == 200


async def test_what_shuts_down_searches_no_more(app: FastAPI, api: httpx.AsyncClient) -> None:
    app.state.services.draining.set()

    refused = await search(api)

    app.state.services.draining.clear()
    problem(refused, 503, "not_ready")


class Waiting:
    """A runner that begins a slice of a search and does not end it."""

    def __init__(self, runner: Any) -> None:
        self.run, self.writes_files = runner.run, runner.writes_files
        self.entered, self.was_left = asyncio.Event(), False

    async def refine(self, *_: object) -> Descent:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.was_left = True
        raise AssertionError


@pytest.mark.parametrize("headers", [PNG, STREAM])
async def test_a_client_that_hangs_up_ends_its_search(
    app: FastAPI, api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    engine = await app.state.services.models.engine(ModelRef("tiny"))
    runner, waiting = engine.runner, Waiting(engine.runner)
    engine.runner = waiting
    await hang_up(app, "/complete", {"method": "search", "seed": 1}, SENT, headers, when=waiting.entered.wait)

    engine.runner = runner
    assert waiting.was_left
    assert (await search(api)).status_code == 200


REFUSED: list[tuple[dict[str, Any], dict[str, str], str, str, str]] = [
    ({"n": 9}, PNG, "invalid_request", "n", "1 to 8"),
    ({"steps": 1001}, PNG, "invalid_request", "steps", "1000"),
    ({"steps": -1}, PNG, "invalid_request", "steps", "0"),
    ({"truncation": 0.5}, PNG, "invalid_request", "truncation", "leave it out"),
    ({"format": "png"}, STREAM, "invalid_request", "format", "events end with json"),
    ({"label": "hexagon"}, PNG, "invalid_request", "label", "circle, square, cross"),
    ({"model": "mended"}, PNG, "wrong_task", "method", "is for completion"),
    ({"method": "guess"}, PNG, "invalid_request", "method", "'trained' or 'search'"),
    ({"method": "trained", "model": "mended"}, PNG, "invalid_request", "steps", "add method=search"),
]


@pytest.mark.parametrize(("query", "headers", "code", "field", "told"), REFUSED)
async def test_what_cannot_be_searched_is_named(
    api: httpx.AsyncClient, query: dict[str, Any], headers: dict[str, str], code: str, field: str, told: str
) -> None:
    refused = problem(await search(api, headers, **query), 422, code)

    assert [each["pointer"] for each in refused["errors"]] == [field]
    assert told in refused["detail"]


async def test_a_picture_of_another_size_and_one_without_a_hole_are_refused(api: httpx.AsyncClient) -> None:
    whole = grey()
    whole[..., 3] = 255

    for body, code in ((saved(holed(), "RGBA"), "picture_invalid"), (saved(whole, "RGBA"), "invalid_request")):
        answer = await api.post("/complete", content=body, params={"method": "search"}, headers=PNG)
        assert problem(answer, 422, code)["errors"][0]["pointer"] == "/picture"


async def test_a_search_that_a_client_has_is_not_made_again(api: httpx.AsyncClient) -> None:
    first = await search(api, model="tiny@1")
    known = await search(api, {**PNG, "If-None-Match": first.headers["ETag"]}, model="tiny@1")
    others = [await search(api, model="tiny@1", **other) for other in ({"steps": 11}, {"seed": 2}, {"label": "0"})]

    assert known.status_code == 304
    assert "immutable" in first.headers["Cache-Control"]
    assert len({each.headers["ETag"] for each in (first, *others)}) == 4
