"""POST /classify: every picture gets its classes, however it was saved, and one that cannot be read is named."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.engine.batch import Rows
from app.main import create_app
from core.registry import Registry
from core.settings import Settings
from models.probabilities import probabilities
from tests.app.generate.test_generate_refusals import problem
from tests.classifiers import GREY, publish_classifier
from tests.fixtures import CLASSES, OpenEngine, PublishTiny, Serve

Pixels = npt.NDArray[np.uint8]


def noise(seed: int = 0, side: int = 16, channels: int = 3) -> Pixels:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, channels), np.uint8)
    return pixels if channels > 1 else pixels[..., 0]


def saved(picture: Image.Image | Pixels, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.fixture
async def api(
    settings: Settings, registry: Registry, tmp_path: Path, publish_tiny: PublishTiny, serve: Serve
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has `reader`, in colour, with a temperature, `grey` without, and `tiny`, which draws."""
    publish_tiny()
    publish_classifier(registry, tmp_path / "colour", metrics={"temperature": 2.0})
    publish_classifier(registry, tmp_path / "grey", "grey", GREY)
    async with serve(create_app(settings)) as client:
        yield client


async def classify(
    api: httpx.AsyncClient, *files: bytes, model: str = "reader", headers: dict[str, str] | None = None, **query: Any
) -> httpx.Response:
    parts = [("picture", (f"{place}.png", file, "image/png")) for place, file in enumerate(files)]
    return await api.post("/classify", params={"model": model, **query}, files=parts, headers=headers or {})


def told(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    body: list[dict[str, Any]] = answer.json()["pictures"]
    return body


def shares(picture: dict[str, Any]) -> list[float]:
    return [each["probability"] for each in sorted(picture["classes"], key=lambda each: int(each["label"]))]


async def test_each_picture_has_its_classes_the_likeliest_first_by_the_temperature_of_the_version(
    api: httpx.AsyncClient, open_engine: OpenEngine
) -> None:
    pictures = [noise(seed) for seed in range(3)]

    answer = await classify(api, *map(saved, pictures))

    engine = open_engine("reader")
    logits_NK = (await engine.draw(Rows.of_pictures(np.stack(pictures)))).images
    body = answer.json()
    assert (body["model"], body["version"], body["digest"], body["temperature"]) == ("reader", 1, engine.digest, 2.0)
    assert np.allclose([shares(picture) for picture in told(answer)], probabilities(logits_NK, 2.0), atol=1e-6)
    for place, picture in enumerate(told(answer)):
        assert picture["file"] == f"{place}.png"
        assert [each["probability"] for each in picture["classes"]] == sorted(shares(picture), reverse=True)
        assert {each["label"]: each["name"] for each in picture["classes"]} == dict(enumerate(CLASSES))
    assert answer.headers["Model"] == "reader"
    assert "Seed" not in answer.headers


async def test_only_so_many_classes_are_told(api: httpx.AsyncClient) -> None:
    one, all_of_them = [told(await classify(api, saved(noise()), top=top))[0]["classes"] for top in (1, 1000)]

    assert one == all_of_them[:1]
    assert len(all_of_them) == 3
    assert problem(await classify(api, saved(noise()), top=0), 422, "invalid_request")["errors"][0]["pointer"] == "top"


async def test_a_picture_of_any_kind_is_taken_as_an_import_takes_it(api: httpx.AsyncClient) -> None:
    pixels = noise(channels=1)
    deep = Image.fromarray(pixels.astype(np.uint16) * 257)
    doubled = Image.fromarray(pixels).resize((32, 32), Image.Resampling.NEAREST)
    wide = Image.new("L", (48, 16), 9)
    wide.paste(Image.fromarray(pixels), (16, 0))
    coloured = Image.merge("RGB", [Image.fromarray(pixels)] * 3)
    same = {
        "png": saved(pixels),
        "bmp": saved(pixels, "BMP"),
        "webp": saved(coloured, "WEBP", lossless=True),
        "16 bits": saved(deep),
        "cmyk": saved(coloured.convert("CMYK"), "TIFF"),
        "wide": saved(wide),
        "animated": saved(pixels, "PNG", save_all=True, append_images=[Image.fromarray(noise(5, channels=1))]),
        "opaque": saved(coloured.convert("RGBA")),
        "palette": saved(Image.fromarray(pixels).convert("P")),
    }

    answers = told(await classify(api, *same.values(), model="grey"))
    (enlarged,) = told(await classify(api, saved(doubled), model="grey"))

    expected = shares(answers[0])
    assert {name: np.allclose(shares(each), expected, atol=0.02) for name, each in zip(same, answers, strict=True)} == (
        dict.fromkeys(same, True)
    )
    assert len(enlarged["classes"]) == 3


@pytest.mark.parametrize("crop", ["centre", "none"])
async def test_a_picture_is_cut_as_the_dataset_was(
    settings: Settings, registry: Registry, tmp_path: Path, serve: Serve, crop: str
) -> None:
    options = {"crop": crop, "background": "black"}
    publish_classifier(registry, tmp_path / "c", config=GREY, options=options)
    high = np.vstack([np.full((8, 16), 255, np.uint8), noise(channels=1), np.full((8, 16), 255, np.uint8)])
    async with serve(create_app(settings)) as api:
        whole, middle = told(await classify(api, saved(high), saved(high[8:24])))

    assert (shares(whole) == shares(middle)) is (crop == "centre")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "is no PNG, JPEG"),
        (b"hello", "is no PNG, JPEG"),
        (saved(noise(side=64))[:2000], "cannot be decoded"),
        (saved(Image.new("L", (5000, 4000))), "more than 16777216"),
    ],
)
async def test_a_file_that_is_no_picture_is_named(api: httpx.AsyncClient, file: bytes, reason: str) -> None:
    refused = problem(await classify(api, saved(noise()), file), 422, "picture_invalid")

    assert [error["pointer"] for error in refused["errors"]] == ["/picture/1"]
    assert "1.png" in refused["detail"]
    assert reason in refused["detail"]


