"""GET /models and /models/{m}: what can be drawn from, and what is loaded here."""

from typing import Any

import httpx
import pytest

from core.store import Store
from models.starters import AVATARS, DIGITS, DIGITS_COMPLETE, DIGITS_READER, SPOKEN_DIGITS
from tests.fixtures import PublishBroken, PublishTiny

USUAL = {"task": "generation", "medium": "image"}


def without_starters(store: Store) -> None:
    """Of those a checkout may lack some."""
    for name in (DIGITS, AVATARS, DIGITS_COMPLETE, DIGITS_READER, SPOKEN_DIGITS):
        store.delete(f"models/{name}")


async def test_models_are_listed_by_name(client: httpx.AsyncClient, publish_tiny: PublishTiny, store: Store) -> None:
    without_starters(store)
    publish_tiny("another")
    publish_tiny("another", seed=1)

    body = (await client.get("/models")).json()

    assert body == {
        "data": [
            {"name": "another", "aliases": {"latest": 2}, "newest_version": 2, "served_version": None, **USUAL},
            {"name": "tiny", "aliases": {"latest": 1}, "newest_version": 1, "served_version": 1, **USUAL},
        ],
        "next_cursor": None,
    }


async def test_a_model_tells_what_its_versions_are_for_also_those_that_cannot_be_served(
    client: httpx.AsyncClient, publish_broken: PublishBroken
) -> None:
    kinds = ("unknown task", "unknown medium", "foreign manifest")

    lines = []
    for kind in kinds:
        publish_broken(kind)
        lines.append((await client.get("/models/tiny")).json())

    assert [(line["task"], line["medium"]) for line in lines] == [
        ("inpainting", "image"),
        ("generation", "film"),
        (None, None),
    ]
    versions = [(version["task"], version["medium"]) for version in lines[-1]["versions"]]
    assert versions == [("generation", "film"), ("inpainting", "image"), ("generation", "image")]
    one = (await client.get("/models/tiny/versions/2")).json()
    assert (one["task"], one["medium"]) == versions[1]


async def test_many_models_are_paged_through(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, store: Store
) -> None:
    without_starters(store)
    for name in ("a", "b", "tiny-2", "z"):
        publish_tiny(name)
    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while not pages or pages[-1]["next_cursor"] is not None:
        pages.append((await client.get("/models", params={"limit": 2, **cursor})).json())
        cursor = {"cursor": pages[-1]["next_cursor"]}

    assert [[model["name"] for model in page["data"]] for page in pages] == [["a", "b"], ["tiny", "tiny-2"], ["z"]]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=../x", "offset=1"])
async def test_a_page_that_makes_no_sense_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/models?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_model_shows_its_versions_newest_first(client: httpx.AsyncClient, publish_tiny: PublishTiny) -> None:
    publish_tiny("other", seed=4)
    publish_tiny("other", seed=5)
    drawn = await client.get("/generate", params={"model": "other@1", "seed": 1})

    body = (await client.get("/models/other")).json()

    newest, oldest = body["versions"]
    assert (newest["version"], oldest["version"]) == (2, 1)
    assert (newest["step"], oldest["step"]) == (6, 5)
    assert (newest["is_loaded"], oldest["is_loaded"]) == (False, True)
    assert oldest["digest"] == drawn.headers["Model-Digest"]
    assert (oldest["labels"], oldest["image_size"], oldest["channels"]) == (["circle", "square", "cross"], 8, 1)
    assert (oldest["recipe"], oldest["dataset"]["name"], oldest["problem"]) == ("cgan", "shapes", None)
    assert oldest["bytes"] > 0
    assert body["damaged_versions"] == {}


@pytest.mark.parametrize("kind", ["no JSON", "foreign manifest"])
async def test_a_version_whose_manifest_is_none_hides_no_other(
    client: httpx.AsyncClient, publish_broken: PublishBroken, kind: str
) -> None:
    publish_broken(kind)

    answer = await client.get("/models/tiny")

    body = answer.json()
    assert answer.status_code == 200
    assert [entry["version"] for entry in body["versions"]] == [1]
    assert "manifest.json" in body["damaged_versions"]["2"]


@pytest.mark.parametrize("files", [{}, [], "text", {"generator.safetensors": 7}])
async def test_a_manifest_of_the_wrong_shape_is_damage_and_no_crash(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, store: Store, files: object
) -> None:
    publish_tiny(seed=1)
    store.path("models/tiny/2/manifest.json").unlink()
    store.swap("models/tiny/2/manifest.json", {"files": files, "digest": None})

    answer = await client.get("/models/tiny")

    assert answer.status_code == 200
    assert list(answer.json()["damaged_versions"]) == ["2"]


async def test_damaged_aliases_do_not_hide_the_model(client: httpx.AsyncClient, store: Store) -> None:
    store.path("models/tiny/aliases.json").write_text("{")

    listed, one = await client.get("/models"), await client.get("/models/tiny")

    assert (listed.status_code, one.status_code) == (200, 200)
    assert one.json()["aliases"] == {}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nobody", 404, "model_not_found"),
        ("Tiny", 422, "invalid_request"),
        ("run", 422, "invalid_request"),
        ("%2e%2e", 422, "invalid_request"),
        ("x" * 101, 422, "invalid_request"),
    ],
)
async def test_a_model_that_is_not_there_is_refused(
    client: httpx.AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await client.get(f"/models/{name}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_store_without_models_lists_none(client: httpx.AsyncClient, store: Store) -> None:
    without_starters(store)
    store.delete("models/tiny")

    assert (await client.get("/models")).json() == {"data": [], "next_cursor": None}
