"""Weights, manifest and samples out: whole, in part, not at all when they are known; damage is told, not sent."""

import hashlib
from collections.abc import Callable

import httpx
import pytest

from core.registry import Registry

PublishTiny = Callable[..., int]

WEIGHTS = "/models/tiny/versions/1/weights"
IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def weights(client: httpx.AsyncClient, registry: Registry) -> bytes:
    return (registry.folder("tiny", 1) / "generator.safetensors").read_bytes()


async def test_weights_are_a_file_with_a_name_and_a_digest(client: httpx.AsyncClient, weights: bytes) -> None:
    answer, head = await client.get(WEIGHTS), await client.head(WEIGHTS)

    assert (answer.status_code, answer.content) == (200, weights)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tiny-1.safetensors"'
    assert answer.headers["ETag"] == f'"{hashlib.sha256(weights).hexdigest()}"'
    assert (answer.headers["Cache-Control"], answer.headers["Accept-Ranges"]) == (IMMUTABLE, "bytes")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(weights)))
    assert head.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize("name", ["weights", "manifest", "samples"])
async def test_what_is_known_is_not_sent_again(client: httpx.AsyncClient, name: str) -> None:
    path = f"/models/tiny/versions/1/{name}"
    first = await client.get(path)

    known = await client.get(path, headers={"If-None-Match": f'"x", W/{first.headers["ETag"]}'})

    assert (first.status_code, first.headers["Cache-Control"]) == (200, IMMUTABLE)
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", first.headers["ETag"])


async def test_samples_are_a_picture_and_the_manifest_is_json(client: httpx.AsyncClient, registry: Registry) -> None:
    samples = await client.get("/models/tiny/versions/1/samples")
    manifest = await client.get("/models/tiny/versions/1/manifest")

    assert (samples.headers["Content-Type"], samples.content[8:12]) == ("image/webp", b"WEBP")
    assert manifest.headers["Content-Type"] == "application/json"
    assert manifest.json() == registry.manifest("tiny", 1)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("BYTES=0-0", slice(0, 1)),
    ],
)
async def test_a_part_can_be_asked_for(client: httpx.AsyncClient, weights: bytes, asked: str, part: slice) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": asked})

    start, stop, _ = part.indices(len(weights))
    assert (answer.status_code, answer.content) == (206, weights[part])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(weights)}"


async def test_several_parts_come_in_one_answer(client: httpx.AsyncClient, weights: bytes) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": "bytes=0-3, 10-12"})

    assert (answer.status_code, int(answer.headers["Content-Length"])) == (206, len(answer.content))
    assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert weights[:4] in answer.content
    assert f"bytes 10-12/{len(weights)}".encode() in answer.content


@pytest.mark.parametrize("asked", ["bytes", "bytes=", "bytes=x", "lines=1-2", "bytes=5-2", "bytes=-"])
async def test_a_range_that_is_none_is_ignored(client: httpx.AsyncClient, weights: bytes, asked: str) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, weights)


async def test_a_range_behind_the_end_is_refused(client: httpx.AsyncClient, weights: bytes) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": f"bytes={len(weights)}-"})

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Range"] == f"bytes */{len(weights)}"


@pytest.mark.parametrize(("if_range", "status"), [("same", 206), ("weak", 200), ('"other"', 200)])
async def test_a_part_of_another_file_is_not_sent(client: httpx.AsyncClient, if_range: str, status: int) -> None:
    etag = (await client.head(WEIGHTS)).headers["ETag"]
    sent = {"same": etag, "weak": f"W/{etag}"}.get(if_range, if_range)

    answer = await client.get(WEIGHTS, headers={"Range": "bytes=0-9", "If-Range": sent})

    assert answer.status_code == status


@pytest.mark.parametrize("damage", ["missing", "cut"])
async def test_a_damaged_file_is_told_and_not_sent(client: httpx.AsyncClient, registry: Registry, damage: str) -> None:
    path = registry.folder("tiny", 1) / "generator.safetensors"
    path.unlink() if damage == "missing" else path.write_bytes(b"short")

    answer = await client.get(WEIGHTS)

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")


@pytest.mark.parametrize("name", ["weights", "manifest", "samples"])
async def test_files_of_what_is_not_there_are_not_found(client: httpx.AsyncClient, name: str) -> None:
    answers = [await client.get(f"/models/{path}/{name}") for path in ("tiny/versions/9", "nobody/versions/1")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "model_not_found")] * 2
