"""A class that had no picture is drawn when it is asked for, and never else; versions of before draw what they drew."""

import json

import httpx
import pytest

from app.main import create_app
from core.registry import Registry
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve

SEEDS = "seed=0&n=6&format=npy"


async def drawn(client: httpx.AsyncClient, query: str, model: str = "tiny") -> bytes:
    answer = await client.get(f"/generate?model={model}&{query}")
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_a_class_without_pictures_is_drawn_only_when_it_is_asked_for(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny(counts=(0, 50, 3))

    async with serve(create_app(settings)) as client:
        unasked = await drawn(client, SEEDS)
        others = await drawn(client, f"{SEEDS}&" + "&".join(["label=square", "label=cross"] * 3))
        asked = await drawn(client, f"{SEEDS}&label=circle")
        version = (await client.get("/models/tiny/versions/1")).json()
        facts = (await client.get(f"/generate?model=tiny&{SEEDS.replace('npy', 'json')}")).json()

    assert unasked == others
    assert asked != unasked
    assert (version["labels"], version["default_labels"]) == (["circle", "square", "cross"], [1, 2])
    assert [image["label"] for image in facts["images"]] == [1, 2] * 3


@pytest.mark.parametrize("told", ["nothing", "null"])
async def test_a_version_that_names_no_such_classes_draws_all_of_them_in_turn(
    settings: Settings, publish_tiny: PublishTiny, registry: Registry, serve: Serve, told: str
) -> None:
    publish_tiny()
    if told == "nothing":  # as versions of before
        path = registry.folder("tiny", 1) / "manifest.json"
        manifest = json.loads(path.read_text())
        del manifest["default_labels"]
        path.write_text(json.dumps(manifest))

    async with serve(create_app(settings)) as client:
        unasked = await drawn(client, SEEDS)
        asked = await drawn(client, f"{SEEDS}&" + "&".join(f"label={i % 3}" for i in range(6)))

    assert unasked == asked


async def test_an_imported_version_keeps_the_classes_that_are_drawn_unasked(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny(counts=(0, 50, 3))
    async with serve(create_app(settings)) as client:
        weights, text = [
            (await client.get(f"/models/tiny/versions/1/{part}")).content for part in ("weights", "manifest")
        ]
        answers = {}
        for name, classes in (("copy", [1, 2]), ("bad", [1, 3]), ("none", [])):
            manifest = json.dumps({**json.loads(text), "default_labels": classes})
            parts = {"weights": ("w", weights), "manifest": ("m", manifest.encode())}
            answers[name] = await client.post(f"/models/{name}/versions", files=parts)

        assert answers["copy"].status_code == 201, answers["copy"].text
        assert await drawn(client, SEEDS, "copy") == await drawn(client, SEEDS)

    assert [answers[name].status_code for name in ("bad", "none")] == [422, 422]
    assert "/manifest/default_labels" in answers["bad"].text
