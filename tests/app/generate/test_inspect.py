"""POST /inspect: a picture that was drawn here tells how, and drawing it again shows whether that is true."""

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from core.media.images.png import read_png, write_png
from core.registry import Registry
from ganymede.schemas.drawings import InspectionBody
from models.sizes import DCGANConfig
from tests.app.reading import draw, picture
from tests.fixtures import PublishTiny

PNG = {"Content-Type": "image/png"}
LIMIT = 2**24


async def inspect(client: httpx.AsyncClient, png: bytes, **query: Any) -> InspectionBody:
    answer = await client.post("/inspect", content=png, params=query, headers=PNG)
    assert answer.status_code == 200, answer.text
    return InspectionBody.model_validate_json(answer.content)


def retold(png: bytes, **changes: Any) -> bytes:
    """The same pixels with another recipe."""
    text = read_png(png, LIMIT).text
    assert text is not None
    pixels = picture(png)
    told = {**json.loads(text), **changes}
    return write_png(pixels.reshape(*pixels.shape[:2], -1), json.dumps({k: v for k, v in told.items() if v is not ...}))


async def test_a_picture_tells_how_it_was_drawn(client: httpx.AsyncClient) -> None:
    drawn = await draw(client, seed=7, label="cross", truncation=0.5, scale=2, metadata=True)

    told = await inspect(client, drawn.content)

    assert (told.recipe.model, told.recipe.version) == ("tiny", 1)
    assert told.recipe.digest == drawn.headers["Model-Digest"]
    assert (told.recipe.seed, told.recipe.label, told.recipe.truncation, told.recipe.scale) == (7, 2, 0.5, 2)
    assert (told.width, told.height, told.verified, told.reason) == (16, 16, None, None)


WAYS: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 1, "label": "circle", "truncation": 0.3, "scale": 8},
    {"seed": 2**32 - 1, "n": 64},
    {"seeds": [9, 1, 5], "label": ["cross", "circle", "cross"], "scale": 3},
    {"z": [[0.1, -2.5, 3e-8, 1.0]]},
    {"z": [[0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4]], "label": "square", "truncation": 0.9},
    {"n": 5},
]


@pytest.mark.parametrize("asked", WAYS)
@pytest.mark.parametrize("model", ["tiny", "plain", "colour"])
async def test_a_picture_as_it_was_drawn_is_verified(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, asked: dict[str, Any], model: str
) -> None:
    channels, classes = (3 if model == "colour" else 1), (0 if model == "plain" else 3)
    if model != "tiny":
        publish_tiny(
            model, config=DCGANConfig(image_size=8, channels=channels, latent_dim=4, width=16, num_classes=classes)
        )
    asked = {key: value for key, value in asked.items() if classes or key != "label"}
    drawn = await client.post("/generate", json={**asked, "model": model, "metadata": True})

    told = await inspect(client, drawn.content, verify=True)

    assert (told.verified, told.reason) == (True, None)


async def test_a_picture_of_many_is_verified_alone(client: httpx.AsyncClient) -> None:
    asked = {"z": [[1, 2, 3, 4], [4, 3, 2, 1]], "format": "json", "metadata": True}
    answer = await client.post("/generate", json=asked)

    told = [await inspect(client, base64.b64decode(each["png"]), verify=True) for each in answer.json()["images"]]

    assert [each.verified for each in told] == [True, True]
    assert [each.recipe.z for each in told] == [[[1, 2, 3, 4]], [[4, 3, 2, 1]]]


async def test_one_changed_pixel_is_found(client: httpx.AsyncClient) -> None:
    drawn = (await draw(client, seed=1, metadata=True)).content
    pixels = picture(drawn).copy()
    pixels[3, 4] ^= 1

    told = await inspect(client, write_png(pixels[..., None], read_png(drawn, LIMIT).text), verify=True)

    assert (told.verified, told.reason) == (False, "1 of 64 pixels differ")


