"""Names, seeds, labels, z and forms of any kind, to a real server: an answer or a refusal in words, never our error."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from core.store import Store
from tests.fixtures import Server

FEW = settings(max_examples=25, deadline=None, database=None)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1, -1, 2**32, 2**53, 2**63, 2**64, 1e308])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
ANYTHING = st.recursive(LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=9), part))
FIELDS = st.sampled_from(["model", "seed", "seeds", "label", "z", "n", "truncation", "scale", "format", "grid"])
PATHS = st.sampled_from(
    ["/models/{}", "/models/{}/versions/{}", "/models/{}/aliases/{}", "/datasets/{}", "/train/{}", "/train/{}/log"]
)
PARTS = st.sampled_from([b"name", b"file", b"size", b"weights", b"manifest", b"x"]) | st.binary(max_size=12)


def is_in_words(answer: httpx.Response) -> bool:
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.status_code < 400 or (answer.status_code < 500 and is_problem) or answer.status_code == 503


@FEW
@given(fields=st.dictionaries(FIELDS, ANYTHING, max_size=4))
def test_whatever_a_body_holds(server: Server, fields: dict[str, Any]) -> None:
    with server.client() as client:
        for path in ("/generate", "/generate/morph"):
            body = json.dumps({"model": "digits", **fields}).encode()  # NaN, too, as Python writes it
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert is_in_words(answer), answer.text


@FEW
@given(fields=st.dictionaries(FIELDS, NUMBERS | st.text(max_size=40), max_size=4))
def test_whatever_a_query_holds(server: Server, fields: dict[str, Any]) -> None:
    with server.client() as client:
        answer = client.get("/generate", params={name: str(value) for name, value in fields.items()})

    assert is_in_words(answer), answer.text


@FEW
@given(path=PATHS, first=st.text(min_size=1, max_size=80), second=st.text(min_size=1, max_size=80))
def test_whatever_a_name_is(server: Server, path: str, first: str, second: str) -> None:
    quoted = [quote(text, safe="") for text in (first, second)]
    with server.client() as client:
        for method in ("GET", "DELETE"):
            answer = client.request(method, path.format(*quoted))
            assert is_in_words(answer), answer.text


@FEW
@given(
    parts=st.lists(st.tuples(PARTS, st.binary(max_size=40), st.binary(max_size=200)), max_size=4),
    boundary=st.sampled_from([b"b", b"", b"--", b"a b", b"x" * 71]),
    cut=st.integers(0, 60),
)
def test_whatever_a_form_holds(
    server: Server, parts: list[tuple[bytes, bytes, bytes]], boundary: bytes, cut: int
) -> None:
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n' % (boundary, *part)
        for part in parts
    )
    body += b"--%s--\r\n" % boundary
    headers = {b"Content-Type": b"multipart/form-data; boundary=" + boundary}
    with server.client() as client:
        for path in ("/datasets", "/models/copy/versions"):
            answer = client.post(path, content=body[: len(body) - cut], headers=headers)
            assert is_in_words(answer), answer.text

    assert list(Store(server.store).path("tmp").iterdir()) == []
