"""What /generate sends in each form: the same pixels, the same bytes for the same request, and what drew them."""

import base64
import io
import json
import re
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest

from app.generate.formats import encode
from app.generate.sampling import SamplingParams
from ganymede.schemas.drawings import DrawnImages, Provenance, ZipManifest
from models.noise import Latents
from models.sizes import DCGANConfig
from tests.app.reading import arrays, draw, picture, recipe
from tests.fixtures import OpenEngine, PublishTiny

FORMS = ("png", "webp", "json", "zip", "npy")
GREY: dict[str, Any] = {"model": "tiny@1", "seeds": "40,3,41", "label": ["cross", "circle", "cross"]}
COLOUR = DCGANConfig(image_size=8, channels=3, latent_dim=4, width=16, num_classes=3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 3])
async def test_every_form_has_the_same_pixels(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, channels: int, scale: int
) -> None:
    if channels == 3:
        publish_tiny("colour", config=COLOUR)
    asked = {**GREY, "model": "colour@1" if channels == 3 else "tiny@1", "scale": scale}
    plain = arrays(await draw(client, **{**asked, "scale": 1}, format="npy"))

    drawn = {form: await draw(client, **asked, format=form) for form in FORMS}

    large = plain.repeat(scale, axis=1).repeat(scale, axis=2)
    assert large.shape == (3, 8 * scale, 8 * scale, channels)
    for form in ("json", "zip", "npy"):
        assert np.array_equal(arrays(drawn[form]), large), form
    black = np.zeros_like(large[0])
    rows = [np.concatenate([large[0], large[1]], axis=1), np.concatenate([large[2], black], axis=1)]
    sheet = np.concatenate(rows)
    for form in ("png", "webp"):
        shown = picture(drawn[form].content)
        assert (shown.reshape(*shown.shape[:2], -1) == sheet).all(), form


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("metadata", [False, True])
async def test_the_same_request_gives_the_same_bytes(client: httpx.AsyncClient, form: str, metadata: bool) -> None:
    asked = {
        **GREY,
        "format": form,
        "truncation": 0.7,
        "scale": 2,
        "metadata": metadata and form not in ("webp", "npy"),
    }

    answers = [await draw(client, **asked) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_is_sent_as_what_it_is(client: httpx.AsyncClient, form: str) -> None:
    kinds = {"png": "image/png", "webp": "image/webp", "json": "application/json"}
    kinds |= {"zip": "application/zip", "npy": "application/x-npy"}
    names = {"zip": "tiny-1-seed-9.zip", "npy": "tiny-1-seed-9.npy"}

    answer = await draw(client, seed=9, n=2, format=form)

    disposition = answer.headers.get("Content-Disposition")
    assert answer.headers["Content-Type"] == kinds[form]
    assert disposition == (f'attachment; filename="{names[form]}"' if form in names else None)


async def test_webp_shows_one_image_without_a_loss(client: httpx.AsyncClient) -> None:
    png, webp = [await draw(client, seed=1, format=form) for form in ("png", "webp")]

    assert (picture(webp.content) == picture(png.content)[..., None]).all()


async def test_json_tells_of_each_picture_what_drew_it(client: httpx.AsyncClient) -> None:
    answer = await draw(client, **GREY, format="json", scale=2, truncation=0.5)

    told = DrawnImages.model_validate_json(answer.content, extra="forbid")
    assert [(each.seed, each.label, each.label_name) for each in told.images] == [
        (40, 2, "cross"),
        (3, 0, "circle"),
        (41, 2, "cross"),
    ]
    assert (told.model, told.version, told.digest) == ("tiny", 1, answer.headers["Model-Digest"])
    assert (told.height, told.width, told.channels, told.scale, told.truncation) == (16, 16, 1, 2, 0.5)


async def test_a_zip_names_each_picture_after_what_drew_it(client: httpx.AsyncClient) -> None:
    answer = await draw(client, **GREY, format="zip")

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        manifest = ZipManifest.model_validate_json(archive.read("manifest.json"), extra="forbid")
        entries = archive.infolist()
    assert names == [
        "0000-seed-40-label-cross.png",
        "0001-seed-3-label-circle.png",
        "0002-seed-41-label-cross.png",
        "manifest.json",
    ]
    assert [each.file for each in manifest.images] == names[:-1]
    assert [each.seed for each in manifest.images] == [40, 3, 41]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


AWKWARD = ["../../etc/passwd", "a/b\\c:d", "ünïcödé", "日本", "", ".", "CON", "x" * 300, "a\nb\0c", "-rf"]


@pytest.mark.parametrize("name", AWKWARD)
def test_no_name_of_a_class_leaves_the_folder_a_zip_is_unpacked_to(
    publish_tiny: PublishTiny, open_engine: OpenEngine, name: str
) -> None:
    publish_tiny()
    engine = open_engine()
    engine.labels = [name, "b", "c"]
    params = SamplingParams(Latents([7]), [0], "zip", scale=1, tells_recipe=False, is_random=False)

    content = encode(np.zeros((1, 8, 8, 1), np.uint8), params, engine)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        file = archive.namelist()[0]
        told = json.loads(archive.read("manifest.json"))
    assert re.fullmatch(r"0000-seed-7-label-[A-Za-z0-9_.-]{1,40}\.png", file)
    assert told["images"][0]["label_name"] == name


async def test_a_png_tells_how_it_was_drawn_only_when_it_is_asked_to(client: httpx.AsyncClient) -> None:
    told = await draw(client, seed=7, label="cross", truncation=0.25, scale=2, metadata=True)
    silent = await draw(client, seed=7, label="cross", truncation=0.25, scale=2)

    assert recipe(told.content) == {
        "model": "tiny",
        "version": 1,
        "digest": told.headers["Model-Digest"],
        "seed": 7,
        "label": 2,
        "truncation": 0.25,
        "scale": 2,
    }
    assert b"ganymede" not in silent.content
    assert np.array_equal(picture(told.content), picture(silent.content))


async def test_a_sheet_tells_the_seeds_and_labels_of_all(client: httpx.AsyncClient) -> None:
    told = recipe((await draw(client, **GREY, metadata=True)).content)

    assert (told["seed"], told["label"]) == ([40, 3, 41], [2, 0, 2])
    assert Provenance.model_validate_json(json.dumps(told)).seeds == [40, 3, 41]


@pytest.mark.parametrize("form", ["json", "zip"])
async def test_each_picture_of_many_carries_its_own_recipe(client: httpx.AsyncClient, form: str) -> None:
    answer = await draw(client, **GREY, metadata=True, format=form)

    if form == "json":
        pngs = [base64.b64decode(each["png"]) for each in answer.json()["images"]]
    else:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            pngs = [archive.read(name) for name in archive.namelist()[:-1]]
    assert [(told["seed"], told["label"]) for told in map(recipe, pngs)] == [(40, 2), (3, 0), (41, 2)]
    alone = await draw(client, model="tiny@1", seed=3, label=0, metadata=True)
    assert pngs[1] == alone.content


async def test_a_model_without_classes_tells_no_label(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny("plain", config=DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=0))

    told = recipe((await draw(client, model="plain", seed=1, metadata=True)).content)
    body = (await draw(client, model="plain", seed=1, format="json")).json()
    with zipfile.ZipFile(io.BytesIO((await draw(client, model="plain", seed=1, format="zip")).content)) as archive:
        names = archive.namelist()

    assert "label" not in told
    assert (body["images"][0]["label"], body["images"][0]["label_name"]) == (None, None)
    assert names == ["0000-seed-1.png", "manifest.json"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", "image/webp"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/png"),
        ("application/json", "application/json"),
        ("application/zip", "application/zip"),
        ("application/x-npy", "application/x-npy"),
        ("Application/X-NPY", "application/x-npy"),
        ("application/*", "application/json"),
        ("image/png;q=0.4, application/x-npy;q=0.9", "application/x-npy"),
        ("image/png;q=0.9, application/x-npy; q=0.4", "image/png"),
        ("image/png;q=0, */*", "image/webp"),
        ("*/*;q=0.1, application/x-npy", "application/x-npy"),
    ],
)
async def test_accept_chooses_the_form(client: httpx.AsyncClient, accept: str, media_type: str) -> None:
    answer = await client.get("/generate", params={"seed": 1}, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)


async def test_format_beats_accept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"seed": 1, "format": "npy"}, headers={"Accept": "image/png"})

    assert answer.headers["Content-Type"] == "application/x-npy"
