"""Files that were made to do harm, through every door of the API: an answer in words, nothing left, nothing let out."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from core.runs import Run
from core.store import Store
from tests.corpus import hostile_documents, hostile_pictures
from tests.fixtures import PublishTiny
from tests.processes import PeakMemory

MEMORY = 300 << 20  # bytes beyond what there was
JSON = {"Content-Type": "application/json"}
HARMLESS = {"depth of 0"}  # as it is
DOORS = (
    ("POST", "/generate"),
    ("POST", "/generate/morph"),
    ("POST", "/train"),
    ("POST", "/train/validate"),
    ("PATCH", "/train/{run}"),
    ("PUT", "/models/tiny/aliases/best"),
    ("POST", "/train/{run}/checkpoints/latest/publish"),
    ("POST", "/session"),
)


def wrong(answer: httpx.Response, *, may_be_taken: bool = False) -> str | None:
    """What an answer should not be; None: it is a refusal in words."""
    if may_be_taken and answer.status_code < 300:
        return None
    if not 400 <= answer.status_code < 500 or answer.headers["content-type"] != "application/problem+json":
        return f"{answer.status_code}: {answer.text[:300]}"
    return None if "Traceback" not in answer.text and len(answer.content) < 20_000 else answer.text[:300]


def told(found: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    return {name: what for name, what in found if what}


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_no_document_does_harm(client: httpx.AsyncClient, idle_run: Run, method: str, path: str) -> None:
    found = []
    for name, data in hostile_documents.documents():
        answer = await client.request(method, path.format(run=idle_run.id), content=data, headers=JSON)
        found.append((name, wrong(answer, may_be_taken=data == b"{}")))

    assert told(found) == {}


async def test_no_picture_does_harm_to_an_inspection(client: httpx.AsyncClient) -> None:
    found = []
    with PeakMemory() as memory:
        for name, data in hostile_pictures.files():
            answer = await client.post("/inspect?verify=true", content=data, headers={"Content-Type": "image/png"})
            found.append((name, wrong(answer)))

    assert told(found) == {}
    assert memory.grown < MEMORY, f"{memory.grown} bytes"


async def sent(client: httpx.AsyncClient, weights: bytes, manifest: bytes) -> httpx.Response:
    return await client.post("/models/copy/versions", files={"weights": ("w", weights), "manifest": ("m", manifest)})


@pytest.fixture
async def exported(client: httpx.AsyncClient) -> tuple[bytes, dict[str, Any]]:
    weights, manifest = [await client.get(f"/models/tiny/versions/1/{part}") for part in ("weights", "manifest")]
    return weights.content, manifest.json()


def fitting(manifest: dict[str, Any], weights: bytes) -> bytes:
    """A manifest that says the size and the digest of these weights."""
    digest = hashlib.sha256(weights).hexdigest()
    facts = {"generator.safetensors": {"bytes": len(weights), "sha256": digest}}
    return json.dumps({**manifest, "files": facts, "digest": f"sha256:{digest}"}).encode()


async def test_no_weights_do_harm_to_an_import(
    client: httpx.AsyncClient, exported: tuple[bytes, dict[str, Any]], store: Store
) -> None:
    whole, manifest = exported
    found = []
    with PeakMemory() as memory:
        for name, weights in hostile_documents.weights(whole):
            answer = await sent(client, weights, fitting(manifest, weights))
            found.append((name, wrong(answer, may_be_taken=name in HARMLESS)))

    assert told(found) == {}
    assert memory.grown < MEMORY, f"{memory.grown} bytes"
    assert list(store.path("tmp").iterdir()) == []


async def test_no_manifest_does_harm_to_an_import(
    client: httpx.AsyncClient, exported: tuple[bytes, dict[str, Any]], store: Store
) -> None:
    whole, manifest = exported
    found = []
    for name, data in [*hostile_documents.documents(), *hostile_documents.changed(manifest)]:
        answer = await sent(client, whole, data)
        found.append((name, wrong(answer, may_be_taken=True)))
    listed = await client.get("/models/copy/versions")

    assert told(found) == {}
    assert listed.status_code in (200, 404)
    assert list(store.path("tmp").iterdir()) == []
    assert not [path for path in store.root.rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("file", ["state.json", "spec.json", "notes.json", "execution.json", "metrics.jsonl"])
async def test_no_file_of_a_run_does_harm_to_who_asks_about_it(
    client: httpx.AsyncClient, idle_run: Run, file: str
) -> None:
    found = []
    for name, data in hostile_documents.documents():
        (idle_run.folder / file).write_bytes(data + b"\n")
        for path in ("/train", f"/train/{idle_run.id}{'/metrics' if file == 'metrics.jsonl' else ''}"):
            answer = await client.get(path)
            found.append((f"{path} with {name}", unless_damaged(answer, idle_run.id)))

    assert told(found) == {}


def unless_damaged(answer: httpx.Response, damaged: str) -> str | None:
    """What an answer should not be; whatever does not ask for `damaged` itself keeps working."""
    if answer.status_code < 500:
        return None
    if damaged in answer.url.path + answer.url.query.decode() and answer.json()["code"] in (
        "store_damaged",
        "not_ready",
    ):
        return None
    return f"{answer.status_code}: {answer.text[:300]}"


@pytest.mark.parametrize("file", ["manifest.json", "../aliases.json"])
async def test_no_file_of_a_model_does_harm_to_who_asks_about_it(
    client: httpx.AsyncClient, publish_tiny: PublishTiny, store: Store, file: str
) -> None:
    publish_tiny("other", seed=3)
    folder = store.path("models/other/1")
    found = []
    for name, data in hostile_documents.documents():
        (folder / file).write_bytes(data)
        for asked in ("/generate?model=other@1&seed=1", "/models/other", "/models"):
            answer = await client.get(asked)
            found.append((f"{asked} with {name}", unless_damaged(answer, "other")))

    assert told(found) == {}
