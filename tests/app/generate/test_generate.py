"""GET and POST /generate, through the real app, batcher and a small network on the CPU."""

import asyncio
import io
from typing import Any

import anyio.to_thread
import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.main import create_app
from core.settings import Settings
from models.sizes import DCGANConfig
from tests.fixtures import PublishTiny, Serve

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def array(answer: httpx.Response) -> npt.NDArray[np.uint8]:
    """The images (N, H, W, C) of a npy answer, or the picture (H, W) of a PNG."""
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == "image/png":
        return np.asarray(Image.open(io.BytesIO(answer.content)))
    images: npt.NDArray[np.uint8] = np.load(io.BytesIO(answer.content), allow_pickle=False)
    return images


async def test_drawing_waits_for_no_thread_that_slow_requests_hold(client: httpx.AsyncClient) -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    slow = [object() for _ in range(int(limiter.total_tokens))]
    for request in slow:
        limiter.acquire_on_behalf_of_nowait(request)

    try:
        async with asyncio.timeout(5):
            answer = await client.get("/generate?seed=1")
    finally:
        for request in slow:
            limiter.release_on_behalf_of(request)

    assert answer.status_code == 200


async def test_a_seed_is_answered_with_a_png_and_the_name_of_what_drew_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"seed": 7, "label": "square"})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(PNG_MAGIC)
    assert (answer.headers["Model"], answer.headers["Model-Version"]) == ("tiny", "1")
    assert (answer.headers["Seed"], answer.headers["Label"]) == ("7", "1")
    assert answer.headers["Model-Digest"].startswith("sha256:")
    assert [part.split(";")[0] for part in answer.headers["Server-Timing"].split(", ")] == ["queue", "infer", "encode"]


async def test_different_seeds_and_different_labels_draw_different_pictures(client: httpx.AsyncClient) -> None:
    answers = [
        (await client.get("/generate", params={"seed": seed, "label": label})).content
        for seed in (1, 2)
        for label in (0, 1, 2)
    ]

    assert len(set(answers)) == 6


async def test_a_seed_draws_the_same_bytes_alone_and_in_a_crowd(client: httpx.AsyncClient) -> None:
    alone = [(await client.get("/generate", params={"seed": seed})).content for seed in range(16)]

    crowd = await asyncio.gather(
        *(client.get("/generate", params={"seed": seed % 16, "n": 1 + seed % 5 * (seed >= 16)}) for seed in range(64))
    )

    assert [answer.content for answer in crowd[:16]] == alone


async def test_each_image_of_a_request_for_many_can_be_had_alone(client: httpx.AsyncClient) -> None:
    many = array(await client.get("/generate", params={"seed": 40, "n": 64, "format": "npy"}))

    alone = [array(await client.get("/generate", params={"seed": 40 + i, "format": "npy"})) for i in range(64)]

    assert (many.shape, str(many.dtype)) == ((64, 8, 8, 1), "uint8")
    assert np.array_equal(many, np.concatenate(alone))


async def test_a_contact_sheet_shows_the_pixels_of_the_npy_row_by_row(client: httpx.AsyncClient) -> None:
    images = array(await client.get("/generate", params={"seed": 3, "n": 64, "format": "npy"}))

    sheet = array(await client.get("/generate", params={"seed": 3, "n": 64, "format": "png"}))

    rows = [np.concatenate(list(images[start : start + 8, :, :, 0]), axis=1) for start in range(0, 64, 8)]
    assert np.array_equal(sheet, np.concatenate(rows))


async def test_a_sheet_that_is_not_full_ends_in_black(client: httpx.AsyncClient) -> None:
    sheet = array(await client.get("/generate", params={"seed": 3, "n": 3}))

    assert sheet.shape == (16, 16)
    assert not sheet[8:, 8:].any()


async def test_a_label_can_be_named_by_index_or_by_name(client: httpx.AsyncClient) -> None:
    by_name = await client.get("/generate", params={"seed": 9, "label": "cross"})

    by_index = await client.get("/generate", params={"seed": 9, "label": 2})

    assert by_index.content == by_name.content
    assert by_index.headers["Label"] == by_name.headers["Label"] == "2"


async def test_each_image_can_have_its_own_label(client: httpx.AsyncClient) -> None:
    asked: dict[str, Any] = {"seed": 5, "n": 3, "label": ["cross", "0", "square"], "format": "npy"}
    mixed = await client.get("/generate", params=asked)

    alone = [
        array(await client.get("/generate", params={"seed": 5 + i, "label": label, "format": "npy"}))
        for i, label in enumerate(("cross", "circle", "square"))
    ]

    assert mixed.headers["Label"] == "2,0,1"
    assert np.array_equal(array(mixed), np.concatenate(alone))


async def test_one_label_is_that_of_every_image(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"seed": 5, "n": 4, "label": "square"})

    assert answer.headers["Label"] == "1"


