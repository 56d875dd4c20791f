"""What /inspect refuses: nothing of a picture is trusted, and each answer says what is wrong with it."""

import json
import shutil

import httpx
import numpy as np
import pytest

from app.main import create_app
from core.media.images.png import write_png
from core.registry import Registry
from core.settings import Settings
from tests.app.reading import draw
from tests.fixtures import PublishTiny, Serve

PNG = {"Content-Type": "image/png"}


async def refusal(client: httpx.AsyncClient, png: bytes, headers: dict[str, str] = PNG) -> tuple[int, str, str]:
    answer = await client.post("/inspect?verify=true", content=png, headers=headers)
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, body["code"], body["detail"]


async def test_a_version_that_cannot_be_read_is_an_error_of_the_service(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, registry: Registry
) -> None:
    publish_tiny()
    async with serve(create_app(settings)) as client:
        drawn = (await draw(client, seed=1, metadata=True)).content
    shutil.copy(__file__, registry.folder("tiny", 1) / "generator.safetensors")
    async with serve(create_app(settings)) as client:
        status, code, _ = await refusal(client, drawn)

    assert (status, code) == (503, "not_ready")


async def test_a_picture_without_a_recipe_is_told_as_that(client: httpx.AsyncClient) -> None:
    drawn = await draw(client, seed=1)

    status, code, detail = await refusal(client, drawn.content)

    assert (status, code) == (422, "recipe_missing")
    assert "metadata=true" in detail


GOOD = {"model": "tiny", "version": 1, "digest": "sha256:0", "seed": 1, "label": 0, "truncation": 1.0, "scale": 1}
BAD_RECIPES = {
    "no JSON": "hello",
    "nothing": "",
    "a list": "[]",
    "deep": "[" * 100_000,
    "a deep field": json.dumps(GOOD)[:-1] + ', "z": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "too little": "{}",
    "more than there is": json.dumps(GOOD | {"steps": 30}),
    "a version that is text": json.dumps(GOOD | {"version": "1"}),
    "a version that is no number": json.dumps(GOOD | {"version": True}),
    "version 0": json.dumps(GOOD | {"version": 0}),
    "a long name": json.dumps(GOOD | {"model": "x" * 1000}),
    "a huge seed": json.dumps(GOOD | {"seed": 2**64}),
    "a huge number": json.dumps(GOOD)[:-1] + ', "seed": ' + "9" * 100_000 + "}",
    "seeds that are none": json.dumps(GOOD | {"seed": [{}] * 100_000}),
    "noise that is none": json.dumps(GOOD | {"z": "all of it"}),
    "no truncation": json.dumps(GOOD | {"truncation": 0}),
    "a truncation that is no number": json.dumps(GOOD).replace("1.0", "NaN"),
    "a broken character": '{"model": "\\ud800"}',
}


@pytest.mark.parametrize("text", BAD_RECIPES.values(), ids=BAD_RECIPES)
async def test_a_text_that_is_no_recipe_of_ours_is_told_as_that(client: httpx.AsyncClient, text: str) -> None:
    png = write_png(np.zeros((8, 8, 1), np.uint8), text)

    status, code, detail = await refusal(client, png)

    assert (status, code) == (422, "recipe_invalid")
    assert len(detail) < 500


@pytest.mark.parametrize("body", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
async def test_what_is_no_picture_is_told_as_that(client: httpx.AsyncClient, body: bytes) -> None:
    status, code, _ = await refusal(client, body)

    assert (status, code) == (422, "picture_invalid")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
async def test_a_picture_that_is_cut_short_is_told_as_that(client: httpx.AsyncClient, share: float) -> None:
    drawn = (await draw(client, seed=1, n=64, metadata=True)).content

    status, code, detail = await refusal(client, drawn[: int(len(drawn) * share)])

    assert (status, code) == (422, "picture_invalid")
    assert "cut short" in detail


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "application/octet-stream"}, {"Content-Type": "multipart/form-data; boundary=x"}],
)
async def test_a_body_that_does_not_say_it_is_a_png_is_told_what_is_needed(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    status, code, detail = await refusal(client, b"x", headers)

    assert (status, code) == (415, "unsupported_media_type")
    assert "Content-Type: image/png" in detail


async def test_a_parameter_that_does_not_exist_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/inspect?verfy=true", content=b"", headers=PNG)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "verfy")


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    status, code, _ = await refusal(client, b"x" * (2**20 + 1))

    assert (status, code) == (413, "body_too_large")
