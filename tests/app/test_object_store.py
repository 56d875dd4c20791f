"""Replicas of the API over one bucket: they share nothing else, and answer alike."""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from app.main import create_app
from core.network.bucket_url import BucketUrl
from core.registry import Registry
from core.settings import Settings
from core.store import Store
from core.store.objects.bucket import BucketClient
from core.store.objects.object_store import ObjectStore
from core.store.opening import open_repository
from tests.buckets import BUCKET, KEYS, S3Server, rclone, seaweed
from tests.fixtures import Eventually, PublishTiny, Serve

PLACES = ("memory", pytest.param("seaweed", marks=pytest.mark.slow))
PROMOTE = {"version": 1, "reason": "a test"}

NUMBERS = count()

anywhere = pytest.mark.parametrize("place", PLACES, indirect=True)
own_server = pytest.mark.parametrize("place", [pytest.param("own", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in KEYS.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in KEYS.items():
            patch.setenv(variable, value)
        with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
            yield server


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _keys: None
) -> Iterator[S3Server | None]:
    """A server, the test's own if it asks for that, or None: obstore's memory."""
    if request.param == "seaweed":
        yield request.getfixturevalue("shared")
    elif request.param == "own":
        (tmp_path / "seaweed").mkdir()
        with seaweed(tmp_path / "seaweed") as server:
            yield server
    else:
        memory = MemoryStore()
        monkeypatch.setattr(BucketClient, "open", lambda url, endpoint: BucketClient(memory, str(url)))
        yield None


@pytest.fixture
def settings(settings: Settings, place: S3Server | None) -> Settings:
    url = BucketUrl(BUCKET, f"of/test-{next(NUMBERS)}")
    return settings.model_copy(update={"store": url, "store_endpoint": place.endpoint if place else None})


@pytest.fixture
def registry(settings: Settings, tmp_path: Path) -> Registry:
    """What publishes, from a machine of its own."""
    elsewhere = settings.model_copy(update={"home": tmp_path / "trainer"})
    return Registry(open_repository(elsewhere, Store(elsewhere.store_path)))


@pytest.fixture
async def replicas(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, tmp_path: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Clients of two APIs, each with a HOME of its own; `tiny` has versions 1 and 2."""
    publish_tiny()
    publish_tiny(seed=1)
    other = settings.model_copy(update={"home": tmp_path / "other"})
    async with serve(create_app(settings)) as first, serve(create_app(other)) as second:
        yield first, second


def store_of(client: httpx.AsyncClient) -> ObjectStore:
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    found = transport.app.state.services.registry.store
    assert isinstance(found, ObjectStore)
    return found


async def draw(
    client: httpx.AsyncClient, model: str = "tiny", seed: int = 7, after: httpx.Response | None = None
) -> httpx.Response:
    """Draw; `after`: what an earlier answer changed."""
    headers = {"Min-Revision": after.headers["Min-Revision"]} if after else {}
    answer = await client.get("/generate", params={"model": model, "seed": seed}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


@anywhere
async def test_every_replica_draws_the_same_bytes_and_lists_the_same(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    pictures = [(await draw(each, seed=seed)).content for seed in range(3) for each in replicas]
    lists = [(await each.get("/models")).json()["data"] for each in replicas]
    versions = [(await each.get("/models/tiny/versions")).json()["data"] for each in replicas]

    assert pictures[::2] == pictures[1::2]
    assert [[model["name"] for model in models] for models in lists] == [
        ["avatars", "digits", "digits-complete", "tiny"]
    ] * 2
    assert [[version["version"] for version in each] for each in versions] == [[2, 1]] * 2


@anywhere
async def test_a_promotion_through_one_replica_is_seen_by_another_that_is_told_of_it(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, second = replicas
    before = await draw(second)

    moved = await first.put("/models/tiny/aliases/production", json=PROMOTE)
    told = await draw(second, after=moved)
    removed = await first.delete("/models/tiny/aliases/production")
    after = await draw(second, after=removed)

    assert [each.headers["Model-Version"] for each in (before, told, after)] == ["2", "1", "2"]
    assert (moved.headers["Min-Revision"], removed.headers["Min-Revision"]) == ("tiny=3", "tiny=4")


@anywhere
async def test_a_promotion_reaches_a_replica_that_nobody_told(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient], eventually: Eventually
) -> None:
    first, second = replicas
    await draw(second)

    await first.put("/models/tiny/aliases/production", json=PROMOTE)

    async def is_there() -> bool:
        return (await draw(second)).headers["Model-Version"] == "1"

    await eventually(is_there)


@anywhere
@pytest.mark.parametrize("asked", ["tiny=99", "nobody=1", "tiny", "tiny=-1", "x" * 300])
async def test_a_revision_that_nobody_has_written_is_refused(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient], asked: str
) -> None:
    answer = await replicas[0].get("/generate", params={"model": "tiny"}, headers={"Min-Revision": asked})

    is_known_form = asked in ("tiny=99", "nobody=1")
    assert (answer.status_code, answer.json()["code"]) == (
        (503, "not_ready") if is_known_form else (422, "invalid_request")
    )


def _without_polls(requests: Counter[str]) -> dict[str, int]:
    """The watch asks every two seconds whether anything changed, whoever draws."""
    return {kind: count for kind, count in requests.items() if kind != "poll"}


@anywhere
async def test_a_warm_picture_costs_no_request_to_the_store(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, _ = replicas
    requests = store_of(first).bucket.requests
    for model in ("tiny", "tiny@1", "tiny:latest"):
        await draw(first, model)
    sent = _without_polls(requests)

    for seed in range(20):
        for model in ("tiny", "tiny@1", "tiny:latest"):
            await draw(first, model, seed)

    assert _without_polls(requests) == sent


@anywhere
async def test_a_version_is_imported_deleted_and_gone_everywhere(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient], eventually: Eventually
) -> None:
    first, second = replicas
    parts = {part: (await first.get(f"/models/tiny/versions/1/{part}")).content for part in ("weights", "manifest")}
    made = await second.post("/models/copy/versions", files=parts)
    drawn = await draw(first, "copy@1")

    deleted = await first.delete("/models/tiny/versions/1")

    async def is_gone() -> bool:
        return (await second.get("/generate", params={"model": "tiny@1"})).status_code == 404

    await eventually(is_gone)
    assert (made.status_code, deleted.status_code) == (201, 204)
    assert drawn.content == (await draw(second, "copy")).content
    assert [each["version"] for each in (await second.get("/models/tiny/versions")).json()["data"]] == [2]


@anywhere
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/train"), ("POST", "/train/validate"), ("POST", "/datasets"), ("PUT", "/webhooks/models/tiny")],
)
async def test_what_objects_cannot_hold_yet_is_refused_and_says_what_to_do(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient], method: str, path: str
) -> None:
    answer = await replicas[0].request(method, path, json={"url": "https://a.example"})

    assert (answer.status_code, answer.json()["code"]) == (501, "not_on_objects"), answer.text
    assert "import the version here" in answer.json()["detail"]


@own_server
async def test_a_replica_serves_what_it_has_while_the_store_is_away(
    replicas: tuple[httpx.AsyncClient, httpx.AsyncClient], place: S3Server | None
) -> None:
    assert place is not None
    first, _ = replicas
    store = store_of(first)
    before = await draw(first)
    store.folder("models/tiny/1")  # on this disk, and not in memory

    place.process.kill()
    place.process.wait(60)
    warm, from_disk = await draw(first, seed=7), await draw(first, "tiny@1")
    refused = await first.put("/models/tiny/aliases/production", json=PROMOTE)
    ready = await first.get("/readyz")

    assert warm.content == before.content
    assert from_disk.headers["Model-Version"] == "1"
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    assert ready.status_code == 200
    assert not [secret for secret in (KEYS["AWS_SECRET_ACCESS_KEY"], place.endpoint) if secret in refused.text]


@pytest.mark.slow
def test_a_process_does_not_start_with_a_store_that_ignores_conditions(tmp_path: Path) -> None:
    (tmp_path / "rclone").mkdir()
    with rclone(tmp_path / "rclone") as server, contextlib.chdir(tmp_path):
        environment = os.environ | {"GANYMEDE_STORE": f"s3://{BUCKET}", "GANYMEDE_STORE_ENDPOINT": server.endpoint}
        ended = {
            part: subprocess.run(
                [sys.executable, "-P", "-m", part],
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            for part in ("app", "worker")
        }

    assert ended["app"].stderr.startswith(f"app: GANYMEDE_STORE: s3://{BUCKET} ignores If-None-Match: * of a PUT")
    assert ended["worker"].stderr.startswith("worker: GANYMEDE_STORE: training needs a folder")
    assert [each.returncode for each in ended.values()] == [1, 1]
