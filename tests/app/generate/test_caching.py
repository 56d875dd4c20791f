"""What a cache may keep, and for how long; and that a picture which is known is not drawn again."""

from typing import Any

import httpx
import pytest

from app.main import create_app
from core.settings import Settings
from tests.fixtures import Eventually, PublishTiny, Serve

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("model", "cache_control"), [("tiny@1", IMMUTABLE), ("tiny", "no-cache"), ("tiny:latest", "no-cache")]
)
async def test_only_a_pinned_version_is_kept_for_ever(
    client: httpx.AsyncClient, model: str, cache_control: str
) -> None:
    answer = await client.get("/generate", params={"model": model, "seed": 1})

    assert answer.headers["Cache-Control"] == cache_control
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["ETag"].startswith('W/"')


async def test_a_random_picture_of_a_pinned_version_is_not_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"model": "tiny@1"})

    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_known_picture_is_answered_without_the_engine(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        first = await client.get("/generate", params={"seed": 1, "label": "cross"})
        await app.state.services.batcher.close()  # from here on nothing can be drawn

        known = await client.get(
            "/generate", params={"seed": 1, "label": 2}, headers={"If-None-Match": first.headers["ETag"]}
        )
        head = await client.head(
            "/generate", params={"seed": 1, "label": 2}, headers={"If-None-Match": first.headers["ETag"]}
        )
        unknown = await client.get("/generate", params={"seed": 2}, headers={"If-None-Match": first.headers["ETag"]})

    assert (known.status_code, known.content) == (304, b"")
    assert head.status_code == 304
    for name in ("ETag", "Cache-Control", "Vary", "Model-Version", "Seed", "Label"):
        assert known.headers[name] == first.headers[name]
    assert unknown.status_code == 503


@pytest.mark.parametrize("form", ['"other", {tag}', "{strong}", "*", "{tag}", '{tag}, W/"x"'])
async def test_if_none_match_may_list_several_and_compares_weakly(client: httpx.AsyncClient, form: str) -> None:
    tag = (await client.get("/generate", params={"seed": 1})).headers["ETag"]
    sent = form.format(tag=tag, strong=tag.removeprefix("W/"))

    answer = await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": sent})

    assert answer.status_code == 304


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2, "label": 1},
        {"seed": 1, "label": 2},
        {"seed": 1, "label": 1, "n": 2},
        *({"seed": 1, "label": 1, "format": form} for form in ("webp", "json", "zip", "npy")),
        {"seeds": "1,1", "label": 1},
        {"seed": 1, "label": 1, "truncation": 0.5},
        {"seed": 1, "label": 1, "scale": 2},
        {"seed": 1, "label": 1, "metadata": True},
        {"seed": 1, "label": 1, "model": "tiny@2"},
    ],
)
async def test_whatever_changes_a_byte_changes_the_etag(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, other: dict[str, Any]
) -> None:
    publish_tiny(seed=7)
    tag = (await client.get("/generate", params={"seed": 1, "label": 1, "model": "tiny@1"})).headers["ETag"]

    answer = await client.get(
        "/generate", params={"model": "tiny@1", **other}, headers={"If-None-Match": tag, "Accept": "*/*"}
    )

    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


async def test_the_form_that_accept_chose_has_its_own_etag(client: httpx.AsyncClient) -> None:
    png = await client.get("/generate", params={"seed": 1})

    answer = await client.get(
        "/generate",
        params={"seed": 1},
        headers={"Accept": "application/x-npy", "If-None-Match": png.headers["ETag"]},
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-npy")


async def test_one_picture_has_one_etag_however_it_is_asked_for(client: httpx.AsyncClient) -> None:
    ways: list[dict[str, Any]] = [
        {"seed": 4},
        {"seed": 4, "model": "tiny:latest"},
        {"seed": 4, "model": "tiny@1", "label": "square"},
        {"seed": 4, "n": 1, "format": "png", "label": 1},
        {"seeds": "4", "truncation": 1, "scale": 1, "metadata": False},
    ]

    tags = {(await client.get("/generate", params=way)).headers["ETag"] for way in ways}

    assert len(tags) == 1


@pytest.mark.parametrize("first", [4, 2**32 - 2])  # the second run wraps around
async def test_seeds_that_count_up_have_one_etag_however_they_are_written(
    client: httpx.AsyncClient, first: int
) -> None:
    seeds = [(first + i) % 2**32 for i in range(3)]
    ways: list[dict[str, Any]] = [{"seed": first, "n": 3}, {"seeds": ",".join(map(str, seeds))}]
    asked = [await client.get("/generate", params={**way, "format": "npy"}) for way in ways]
    asked.append(await client.post("/generate", json={"seeds": seeds, "format": "npy"}))
    other = await client.get("/generate", params={"seeds": f"{seeds[1]},{seeds[0]},{seeds[2]}", "format": "npy"})

    assert len({answer.headers["ETag"] for answer in asked}) == 1
    assert {answer.headers["Seed"] for answer in asked} == {str(first)}
    assert other.headers["ETag"] != asked[0].headers["ETag"]


async def test_a_random_picture_is_never_known(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", headers={"If-None-Match": "*"})

    assert answer.status_code == 200


async def test_a_name_that_means_a_new_version_gets_a_new_picture(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, eventually: Eventually
) -> None:
    tag = (await client.get("/generate", params={"seed": 1})).headers["ETag"]
    publish_tiny(seed=7)

    async def is_new() -> bool:
        answer = await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": tag})
        return answer.status_code == 200 and answer.headers["Model-Version"] == "2"

    await eventually(is_new)
