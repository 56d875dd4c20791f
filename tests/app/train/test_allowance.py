"""How many runs may wait, for how long a key may train, and what happens where the store has no room."""

import json
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.datasets import Dataset
from core.keys import Keyring, KeysFile, KeyUsage, KeyWanted
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.fixtures import PublishTiny, Serve
from tests.uploads import class_folders

RUN = {"recipe": "cgan", "dataset": "shapes"}


def make(settings: Settings, **wanted: Any) -> dict[str, str]:
    body = {"scopes": (KeyScope.ADMIN,), **wanted}
    text = KeysFile(settings.keys_path).create(KeyWanted.model_validate(body)).text
    return {"Authorization": f"Bearer {text.get_secret_value()}"}


async def test_a_full_queue_takes_no_run_until_one_leaves_it(settings: Settings, serve: Serve, shapes: Dataset) -> None:
    async with serve(create_app(settings.model_copy(update={"max_queued": 2}))) as client:
        first, _ = [await client.post("/train", json=RUN, headers={"Idempotency-Key": key}) for key in "ab"]
        refused = await client.post("/train", json=RUN)
        repeated = await client.post("/train", json=RUN, headers={"Idempotency-Key": "a"})
        run = f"/train/{first.json()['id']}"
        await client.post(f"{run}/cancel")
        taken = await client.post("/train", json=RUN)
        retried = await client.post(f"{run}/retry")
        waiting = await client.post(f"/train/{taken.json()['id']}/resume")

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "overloaded", "60")
    assert "2 may (GANYMEDE_MAX_QUEUED)" in refused.json()["detail"]
    assert (repeated.status_code, repeated.json()["id"]) == (202, first.json()["id"])
    assert (taken.status_code, retried.status_code) == (202, 429)
    assert waiting.status_code == 200  # it waits already, and takes no other place


async def test_a_key_has_places_of_its_own_in_the_queue(settings: Settings, serve: Serve, shapes: Dataset) -> None:
    one, other = make(settings), make(settings)
    async with serve(create_app(settings.model_copy(update={"max_queued_per_key": 1}))) as client:
        answers = [await client.post("/train", json=RUN, headers=key) for key in (one, one, other)]
        listed = await client.get("/train", headers=one)

    assert [each.status_code for each in answers] == [202, 429, 202]
    assert answers[1].json()["code"] == "quota_exceeded"
    assert "GANYMEDE_MAX_QUEUED_PER_KEY" in answers[1].json()["detail"]
    assert len(listed.json()["data"]) == 2  # of the refused one nothing is left


async def test_a_key_whose_minutes_are_used_up_starts_and_resumes_nothing_today(
    settings: Settings, serve: Serve, shapes: Dataset
) -> None:
    key, free = make(settings, training_minutes_a_day=1), make(settings)
    kept = Keyring(settings.keys_path).file.read()[0]
    async with serve(create_app(settings)) as client:
        run = f"/train/{(await client.post('/train', json=RUN, headers=key)).json()['id']}"
        await client.post(f"{run}/pause", headers=key)
        KeyUsage(settings.usage_path).train(kept, 59.0)
        before = await client.post(f"{run}/resume", headers=key)
        await client.post(f"{run}/pause", headers=key)
        KeyUsage(settings.usage_path).train(kept, 1.0)
    async with serve(create_app(settings)) as later:  # a restart forgets nothing
        refused = [await later.post(path, json=RUN, headers=key) for path in ("/train", f"{run}/resume")]
        refused.append(await later.post(f"{run}/resume", headers=free))  # it is the maker's time
        other = await later.post("/train", json={**RUN, "model": "mine"}, headers=free)

    assert before.status_code == 200
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(429, "quota_exceeded")] * 3
    assert "1 minutes a day (of UTC)" in refused[0].json()["detail"]
    assert 0 < int(refused[0].headers["Retry-After"]) <= 86_400
    assert other.status_code == 202
    assert json.loads(settings.usage_path.read_text())["training_s"] == {kept.id: 60.0}


async def tries(client: httpx.AsyncClient, paused: str) -> list[httpx.Response]:
    """Everything that makes the store grow."""
    file = {"file": ("pets.zip", class_folders(2))}
    weights = (await client.get("/models/tiny/versions/1/weights")).content
    manifest = (await client.get("/models/tiny/versions/1/manifest")).content
    return [
        await client.post("/train", json=RUN),
        await client.post(f"{paused}/resume"),
        await client.post("/datasets", data={"name": "pets"}, files=file),
        await client.post("/models/copy/versions", files={"weights": weights, "manifest": manifest}),
    ]


@pytest.mark.parametrize(
    ("limit", "name"),
    [({"max_store": 1000}, "GANYMEDE_MAX_STORE"), ({"disk_reserve": 2**60}, "GANYMEDE_DISK_RESERVE")],
)
async def test_where_the_store_may_not_grow_nothing_is_taken_and_it_says_what_may_go(
    settings: Settings, serve: Serve, shapes: Dataset, publish_tiny: PublishTiny, limit: dict[str, int], name: str
) -> None:
    publish_tiny()
    async with serve(create_app(settings)) as client:
        paused = f"/train/{(await client.post('/train', json=RUN)).json()['id']}"
        await client.post(f"{paused}/pause")
    async with serve(create_app(settings.model_copy(update=limit))) as client:
        refused = await tries(client, paused)
        drawn = await client.get("/generate?seed=1")
        runs, datasets = [(await client.get(path)).json()["data"] for path in ("/train", "/datasets")]
        deleted = [await client.delete(path) for path in (paused, "/datasets/shapes")]

    for each in refused:
        assert (each.status_code, each.json()["code"]) == (507, "store_full"), each.text
        assert name in each.json()["detail"]
        assert "What may go: runs that are over" in each.json()["detail"]
    assert drawn.status_code == 200
    assert (len(runs), [each["name"] for each in datasets]) == (1, ["mnist-10k", "shapes"])
    assert [each.status_code for each in deleted] == [204, 204]  # it can be emptied


async def test_an_upload_that_would_exceed_the_store_is_refused_unread_and_a_smaller_one_is_taken(
    settings: Settings, serve: Serve
) -> None:
    async with serve(create_app(settings)) as client:
        storage = (await client.get("/status")).json()["storage"]
        now = sum(storage[name] for name in ("datasets", "models", "runs"))
    async with serve(create_app(settings.model_copy(update={"max_store": now + 100_000}))) as client:
        file = {"file": ("pets.zip", b"x" * 200_000)}
        large = await client.post("/datasets", data={"name": "pets"}, files=file)
        small = await client.post("/datasets", data={"name": "pets"}, files={"file": ("pets.zip", class_folders(2))})

    assert (large.status_code, large.json()["code"]) == (507, "store_full")
    assert "this would add 200 kB" in large.json()["detail"]
    assert small.status_code == 201