async def test_pictures_are_limited_in_number_in_pixels_and_in_bytes(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = saved(noise())
    many = problem(await classify(api, *[one] * 65), 422, "invalid_request")
    monkeypatch.setattr("app.generate.pictures.MAX_ALL_PIXELS", 600)
    large = problem(await classify(api, one, one, one), 422, "picture_invalid")
    monkeypatch.setattr("app.generate.classify.MAX_PICTURE_BYTES", 100)
    long = problem(await classify(api, one), 422, "invalid_request")
    body = problem(await classify(api, bytes(2**26)), 413, "body_too_large")

    assert many["errors"][0]["detail"] == "may be there up to 64 times"
    assert large["errors"][0]["pointer"] == "/picture/2"
    assert long["errors"][0]["pointer"] == "/picture"
    assert str(2**26) in body["detail"]


async def test_a_body_without_a_picture_is_refused(api: httpx.AsyncClient) -> None:
    empty = await api.post("/classify", params={"model": "reader"}, content=saved(noise()))
    foreign = await api.post("/classify", params={"model": "reader"}, files={"mask": ("m.png", saved(noise()))})

    assert "multipart/form-data" in problem(empty, 422, "invalid_request")["detail"]
    assert "the parts are picture" in problem(foreign, 422, "invalid_request")["detail"]


async def test_models_of_another_task_are_refused_on_both_sides(api: httpx.AsyncClient) -> None:
    drawing = problem(await classify(api, saved(noise()), model="tiny"), 422, "wrong_task")
    reading = problem(await api.get("/generate", params={"model": "reader", "seed": 1}), 422, "wrong_task")
    holed = await api.post(
        "/complete", params={"model": "reader"}, content=saved(noise()), headers={"Content-Type": "image/png"}
    )

    assert "send this to /generate" in drawing["detail"]
    assert "send this to /classify" in reading["detail"]
    assert problem(holed, 422, "wrong_task")["errors"][0]["pointer"] == "model"


async def test_who_has_the_answer_is_told_so_and_a_pinned_version_is_kept_for_ever(api: httpx.AsyncClient) -> None:
    first = await classify(api, saved(noise()), model="reader@1")
    same_pixels = await classify(api, saved(noise(), compress_level=0), model="reader@1")

    again = await classify(api, saved(noise()), model="reader@1", headers={"If-None-Match": first.headers["ETag"]})
    other = await classify(api, saved(noise(1)), model="reader@1", headers={"If-None-Match": first.headers["ETag"]})
    fewer = await classify(api, saved(noise()), model="reader@1", top=1)

    assert (again.status_code, again.content) == (304, b"")
    assert (other.status_code, fewer.status_code) == (200, 200)
    assert same_pixels.headers["ETag"] == first.headers["ETag"] != fewer.headers["ETag"]
    assert "immutable" in first.headers["Cache-Control"]


async def test_who_asks_together_is_answered_as_if_alone(api: httpx.AsyncClient) -> None:
    files = [saved(noise(seed)) for seed in range(12)]

    crowd = await asyncio.gather(*(classify(api, file) for file in files))

    assert [told(answer)[0]["classes"] for answer in crowd] == [
        told(await classify(api, file))[0]["classes"] for file in files
    ]


async def test_models_tell_their_task_and_versions_what_they_confuse(api: httpx.AsyncClient) -> None:
    models = {model["name"]: model["task"] for model in (await api.get("/models")).json()["data"]}
    version = (await api.get("/models/reader/versions/1")).json()

    assert {name: models[name] for name in ("tiny", "reader", "grey")} == {
        "tiny": "generation",
        "reader": "classification",
        "grey": "classification",
    }
    assert version["task"] == "classification"
    assert version["links"]["classify"] == "/classify?model=reader@1"
    assert "generate" not in version["links"]
    assert version["confusion"] is None


async def test_weights_of_a_classifier_can_be_taken_elsewhere(api: httpx.AsyncClient) -> None:
    weights = (await api.get("/models/reader/versions/1/weights")).content
    manifest = (await api.get("/models/reader/versions/1/manifest")).json()
    manifest["confusion"] = [[1, 0, 0], [0, 2, 0], [0, 1, 3]]

    made = await api.post("/models/other/versions", files={"weights": weights, "manifest": json.dumps(manifest)})

    assert made.status_code == 201, made.text
    assert made.json()["confusion"] == manifest["confusion"]
    one, other = [told(await classify(api, saved(noise()), model=model)) for model in ("reader", "other")]
    assert one == other