@pytest.mark.parametrize("changes", [{"seed": 2}, {"label": 2}, {"truncation": 0.5}, {"seed": ..., "z": [[0.0] * 4]}])
async def test_a_recipe_that_draws_other_pixels_is_not_true(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    drawn = (await draw(client, seed=1, label=0, metadata=True)).content

    told = await inspect(client, retold(drawn, **changes), verify=True)

    assert told.verified is False
    assert told.reason is not None
    assert "of 64 pixels differ" in told.reason


@pytest.mark.parametrize(("changes", "size"), [({"scale": 2}, "16 x 16"), ({"seed": [1, 2]}, "16 x 8")])
async def test_a_recipe_that_draws_another_size_is_not_true(
    client: httpx.AsyncClient, changes: dict[str, Any], size: str
) -> None:
    drawn = (await draw(client, seed=1, label=0, metadata=True)).content

    told = await inspect(client, retold(drawn, **changes), verify=True)

    assert (told.verified, told.reason) == (False, f"the recipe draws {size} pixels; this picture has 8 x 8")


@pytest.mark.parametrize("mode", ["RGB", "P", "L"])
async def test_a_picture_that_another_program_saved_without_a_loss_is_still_true(
    client: httpx.AsyncClient, mode: str
) -> None:
    drawn = (await draw(client, seed=1, metadata=True)).content
    buffer, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_itxt("ganymede", read_png(drawn, LIMIT).text or "")
    Image.fromarray(picture(drawn)).convert(mode).save(buffer, "PNG", pnginfo=text)

    told = await inspect(client, buffer.getvalue(), verify=True)

    assert told.verified is True


async def test_a_colour_that_only_looks_as_bright_is_not_the_same(client: httpx.AsyncClient) -> None:
    drawn = (await draw(client, seed=1, metadata=True)).content
    colours = np.repeat(picture(drawn)[..., None], 3, axis=2).copy()
    colours[0, 0, 2] ^= 1

    told = await inspect(client, write_png(colours, read_png(drawn, LIMIT).text), verify=True)

    assert told.verified is False


async def test_transparent_pixels_are_none_of_ours(client: httpx.AsyncClient) -> None:
    drawn = (await draw(client, seed=1, metadata=True)).content
    buffer, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_itxt("ganymede", read_png(drawn, LIMIT).text or "")
    Image.fromarray(picture(drawn)).convert("RGBA").save(buffer, "PNG", pnginfo=text)

    told = await inspect(client, buffer.getvalue(), verify=True)

    assert told.verified is False
    assert told.reason is not None
    assert "grey or RGB" in told.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 99}, "no version 99"),
        ({"model": "nobody"}, "there is no model 'nobody'"),
        ({"model": "../tiny"}, "lower-case"),
        ({"model": ""}, "expected NAME"),
        ({"model": "tiny@1"}, "expected NAME"),
        ({"digest": "sha256:0000"}, "has other weights here"),
        ({"label": 3}, "0 to 2"),
        ({"label": [0, 1]}, "one per image (1)"),
        ({"seed": list(range(65))}, "1 to 64 seeds, got 65"),
        ({"seed": []}, "1 to 64 seeds, got 0"),
        ({"z": [[0.0] * 4]}, "leave it out"),
        ({"seed": ..., "z": [[0.0] * 5]}, "4 numbers a row, got 5"),
        ({"seed": ..., "z": [[1e9] * 4]}, "less than or equal to 1000"),
        ({"scale": 9}, "less than or equal to 8"),
    ],
)
async def test_what_cannot_be_drawn_here_is_neither_true_nor_false(
    client: httpx.AsyncClient, changes: dict[str, Any], reason: str
) -> None:
    drawn = (await draw(client, seed=1, label=0, metadata=True)).content

    told = await inspect(client, retold(drawn, **changes), verify=True)

    assert told.verified is None
    assert told.reason is not None
    assert reason in told.reason


async def test_a_recipe_without_seed_and_noise_draws_no_random_picture(client: httpx.AsyncClient) -> None:
    drawn = (await draw(client, seed=1, label=0, metadata=True)).content

    told = await inspect(client, retold(drawn, seed=...), verify=True)

    assert told.verified is None
    assert told.reason is not None
    assert "neither seed nor z" in told.reason


async def test_a_version_that_is_gone_cannot_be_told(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, registry: Registry
) -> None:
    publish_tiny("other")
    drawn = (await draw(client, model="other", seed=1, metadata=True)).content
    publish_tiny("other", seed=1)
    await client.delete("/models/other/versions/1")

    told = await inspect(client, drawn, verify=True)

    assert not registry.folder("other", 1).exists()
    assert (told.verified, "no version 1" in str(told.reason)) == (None, True)
