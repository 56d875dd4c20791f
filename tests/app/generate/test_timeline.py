"""GET /generate/timeline: one seed through what is kept of a run, and what is told of the rest."""

import asyncio
import base64
import io
import shutil
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from fastapi import FastAPI
from PIL import Image

from app.generate import timeline
from app.main import create_app
from core.runs import Run
from core.settings import Settings
from tests.app.train.test_checkpoints import Keep, keep, path, run
from tests.fixtures import PublishTiny, Serve

__all__ = ["keep", "run"]

SCOPE: dict[str, Any] = {  # of a request, as a server passes it on
    "type": "http",
    "method": "GET",
    "path": "/generate/timeline",
    "raw_path": b"/generate/timeline",
    "headers": [(b"host", b"localhost")],
    "http_version": "1.1",
    "scheme": "http",
    "root_path": "",
    "client": ("127.0.0.1", 1),
    "server": ("localhost", 80),
}
Pixels = npt.NDArray[np.uint8]


def pixels(content: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(content)))


async def ask(client: httpx.AsyncClient, run: Run, accept: str = "*/*", **query: Any) -> httpx.Response:
    return await client.get("/generate/timeline", params={"run": run.id, **query}, headers={"Accept": accept})


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings.model_copy(update={"cache_bytes": 1 << 20}))