async def test_without_a_label_it_is_seed_mod_classes_and_reported(client: httpx.AsyncClient) -> None:
    implied = await client.get("/generate", params={"seed": 5, "n": 4})

    spelt = await client.get("/generate", params={"seed": 5, "n": 4, "label": [2, 0, 1, 2]})

    assert implied.headers["Label"] == spelt.headers["Label"] == "2,0,1,2"
    assert implied.content == spelt.content


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"seed": -1},
        {"n": 5, "format": "npy"},
        {"n": 2, "label": ["cross", "circle"]},
        {"n": 7, "label": "square", "seed": -1},
    ],
)
async def test_a_random_seed_is_reported_with_an_address_that_gives_the_very_bytes(
    client: httpx.AsyncClient, query: dict[str, Any]
) -> None:
    random = await client.get("/generate", params=query)

    again = await client.get(random.headers["Content-Location"])

    assert random.headers["Cache-Control"] == "no-store"
    assert 0 <= int(random.headers["Seed"]) < 2**32
    assert again.content == random.content
    assert again.headers["Seed"] == random.headers["Seed"]
    assert again.headers["Label"] == random.headers["Label"]
    assert "model=tiny%401" in random.headers["Content-Location"]
    assert again.headers["Cache-Control"].endswith("immutable")


async def test_random_seeds_differ(client: httpx.AsyncClient) -> None:
    seeds = {(await client.get("/generate")).headers["Seed"] for _ in range(5)}

    assert len(seeds) == 5


async def test_seeds_go_round_at_two_to_the_thirty_second(client: httpx.AsyncClient) -> None:
    around = array(await client.get("/generate", params={"seed": 2**32 - 1, "n": 3, "format": "npy"}))

    zero = array(await client.get("/generate", params={"seed": 0, "n": 2, "format": "npy"}))

    assert np.array_equal(around[1:], zero)


async def test_post_draws_what_get_draws(client: httpx.AsyncClient) -> None:
    asked: dict[str, Any] = {"model": "tiny@1", "seed": 5, "n": 3, "label": ["cross", 0, "1"], "format": "npy"}
    got = await client.get("/generate", params=asked)

    posted = await client.post("/generate", json=asked)

    assert posted.content == got.content
    for name in ("Model", "Model-Version", "Model-Digest", "Seed", "Label", "ETag", "Content-Type"):
        assert posted.headers[name] == got.headers[name]


@pytest.mark.parametrize("label", [None, [], 1, "square", ["square"]])
async def test_a_body_may_give_one_label_or_a_list_or_none(client: httpx.AsyncClient, label: Any) -> None:
    answer = await client.post("/generate", json={"seed": 1, "label": label})

    assert (answer.status_code, answer.headers["Label"]) == (200, "1")


async def test_an_empty_body_object_draws_a_random_picture(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={})

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


async def test_head_answers_with_the_headers_alone(client: httpx.AsyncClient) -> None:
    got = await client.get("/generate", params={"seed": 1})

    head = await client.head("/generate", params={"seed": 1})

    assert (head.status_code, head.content) == (200, b"")
    assert "Content-Length" not in head.headers  # nobody knows it before it is drawn
    left_out = {"content-length", "server-timing", "request-id"}
    assert {name: head.headers[name] for name in got.headers if name not in left_out} == {
        name: value for name, value in got.headers.items() if name not in left_out
    }


async def test_head_draws_nothing(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        await app.state.services.batcher.close()  # from here on nothing can be drawn

        head = await client.head("/generate", params={"n": 64, "format": "zip"})

    assert (head.status_code, head.headers["Content-Type"]) == (200, "application/zip")


async def test_a_model_without_classes_draws_and_reports_no_label(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny("plain", config=DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=0))

    answer = await client.get("/generate", params={"model": "plain", "seed": 1, "n": 2})

    assert answer.status_code == 200
    assert "Label" not in answer.headers


async def test_a_colour_model_draws_in_colour(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny("colour", config=DCGANConfig(image_size=8, channels=3, latent_dim=4, width=16, num_classes=3))

    images = array(await client.get("/generate", params={"model": "colour", "seed": 1, "format": "npy"}))
    picture = array(await client.get("/generate", params={"model": "colour", "seed": 1}))

    assert images.shape == (1, 8, 8, 3)
    assert np.array_equal(picture, images[0])


async def test_a_restart_draws_the_same_bytes(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> None:
    publish_tiny()
    queries: list[dict[str, Any]] = [
        {"seed": 1},
        {"seed": 9, "n": 7},
        {"seed": 2**32 - 2, "n": 64, "format": "npy"},
    ]
    async with serve(create_app(settings)) as first:
        before = [(await first.get("/generate", params=query)) for query in queries]

    async with serve(create_app(settings)) as second:
        after = [(await second.get("/generate", params=query)) for query in queries]

    assert [answer.content for answer in after] == [answer.content for answer in before]
    assert [answer.headers["ETag"] for answer in after] == [answer.headers["ETag"] for answer in before]


async def test_bytes_stay_the_same_while_other_versions_load(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    asked: dict[str, Any] = {"model": "tiny@1", "seed": 11, "n": 5, "format": "npy"}
    quiet = (await client.get("/generate", params=asked)).content
    versions = [publish_tiny(seed=seed) for seed in range(1, 5)]

    answers = await asyncio.gather(
        *(client.get("/generate", params={**asked, "model": f"tiny@{version}"}) for version in versions),
        *(client.get("/generate", params=asked) for _ in range(20)),
    )

    assert {answer.content for answer in answers[len(versions) :]} == {quiet}
    assert len({answer.content for answer in answers}) == 1 + len(versions)
