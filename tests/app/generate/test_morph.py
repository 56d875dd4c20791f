"""POST /generate/morph: a moving picture from seed to seed, through the real app and a small network."""

import asyncio
import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.main import create_app
from core.registry import Registry
from core.settings import Settings
from models.sizes import DCGANConfig
from tests.fixtures import PublishTiny, Serve, files_of

Pixels = npt.NDArray[np.uint8]
PLAIN = DCGANConfig(image_size=8, channels=3, latent_dim=4, width=16, num_classes=0)


async def morph(client: httpx.AsyncClient, accept: str = "*/*", **body: Any) -> httpx.Response:
    return await client.post("/generate/morph", json=body, headers={"Accept": accept})


def frames(answer: httpx.Response) -> list[Pixels]:
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(answer.content))
    found = []
    for i in range(getattr(picture, "n_frames", 1)):
        picture.seek(i)
        found.append(np.asarray(picture.convert("RGB")))
    return found


async def drawn(client: httpx.AsyncClient, seed: int, **query: Any) -> Pixels:
    answer = await client.get("/generate", params={"seed": seed, **query})
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


@pytest.mark.parametrize("form", ["webp", "apng", "gif"])
async def test_the_frame_of_a_key_has_the_pixels_of_its_seed(client: httpx.AsyncClient, form: str) -> None:
    answer = await morph(client, seeds=[4, 2**32 - 1, 7], frames=5, format=form)

    found = frames(answer)
    assert answer.headers["Content-Type"] == f"image/{form}"
    assert len(found) == 11
    for key, seed in enumerate((4, 2**32 - 1, 7)):
        assert (found[5 * key] == await drawn(client, seed)).all()
    assert (found[1] != found[0]).any()


@pytest.mark.parametrize("scale", [1, 3])
async def test_pictures_in_colour_keep_their_pixels_but_in_a_gif(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, scale: int
) -> None:
    publish_tiny(config=PLAIN)
    async with serve(create_app(settings)) as client:
        asked: dict[str, Any] = {"seeds": "1,2", "frames": 3, "truncation": 0.5, "scale": scale}
        webp, apng = [frames(await morph(client, **asked, format=form)) for form in ("webp", "apng")]
        gif = await morph(client, **asked, format="gif")
        last = await drawn(client, 2, truncation=0.5, scale=scale)

    assert (webp[3] == last).all()
    assert (np.array(webp) == np.array(apng)).all()
    assert [frame.shape for frame in frames(gif)] == [(8 * scale, 8 * scale, 3)] * 4
    assert "Label" not in gif.headers


async def test_a_loop_leads_back_to_the_first_key_which_is_there_once(client: httpx.AsyncClient) -> None:
    answer = await morph(client, seeds=[1, 2, 3], label="cross", frames=4, loop=True, fps=20)

    found, picture = frames(answer), Image.open(io.BytesIO(answer.content))
    picture.load()
    assert len(found) == 12
    assert sum(bool((frame == found[0]).all()) for frame in found) == 1
    assert (picture.info["loop"], picture.info["duration"]) == (0, 50)


async def test_a_zip_has_every_frame_and_says_where_the_class_changes(client: httpx.AsyncClient) -> None:
    answer = await morph(client, "application/zip", seeds="4,8", label=["circle", 2], frames=4)

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        told = json.loads(archive.read("manifest.json"))
        pictures = {entry["file"]: archive.read(entry["file"]) for entry in told["frames"]}
    places = [(entry["place"], entry["label"]) for entry in told["frames"]]
    assert places == [(0, 0), (0.25, 0), (0.5, 2), (0.75, 2), (1, 2)]
    assert (told["seeds"], told["labels"], told["model"], told["version"]) == ([4, 8], [0, 2], "tiny", 1)
    assert pictures["0000.png"] == (await client.get("/generate?seed=4&label=circle")).content
    assert pictures["0004.png"] == (await client.get("/generate?seed=8&label=cross")).content


