"""Weights, manifest and samples out: whole, in part, not at all when they are known; damage is told, not sent."""

import hashlib
from typing import Any

import httpx
import pytest

from app.http.docs_page import edition
from core.registry import Registry

WEIGHTS = "/models/tiny/versions/1/weights"
ASSET = f"/docs/assets/{edition()}/docs.js"
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
    assert manifest.json() == registry.manifest("tiny", 1).to_json()


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("BYTES=0-0", slice(0, 1)),
        ("bytes = 2 - 5", slice(2, 6)),
        ("bytes=,3-4,", slice(3, 5)),
        ("bytes=-99999999", slice(None)),
        ("bytes=0-9, 99999990-99999999", slice(0, 10)),  # the second is behind the end
        ("bytes=0-3, 2-9", slice(0, 10)),  # they overlap
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


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "bytes",
            "bytes=",
            "bytes=x",
            "lines=1-2",
            "bytes=5-2",
            "bytes=-",
            "bytes=0-1;2-3",
            "bytes=0x1-3",
            "bytes=0-1-2",
        ),
        *("bytes=0-1,x", "bytes=3-2,0-1", "bytes=,", "0-9", "", b"bytes=\xb2-3", "bytes=" + "9" * 5000 + "-"),
        "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 400, 2)),
    ],
)
async def test_a_range_that_is_none_is_ignored(client: httpx.AsyncClient, weights: bytes, asked: Any) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, weights)


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=-0", "bytes={size}-{size}, 99999990-99999999"])
async def test_a_range_behind_the_end_is_refused(client: httpx.AsyncClient, weights: bytes, asked: str) -> None:
    answer = await client.get(WEIGHTS, headers={"Range": asked.format(size=len(weights))})

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Range"] == f"bytes */{len(weights)}"


@pytest.mark.parametrize(("if_range", "status"), [("same", 206), ("weak", 200), ('"other"', 200)])
async def test_a_part_of_another_file_is_not_sent(client: httpx.AsyncClient, if_range: str, status: int) -> None:
    etag = (await client.head(WEIGHTS)).headers["ETag"]
    sent = {"same": etag, "weak": f"W/{etag}"}.get(if_range, if_range)

    answer = await client.get(WEIGHTS, headers={"Range": "bytes=0-9", "If-Range": sent})

    assert answer.status_code == status


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=-1", "bytes=99999999-", "bytes=0-1,4-5", "nonsense"])
async def test_head_tells_of_the_whole_file_whatever_range_comes_with_it(
    client: httpx.AsyncClient, weights: bytes, asked: str
) -> None:
    heads = [await client.head(path, headers={"Range": asked}) for path in (WEIGHTS, ASSET)]

    assert [(head.status_code, head.content, head.headers["Accept-Ranges"]) for head in heads] == [
        (200, b"", "bytes")
    ] * 2
    assert heads[0].headers["Content-Length"] == str(len(weights))
    assert all("Content-Range" not in head.headers for head in heads)


EARLIER, LATER = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": "{modified}"}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 200),
        ({"If-Modified-Since": "Fri Jan  1 00:00:00 2100"}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": ""}, 200),
        ({"If-Modified-Since": LATER, "If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": EARLIER, "If-None-Match": "{etag}"}, 304),
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": '"other", {etag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/{etag}"}, 412),
        ({"If-Match": '"other"', "If-None-Match": "{etag}"}, 412),
        ({"If-Match": "{etag}", "If-None-Match": "{etag}"}, 304),
        ({"If-Unmodified-Since": LATER}, 200),
        ({"If-Unmodified-Since": "{modified}"}, 200),
        ({"If-Unmodified-Since": EARLIER}, 412),
        ({"If-Unmodified-Since": "tomorrow"}, 200),
        ({"If-Unmodified-Since": EARLIER, "If-Match": "{etag}"}, 200),
        ({"If-Match": '"other"', "Range": "bytes=0-9"}, 412),
        ({"If-None-Match": "{etag}", "Range": "bytes=0-9"}, 304),
    ],
)
async def test_a_file_is_sent_under_the_conditions_that_come_with_the_request(
    client: httpx.AsyncClient, method: str, headers: dict[str, str], status: int
) -> None:
    first = await client.head(WEIGHTS)
    known = {"etag": first.headers["ETag"], "modified": first.headers["Last-Modified"]}

    answer = await client.request(
        method, WEIGHTS, headers={name: value.format(**known) for name, value in headers.items()}
    )

    assert answer.status_code == status
    if status == 304:
        assert (answer.content, answer.headers["ETag"], answer.headers["Cache-Control"]) == (
            b"",
            known["etag"],
            IMMUTABLE,
        )
    if status == 412 and method == "GET":
        assert answer.json()["code"] == "precondition_failed"


@pytest.mark.parametrize(("if_range", "status"), [("{modified}", 206), (EARLIER, 200), (LATER, 200), ("", 200)])
async def test_a_part_of_a_file_of_another_date_is_not_sent(
    client: httpx.AsyncClient, if_range: str, status: int
) -> None:
    modified = (await client.head(WEIGHTS)).headers["Last-Modified"]

    answer = await client.get(WEIGHTS, headers={"Range": "bytes=0-9", "If-Range": if_range.format(modified=modified)})

    assert answer.status_code == status


async def test_the_files_of_the_page_come_in_parts_too(client: httpx.AsyncClient) -> None:
    whole = await client.get(ASSET)

    part = await client.get(ASSET, headers={"Range": "bytes=5-9"})
    ignored = await client.get(ASSET, headers={"Range": "bytes=9-5"})
    known = await client.get(ASSET, headers={"If-None-Match": whole.headers["ETag"]})
    behind = await client.get(ASSET, headers={"Range": "bytes=99999999-"})

    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert (ignored.status_code, known.status_code) == (200, 304)
    assert (behind.status_code, behind.json()["code"]) == (416, "range_not_satisfiable")


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
