"""A store that a newer build has written: what this one does not know is refused by its name, and left as it is."""

import json

import httpx
import pytest

from core.datasets import Dataset
from core.errors import StoreDamaged
from core.registry import Registry
from core.settings import Settings
from tests.fixtures import PublishTiny, files_of


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("datasets/shapes/current.json", "/datasets/shapes"),
        ("datasets/shapes/*/manifest.json", "/datasets/shapes"),
        ("runs/*/spec.json", "/train/{run}"),
        ("runs/*/state.json", "/train/{run}"),
        ("models/tiny/1/manifest.json", "/models/tiny/versions/1"),
    ],
)
async def test_a_file_of_a_newer_schema_is_refused_by_name_and_kept(
    client: httpx.AsyncClient, settings: Settings, shapes: Dataset, file: str, asked: str
) -> None:
    run = (await client.post("/train", json={"recipe": "cgan", "dataset": shapes.name})).json()["id"]
    (path,) = settings.store_path.glob(file)
    newer = json.dumps(json.loads(path.read_text()) | {"schema": 2})
    path.write_text(newer)

    answer = await client.get(asked.format(run=run))

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert path.name in answer.json()["detail"]
    assert "has schema 2, this build reads 1" in answer.json()["detail"]
    assert path.read_text() == newer


def test_aliases_of_a_newer_schema_are_refused_by_name(registry: Registry, publish_tiny: PublishTiny) -> None:
    publish_tiny()
    path = files_of(registry).path("models/tiny/aliases.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))

    with pytest.raises(StoreDamaged, match=r"aliases.json has schema 2, this build reads 1"):
        registry.pointers("tiny")
