"""POST /complete: the hole of a picture is filled, what is known stays, and what is no such picture is told apart."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.main import create_app
from core.settings import Settings
from models.sizes import UNetConfig
from tests.app.generate.test_generate_refusals import problem
from tests.fixtures import PublishTiny, Serve
from tests.models.test_unet import config

PNG = {"Content-Type": "image/png"}
GREY, COLOUR = config(16), config(16, channels=3, classes=3)
Pixels = npt.NDArray[np.uint8]


def saved(pixels: Pixels, mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def holed(sizes: UNetConfig = COLOUR, seed: int = 0, hole: tuple[slice, slice] = np.s_[4:12, 4:12]) -> Pixels:
    """A picture of noise as RGBA, grey where the model is, whose hole is transparent."""
    side = sizes.image_size
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 4), np.uint8)
    if sizes.channels == 1:
        pixels[..., :3] = pixels[..., :1]
    pixels[..., 3] = 255
    pixels[(*hole, 3)] = 0
    return pixels


@pytest.fixture
async def api(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has `mended`, in colour with three classes, `grey` without, and `tiny`, which draws."""
    publish_tiny()
    publish_tiny("mended", config=COLOUR)
    publish_tiny("grey", config=GREY)
    async with serve(create_app(settings)) as client:
        yield client


async def complete(api: httpx.AsyncClient, body: bytes, model: str = "mended", **query: Any) -> httpx.Response:
    seed = {} if "seeds" in query else {"seed": 1}
    return await api.post("/complete", content=body, params={"model": model, **seed, **query}, headers=PNG)


def pixels_of(answer: httpx.Response) -> Pixels:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


async def test_the_hole_is_filled_and_what_is_known_comes_back_byte_for_byte(api: httpx.AsyncClient) -> None:
    for model, sizes in (("mended", COLOUR), ("grey", GREY)):
        sent = holed(sizes)

        answer = await complete(api, saved(sent, "RGBA"), model)

        drawn, known = pixels_of(answer), sent[..., 3] == 255
        assert np.array_equal(drawn[known], sent[..., :3][known])
        assert len(np.unique(drawn[~known], axis=0)) > 1
        assert answer.headers["Model"] == model
        assert answer.headers["Seed"] == "1"


async def test_a_mask_says_the_same_as_a_transparent_hole(api: httpx.AsyncClient) -> None:
    sent = holed()
    mask = 255 - sent[..., 3]
    query = {"model": "mended", "seed": "1"}

    by_alpha = await complete(api, saved(sent, "RGBA"))
    files = {
        "picture": ("p.png", saved(sent[..., :3], "RGB"), "image/png"),
        "mask": ("m.png", saved(mask, "L"), "image/png"),
    }
    by_mask = await api.post("/complete", params=query, files=files)
    alone = await api.post("/complete", params=query, files={"picture": ("p.png", saved(sent, "RGBA"), "image/png")})

    assert pixels_of(by_mask).tobytes() == pixels_of(by_alpha).tobytes()
    assert by_mask.content == alone.content == by_alpha.content
    assert by_mask.headers["ETag"] == alone.headers["ETag"] == by_alpha.headers["ETag"]


async def test_what_lies_in_the_hole_changes_nothing_and_a_palette_may_have_one(api: httpx.AsyncClient) -> None:
    sent = holed()
    other = sent.copy()
    other[4:12, 4:12, :3] = 7
    palette, buffer = Image.new("P", (16, 16), 0), io.BytesIO()
    palette.putpalette([10, 20, 30, 0, 0, 0])
    palette.paste(1, (4, 4, 12, 12))
    palette.save(buffer, "PNG", transparency=1)

    one, two = [await complete(api, saved(each, "RGBA")) for each in (sent, other)]
    by_palette = await complete(api, buffer.getvalue())

    assert one.content == two.content
    assert pixels_of(by_palette)[0, 0].tolist() == [10, 20, 30]


async def test_each_seed_is_a_draft_the_same_alone_and_in_a_crowd(api: httpx.AsyncClient) -> None:
    bodies = [saved(holed(seed=seed), "RGBA") for seed in range(12)]

    async def drafts(i: int, **query: Any) -> Pixels:
        answer = await complete(api, bodies[i], format="npy", **query)
        assert answer.status_code == 200, answer.text
        return np.load(io.BytesIO(answer.content))

    alone = [await drafts(i, seed=seed) for i in range(12) for seed in (1, 2)]
    crowd = await asyncio.gather(*(drafts(i, seed=1, n=2) for i in range(12)))
    others = await asyncio.gather(*(drafts(i, seeds="2,9,1", label="circle") for i in range(12)))

    assert np.array_equal(np.concatenate(crowd), np.concatenate(alone))
    assert all((one[0] != one[1]).any() for one in crowd)
    assert [len(one) for one in others] == [3] * 12


@pytest.mark.parametrize(
    ("form", "begins"), [("png", b"\x89PNG"), ("webp", b"RIFF"), ("json", b"{"), ("zip", b"PK"), ("npy", b"\x93NUMPY")]
)
async def test_drafts_come_in_every_format_of_generate(api: httpx.AsyncClient, form: str, begins: bytes) -> None:
    answer = await complete(api, saved(holed(), "RGBA"), n=4, scale=2, format=form)

    assert answer.content.startswith(begins)
    assert (answer.headers["Seed"], answer.headers["Label"]) == ("1", "1,2,0,1")