@pytest.fixture
async def client(app: FastAPI, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that remembers what it sent."""
    publish_tiny()
    async with serve(app) as ready:
        yield ready


@pytest.fixture
async def kept(client: httpx.AsyncClient, run: Run, keep: Keep) -> Run:
    """A run that has dropped step 10, published step 20 and dropped it, and keeps 30 and, of two branches, 40."""
    keep(20)
    await client.post(path(run, 20))
    shutil.rmtree(run.folder / "checkpoints" / "0-20")
    for step, branch in ((30, 0), (40, 0), (40, 1)):
        keep(step, branch)
    for step in (10, 20, 30, 40):
        run.log_event("checkpoint", {"branch": 0, "step": step})
    return run


async def test_each_frame_has_the_pixels_that_its_reference_draws_of_the_seed(
    client: httpx.AsyncClient, kept: Run
) -> None:
    body = (await ask(client, kept, seed=7, truncation=0.5, format="json")).json()

    assert [frame["reference"] for frame in body["frames"]] == [
        "mine@1",
        f"run:{kept.id}@0-30",
        f"run:{kept.id}@1-40",
    ]
    for frame in body["frames"]:
        alone = await client.get("/generate", params={"model": frame["reference"], "seed": 7, "truncation": 0.5})
        assert (pixels(base64.b64decode(frame["png"])) == pixels(alone.content)).all()


async def test_what_is_gone_and_what_does_not_fit_is_told(
    client: httpx.AsyncClient, kept: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "MOST", 2)

    answer = await ask(client, kept, format="json")

    body = answer.json()
    assert (answer.headers["Steps"], answer.headers["Steps-Gone"]) == ("20,40", "1")
    assert (body["omitted_steps"], body["num_gone"], body["gone_steps"]) == ([30], 1, [10])


async def test_the_strip_and_what_moves_have_the_same_frames(client: httpx.AsyncClient, kept: Run) -> None:
    strip = await ask(client, kept, scale=2)
    moving = await ask(client, kept, "image/webp", scale=2)

    frames = Image.open(io.BytesIO(moving.content))
    assert [answer.headers["Content-Type"] for answer in (strip, moving)] == ["image/png", "image/webp"]
    assert pixels(strip.content).shape == (16, 48)
    assert (getattr(frames, "n_frames", 1), frames.size) == (3, (16, 16))
    frames.seek(2)
    assert (np.asarray(frames.convert("L")) == pixels(strip.content)[:, 32:]).all()


async def test_who_has_it_is_told_so_until_the_run_has_more(client: httpx.AsyncClient, kept: Run, keep: Keep) -> None:
    tag = {"If-None-Match": (await ask(client, kept)).headers["ETag"]}
    again = await client.get("/generate/timeline", params={"run": kept.id}, headers=tag)
    keep(50)

    more = await client.get("/generate/timeline", params={"run": kept.id}, headers=tag)

    assert (again.status_code, more.status_code, more.headers["Steps"]) == (304, 200, "20,30,40,50")


async def test_head_says_the_same_and_draws_nothing(app: FastAPI, client: httpx.AsyncClient, kept: Run) -> None:
    query: dict[str, Any] = {"run": kept.id, "seed": 7}
    whole = await client.get("/generate/timeline", params=query)
    await app.state.services.batcher.close()  # from here on nothing can be drawn

    head = await client.head("/generate/timeline", params=query | {"seed": 8})
    wrong = await client.head("/generate/timeline", params=query | {"label": "9"})

    names = ("Cache-Control", "Content-Type", "Vary", "Steps", "Steps-Gone")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]
    assert (head.status_code, head.headers["Seed"], wrong.status_code) == (200, "8", 422)


async def test_what_was_sent_lately_is_sent_again_undrawn(app: FastAPI, client: httpx.AsyncClient, kept: Run) -> None:
    first = [await ask(client, kept, format=form) for form in ("png", "json")]
    await app.state.services.batcher.close()  # from here on nothing can be drawn

    again = [await ask(client, kept, format=form) for form in ("png", "json")]
    other = await ask(client, kept, seed=1)

    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert [answer.headers["Steps"] for answer in again] == ["20,30,40"] * 2
    assert other.status_code == 503


async def test_an_answer_without_a_frame_that_went_meanwhile_is_sent_and_not_kept(
    app: FastAPI, client: httpx.AsyncClient, kept: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, gone = timeline.Remains.of, timeline.KeptWeights(5, f"run:{kept.id}@0-5")
    monkeypatch.setattr(timeline.Remains, "of", lambda *of: timeline.Remains([gone, *whole(*of).kept], [], []))

    answer = await ask(client, kept)

    assert (answer.status_code, answer.headers["Steps"]) == (200, "20,30,40")
    assert len(app.state.services.response_cache) == 0


async def test_for_a_client_that_hung_up_no_more_is_drawn(
    app: FastAPI, client: httpx.AsyncClient, kept: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def draw(*_: object, **__: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()  # a picture that takes for ever
        finally:
            ended.set()

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(_: MutableMapping[str, Any]) -> None:
        """Nobody is there."""

    monkeypatch.setattr(app.state.services.batcher, "draw", draw)

    await app(SCOPE | {"query_string": f"run={kept.id}".encode()}, receive, send)

    assert ended.is_set()


async def test_a_run_that_keeps_nothing_is_told_with_what_is_gone(client: httpx.AsyncClient, run: Run) -> None:
    run.log_event("checkpoint", {"branch": 0, "step": 10})

    answer = await ask(client, run)

    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_not_found")
    assert "gone: 10" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ({"run": "run_00000000000000000000"}, 404, "run_not_found"),
        ({"run": "../x"}, 404, "run_not_found"),
        ({"seed": -1}, 422, "seed"),
        ({"seed": 2**32}, 422, "seed"),
        ({"truncation": 0}, 422, "truncation"),
        ({"scale": 9}, 422, "scale"),
        ({"fps": 0}, 422, "fps"),
        ({"format": "jpeg"}, 422, "format"),
        ({"n": 4}, 422, "n"),
        ({"label": 1}, 422, "label"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, kept: Run, query: dict[str, Any], status: int, named: str
) -> None:
    answer = await client.get("/generate/timeline", params={"run": kept.id, **query})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status_code == status
    problem = answer.json()
    assert named in (problem["code"], *(error["pointer"] for error in problem.get("errors", [])))


async def test_a_form_that_there_is_not_is_not_acceptable(client: httpx.AsyncClient, kept: Run) -> None:
    assert (await ask(client, kept, "image/jpeg")).status_code == 406