async def test_what_was_asked_is_in_the_headers_and_what_is_known_is_not_drawn_again(client: httpx.AsyncClient) -> None:
    first = await morph(client, model="tiny@1", seeds=[5, 9])
    tag = {"If-None-Match": first.headers["ETag"]}
    again = await client.post("/generate/morph", json={"model": "tiny@1", "seeds": "5,9"}, headers=tag)
    same = await morph(client, model="tiny@1", seeds="5,9")
    others = [await morph(client, model="tiny@1", seeds=[5, 9], **other) for other in ({"fps": 13}, {"loop": True})]

    assert (first.headers["Seed"], first.headers["Label"], first.headers["Model"]) == ("5,9", "2,0", "tiny")
    assert first.headers["Cache-Control"].startswith("public")
    assert (again.status_code, again.content) == (304, b"")
    assert same.content == first.content
    assert len({answer.headers["ETag"] for answer in (first, *others)}) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/seeds"),
        ({"seeds": [1]}, "/seeds"),
        ({"seeds": ""}, "/seeds"),
        ({"seeds": "1-70"}, "/seeds"),
        ({"seeds": "0-4294967295"}, "/seeds"),
        ({"seeds": list(range(65))}, "/seeds"),
        ({"seeds": [1, -1]}, "/seeds/1"),
        ({"seeds": [1, 2**32]}, "/seeds/1"),
        ({"seeds": [1, True]}, "/seeds/1"),
        ({"frames": 0}, "/frames"),
        ({"frames": 64}, "/frames"),
        ({"frames": 10**30}, "/frames"),
        ({"frames": 32, "loop": True, "seeds": [1, 2, 3]}, "/frames"),
        ({"frames": 1.5}, "/frames"),
        ({"loop": "yes"}, "/loop"),
        ({"fps": 0}, "/fps"),
        ({"fps": 51}, "/fps"),
        ({"truncation": 0}, "/truncation"),
        ({"truncation": 1.5}, "/truncation"),
        ({"scale": 0}, "/scale"),
        ({"scale": 9}, "/scale"),
        ({"format": "mp4"}, "/format"),
        ({"label": "seven"}, "/label"),
        ({"label": 3}, "/label"),
        ({"label": [0, 1, 2]}, "/label"),
        ({"label": [0, "square", {}]}, "/label"),
        ({"model": "a/b"}, "/model"),
        ({"z": [[0, 0, 0, 0]]}, "/z"),
        ({"n": 2}, "/n"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_by_its_field(
    client: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    answer = await morph(client, **{"seeds": [1, 2], **body} if body else {})

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"]), answer.text


async def test_more_pixels_than_an_answer_may_have_are_refused(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny(config=DCGANConfig(image_size=128, channels=1, latent_dim=4, width=16, num_classes=0))
    async with serve(create_app(settings)) as client:
        many = await morph(client, seeds=[1, 2], frames=16, scale=8)
        labelled = await morph(client, seeds=[1, 2], label=0)
        unknown = await morph(client, seeds=[1, 2], model="nobody")
        html = await morph(client, "text/html", seeds=[1, 2])

    assert many.json()["errors"][0]["pointer"] == "/scale"
    assert (labelled.status_code, labelled.json()["code"]) == (422, "label_not_supported")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "model_not_found")
    assert (html.status_code, html.json()["code"]) == (406, "not_acceptable")


async def test_two_who_ask_for_the_same_are_drawn_one_and_a_model_that_is_deleted_ends_what_is_under_way_for_nobody(
    client: httpx.AsyncClient, registry: Registry, publish_tiny: PublishTiny
) -> None:
    publish_tiny(seed=1)

    pair = [asyncio.create_task(morph(client, model="tiny@1", seeds=[1, 2], frames=60)) for _ in range(2)]
    await asyncio.sleep(0)
    files_of(registry).delete("models/tiny/1")
    one, other = await asyncio.gather(*pair)

    assert one.content == other.content
    assert one.status_code in (200, 404)
