"""The service on a disk that is full: what is drawn, what is refused, what people can still do, what comes back."""

from collections.abc import Iterator

import httpx
import pytest

from app.main import create_app
from bench.small_disk import fill, free
from core.datasets import Dataset
from core.settings import Settings
from core.store import Store
from tests.disks import own_disk
from tests.fixtures import PublishTiny, Serve
from tests.uploads import class_folders

RUN = {"recipe": "cgan", "dataset": "shapes"}


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """On a disk of 64 MB, with all of HOME."""
    with own_disk(settings.home, 64):
        yield Store(settings.store_path)


async def import_all(client: httpx.AsyncClient, weights: bytes, manifest: bytes) -> list[httpx.Response]:
    parts = {"weights": ("w", weights), "manifest": ("m", manifest)}
    return [
        await client.post("/datasets", data={"name": "pets"}, files={"file": ("pets.zip", class_folders(2))}),
        await client.post("/models/copy/versions", files=parts),
        await client.post("/train", json=RUN, headers={"Idempotency-Key": "one"}),
    ]


async def test_a_full_disk_refuses_what_would_write_keeps_the_rest_going_and_forgets_nothing(
    store: Store, settings: Settings, publish_tiny: PublishTiny, shapes: Dataset, serve: Serve
) -> None:
    publish_tiny()
    store.keep_ballast()
    async with serve(create_app(settings)) as client:
        waiting = (await client.post("/train", json=RUN)).json()["id"]
        weights, manifest = [
            (await client.get(f"/models/tiny/versions/1/{part}")).content for part in ("weights", "manifest")
        ]
        fill(settings.home)

        refused = await import_all(client, weights, manifest)
        drawn = await client.get("/generate?seed=1")
        canceled = await client.post(f"/train/{waiting}/cancel")
        left = [path.name for path in store.path("tmp").iterdir() if path.is_dir()]
        free(settings.home)
        taken = await import_all(client, weights, manifest)
        events = (await client.get(f"/train/{waiting}/events", headers={"Accept": "application/json"})).json()["data"]

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(507, "store_full")] * 3
    assert (drawn.status_code, canceled.status_code, canceled.json()["status"]) == (200, 200, "canceled")
    assert left == []
    assert [each.status_code for each in taken] == [201, 201, 202]
    assert [(event["id"], event["type"]) for event in events][-2:] == [(2, "status"), (3, "end")]
