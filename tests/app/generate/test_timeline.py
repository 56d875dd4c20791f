"""GET /generate/timeline: one seed through what is kept of a run, and what is told of the rest."""

import base64
import io
import shutil
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.generate import timeline
from core.runs import Run
from tests.app.train.test_checkpoints import Keep, keep, path, run

__all__ = ["keep", "run"]

Pixels = npt.NDArray[np.uint8]


def pixels(content: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(content)))


async def ask(client: httpx.AsyncClient, run: Run, accept: str = "*/*", **query: Any) -> httpx.Response:
    return await client.get("/generate/timeline", params={"run": run.id, **query}, headers={"Accept": accept})


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