async def test_a_picture_that_a_client_has_is_not_drawn_again(api: httpx.AsyncClient) -> None:
    body = saved(holed(), "RGBA")
    first = await complete(api, body, model="mended@1")

    known = await api.post(
        "/complete",
        content=body,
        params={"model": "mended@1", "seed": 1},
        headers={**PNG, "If-None-Match": first.headers["ETag"]},
    )
    others = [
        await complete(api, saved(holed(seed=5), "RGBA")),
        await complete(api, saved(holed(hole=np.s_[4:12, 4:13]), "RGBA")),
        await complete(api, body, seed=2),
    ]

    assert known.status_code == 304
    assert "immutable" in first.headers["Cache-Control"]
    assert len({each.headers["ETag"] for each in (first, *others)}) == 4


async def test_without_a_seed_one_is_chosen_and_told(api: httpx.AsyncClient) -> None:
    body = saved(holed(), "RGBA")

    random = await api.post("/complete", content=body, params={"model": "mended"}, headers=PNG)
    again = await complete(api, body, seed=int(random.headers["Seed"]))

    assert random.headers["Cache-Control"] == "no-store"
    assert random.content == again.content


OPAQUE, EMPTY = holed(), holed()
OPAQUE[..., 3], EMPTY[..., 3] = 255, 0


def bad() -> dict[str, tuple[bytes, str, str]]:
    """Body, code and what is told."""
    grown = np.zeros((17, 16, 4), np.uint8)
    jpeg, moving, deep = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("CMYK", (16, 16)).save(jpeg, "JPEG")
    frames = [Image.fromarray(holed(seed=i), "RGBA") for i in range(2)]
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(deep, "PNG")
    whole = saved(holed(), "RGBA")
    huge = saved(np.zeros((1025, 1025), np.uint8), "L")
    return {
        "no hole": (saved(OPAQUE, "RGBA"), "invalid_request", "there is no hole to fill: nothing of it is transparent"),
        "all hole": (saved(EMPTY, "RGBA"), "invalid_request", "nothing of it is known"),
        "another size": (saved(grown, "RGBA"), "picture_invalid", "completes 16 x 16 pixels; it has 16 x 17"),
        "CMYK": (jpeg.getvalue(), "picture_invalid", "is no PNG"),
        "animated": (moving.getvalue(), "picture_invalid", "it is animated"),
        "16 bits": (deep.getvalue(), "picture_invalid", "16 bits a channel"),
        "huge": (huge, "picture_invalid", "1025 x 1025"),
        "cut short": (whole[: len(whole) // 2], "picture_invalid", "cut short"),
        "damaged": (whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], "picture_invalid", "checksum"),
        "nothing": (b"", "picture_invalid", "is no PNG"),
    }


@pytest.mark.parametrize("kind", bad())
async def test_what_cannot_be_completed_is_told_apart(api: httpx.AsyncClient, kind: str) -> None:
    body, code, told = bad()[kind]

    refused = problem(await complete(api, body), 422, code)

    assert refused["errors"][0]["pointer"] == "/picture"
    assert told in refused["detail"]


async def test_a_mask_that_does_not_fit_is_told_apart(api: httpx.AsyncClient) -> None:
    picture = ("p.png", saved(OPAQUE, "RGBA"), "image/png")
    masks = {
        "small": (np.full((14, 14), 255, np.uint8), "/mask", "it has 14 x 14"),
        "black": (np.zeros((16, 16), np.uint8), "/picture", "nothing of the mask is other than black"),
        "white": (np.full((16, 16), 255, np.uint8), "/picture", "nothing of it is known"),
    }

    for mask, pointer, told in masks.values():
        files = {"picture": picture, "mask": ("m.png", saved(mask, "L"), "image/png")}
        answer = await api.post("/complete", params={"model": "mended"}, files=files)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
        assert told in answer.json()["detail"]
    assert (await api.post("/complete", params={"model": "mended"}, files={"mask": picture})).status_code == 422


async def test_colours_are_refused_where_the_model_knows_none(api: httpx.AsyncClient) -> None:
    refused = problem(await complete(api, saved(holed(), "RGBA"), "grey"), 422, "picture_invalid")

    assert "this model completes grey pictures; it has colours" in refused["detail"]


async def test_a_model_that_draws_and_a_body_of_another_kind_are_refused(api: httpx.AsyncClient) -> None:
    body = saved(holed(), "RGBA")

    drawing = problem(await complete(api, body, "tiny"), 422, "wrong_task")
    drawn = problem(await api.get("/generate", params={"model": "mended", "seed": 1}), 422, "wrong_task")
    of_json = await api.post("/complete", params={"model": "mended"}, json={})

    assert "send this to /generate" in drawing["detail"]
    assert "send this to /complete" in drawn["detail"]
    problem(of_json, 415, "unsupported_media_type")
    problem(await complete(api, body, n=65), 422, "invalid_request")
    problem(await complete(api, body, metadata="true"), 422, "invalid_request")
    problem(await complete(api, body, label="hexagon"), 422, "invalid_request")
