"""Answers in gzip: who takes it gets it, where it is worth it, and never another meaning."""

import gzip
import io
import zlib

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.http.compression import LEAST_BYTES, MOST_BYTES, Compression, takes
from app.http.page import edition, files
from core.registry import Registry
from core.runs import Run
from core.store import Store
from tests.app.conftest import report

PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}
SCRIPT = f"/page/{edition()}/{max(files(), key=lambda name: files()[name].stat().st_size * name.endswith('.js'))}"


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its bytes as they were sent."""
    async with client.stream("GET", path, headers=headers) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0", False),
        ("identity", False),
        ("br, deflate, zstd", False),
        ("identity, gzip;q=0.1", False),
        ("gzip;q=nonsense", True),
        ("notgzip", False),
    ],
)
def test_who_takes_gzip(said: str, expected: bool) -> None:
    assert takes(said) is expected


@pytest.mark.parametrize("path", ["/openapi.json", SCRIPT, "/train/schema", "/metrics"])
async def test_text_comes_in_gzip_to_who_takes_it_and_says_the_same(client: httpx.AsyncClient, path: str) -> None:
    plain, bare = await raw(client, path, **PLAIN)
    packed, content = await raw(client, path, **GZIP)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(content) < len(bare)
    assert "accept-encoding" in packed.headers["Vary"].lower()
    assert "accept-encoding" in plain.headers["Vary"].lower()
    assert "Content-Encoding" not in plain.headers
    assert path == "/metrics" or gzip.decompress(content) == bare


@pytest.mark.parametrize("path", ["/livez", "/models/tiny/aliases/latest", "/generate?seed=1&format=webp", "/nothing"])
async def test_what_is_small_or_a_picture_stays_as_it_is(client: httpx.AsyncClient, path: str) -> None:
    packed, content = await raw(client, path, **GZIP)

    assert "Content-Encoding" not in packed.headers
    assert int(packed.headers["Content-Length"]) == len(content)


async def test_weights_zips_and_parts_of_files_stay_as_they_are(client: httpx.AsyncClient, registry: Registry) -> None:
    weights = (registry.folder("tiny", 1) / "generator.safetensors").read_bytes()

    whole, content = await raw(client, "/models/tiny/versions/1/weights", **GZIP)
    part, middle = await raw(client, "/models/tiny/versions/1/weights", **GZIP, Range="bytes=5-9")
    archive, _ = await raw(client, "/generate?seed=1&n=40&format=zip", **GZIP)

    assert (content, middle, part.status_code) == (weights, weights[5:10], 206)
    assert not any("Content-Encoding" in answer.headers for answer in (whole, part, archive))


async def test_a_stored_text_in_gzip_has_an_etag_of_its_own_that_is_known_again(client: httpx.AsyncClient) -> None:
    path = SCRIPT
    plain, bare = await raw(client, path, **PLAIN)
    packed, content = await raw(client, path, **GZIP)
    known, _ = await raw(client, path, **GZIP, **{"If-None-Match": packed.headers["ETag"]})
    held, _ = await raw(client, path, **GZIP, **{"If-Match": packed.headers["ETag"]})
    other, _ = await raw(client, path, **GZIP, **{"If-Match": '"something-gzip"'})
    part, first = await raw(client, path, **GZIP, Range="bytes=0-3")

    assert gzip.decompress(content) == bare
    assert packed.headers["ETag"] == plain.headers["ETag"][:-1] + '-gzip"'
    assert (known.status_code, known.headers["ETag"]) == (304, packed.headers["ETag"])
    assert (held.status_code, other.status_code) == (200, 412)
    assert (part.status_code, first) == (206, bare[:4])
    assert "Accept-Ranges" not in packed.headers


async def test_head_tells_of_what_get_sends(client: httpx.AsyncClient) -> None:
    head = await client.head("/train/schema", headers=GZIP)
    packed, content = await raw(client, "/train/schema", **GZIP)

    assert (head.content, head.headers["Content-Encoding"]) == (b"", "gzip")
    assert head.headers["Content-Length"] == str(len(content))
    assert head.headers["ETag"] == packed.headers["ETag"]


async def test_a_table_that_comes_in_pieces_is_whole(api: httpx.AsyncClient, idle_run: Run, store: Store) -> None:
    report(idle_run, range(10, 20_000, 10), g_loss=1.25)

    answer, content = await raw(api, f"/train/{idle_run.id}/metrics", **GZIP, Accept="text/csv")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(zlib.decompress(content, 31).splitlines()) == 2000


SIZES = [[LEAST_BYTES - 1], [0], [LEAST_BYTES], [MOST_BYTES + 1], [10, 0, 5], [0, 0], [3, MOST_BYTES + 1, 0]]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "image/png"])
async def test_however_a_body_comes_it_arrives_whole(sizes: list[int], kind: str) -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        for i, size in enumerate(sizes):
            await send({"type": "http.response.body", "body": b"x" * size, "more_body": i + 1 < len(sizes)})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}
    await Compression(app)(scope, receive, send)

    body = b"".join(message.get("body", b"") for message in sent)
    is_packed = (b"content-encoding", b"gzip") in sent[0]["headers"]
    assert (gzip.GzipFile(fileobj=io.BytesIO(body)).read() if is_packed else body) == b"x" * sum(sizes)
    assert is_packed == (kind == "application/json" and (len(sizes) > 1 or sizes[0] >= LEAST_BYTES))
    assert [message.get("more_body", False) for message in sent[1:]][-1] is False
