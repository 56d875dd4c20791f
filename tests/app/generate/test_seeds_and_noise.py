"""What pictures are drawn from: chosen seeds, less noise, noise that was given."""

from typing import Any

import httpx
import numpy as np
import pytest

from models.noise import draw_noise
from tests.app.reading import arrays, draw, recipe


async def test_seeds_are_drawn_in_their_order_each_as_it_is_alone(client: httpx.AsyncClient) -> None:
    many = arrays(await draw(client, seeds="5,1,7-9,1", format="npy"))

    alone = [arrays(await draw(client, seed=seed, format="npy")) for seed in (5, 1, 7, 8, 9, 1)]

    assert np.array_equal(many, np.concatenate(alone))


@pytest.mark.parametrize(
    ("seeds", "told"),
    [("4", "4"), ("4-6", "4"), ("4,5,6", "4"), ("4,6", "4,6"), ("6,5", "6,5"), ("4294967295,0", "4294967295")],
)
async def test_the_seed_header_names_the_first_or_all_that_do_not_count_up(
    client: httpx.AsyncClient, seeds: str, told: str
) -> None:
    answer = await draw(client, seeds=seeds)

    assert answer.headers["Seed"] == told
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Content-Location" not in answer.headers


async def test_seeds_of_a_body_may_be_a_list(client: httpx.AsyncClient) -> None:
    got = await draw(client, seeds="5,1,7-9")

    listed = await client.post("/generate", json={"seeds": [5, 1, 7, 8, 9]})
    written = await client.post("/generate", json={"seeds": "5,1,7-9"})

    assert listed.content == written.content == got.content
    assert listed.headers["ETag"] == got.headers["ETag"]


async def test_truncation_shrinks_the_noise(client: httpx.AsyncClient) -> None:
    near, nearer = [arrays(await draw(client, seed=3, truncation=t, format="npy")) for t in (0.5, 0.001)]

    noise = (draw_noise([3], 4) * np.float32(0.5)).tolist()
    given = await client.post("/generate", json={"z": noise, "label": 0, "format": "npy"})
    zero = await client.post("/generate", json={"z": [[0.0] * 4], "label": 0, "format": "npy"})
    assert np.array_equal(arrays(given), near)
    assert np.abs(arrays(zero).astype(int) - nearer).max() <= 1


async def test_noise_that_is_given_draws_what_its_seed_draws(client: httpx.AsyncClient) -> None:
    seeds = [3, 4, 99]
    drawn = await draw(client, seeds="3,4,99", label="cross", format="npy")

    given = await client.post("/generate", json={"z": draw_noise(seeds, 4).tolist(), "label": "cross", "format": "npy"})

    assert given.content == drawn.content
    assert given.headers["Label"] == "2"
    assert given.headers["Content-Disposition"] == 'attachment; filename="tiny-1.npy"'
    assert not {"Seed", "Content-Location"} & {name.title() for name in given.headers}


async def test_noise_without_a_label_takes_the_classes_in_turn(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"z": [[0.5] * 4] * 5, "format": "json"})

    assert [(each["seed"], each["label"]) for each in answer.json()["images"]] == [
        *((None, 0), (None, 1), (None, 2), (None, 0), (None, 1))
    ]


async def test_a_picture_of_given_noise_tells_the_noise(client: httpx.AsyncClient) -> None:
    z = [[0.1, -1.25, 3e-8, 2], [0, 0, 0, 1]]

    answer = await client.post("/generate", json={"z": z, "metadata": True, "truncation": 0.5})

    told = recipe(answer.content)
    assert told["z"] == z
    assert "seed" not in told


async def test_other_noise_has_another_etag(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/generate", json={"z": [[0, 0, 0, x]]}) for x in (0, 1, 1)]

    tags = [answer.headers["ETag"] for answer in answers]
    assert tags[0] != tags[1] == tags[2]
    assert answers[0].headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 3, "truncation": 0.3, "scale": 4, "format": "zip"},
        {"n": 2, "label": ["cross", "circle"], "metadata": True},
        {"n": 5, "format": "json", "metadata": True},
        {"format": "webp", "truncation": 0.123456789012},
    ],
)
async def test_a_random_answer_names_the_address_of_its_very_bytes(
    client: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    random = await draw(client, **asked)

    again = await client.get(random.headers["Content-Location"])

    assert again.content == random.content
    assert again.headers["ETag"] == random.headers["ETag"]
    assert again.headers["Cache-Control"].endswith("immutable")
