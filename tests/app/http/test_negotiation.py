"""What Accept and the conditions ask, as real clients write them."""

import contextlib

import httpx
import pytest

from app.http.conditional import check_conditions, is_known
from app.http.negotiation import preferred
from core.errors import NotAcceptable, PreconditionFailed

FORMS = {"png": "image/png", "webp": "image/webp", "json": "application/json"}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "png"),  # Java's HttpURLConnection
        ("*", "png"),
        ("*;q=0.1, image/webp", "webp"),
        ("image/png;q=.5", "png"),
        ("image/png;q=.5, image/webp;q=.6", "webp"),
        ("image/png;q=1., image/webp;q=0.9", "png"),
        ("image/png;q=0.33333, image/webp;q=0.33334", "webp"),
        ("image/png;q=+0.1, image/webp;q=5", "webp"),
        ("image/png;q=-1, image/webp;q=.001", "webp"),
        ("image/png; Q = 0.2 , IMAGE/WEBP ; Q=0.3", "webp"),
        ("IMAGE/*, application/json;q=0.1", "png"),
        ('image/png;q="0.2", image/webp;q="0.3"', "webp"),
        ("image/webp;q=high", "webp"),  # a weight that is none says nothing
        ("image/webp;q=", "webp"),
        ("image/webp;q", "webp"),
        ("image/png;q=0.1, image/webp;level=1;q=0.2;ext=a", "webp"),
        ('application/json;profile="a, image/png; q=1";q=0.5', "json"),
        ('application/json;profile="image/png', "json"),
        (",, ,image/webp,,", "webp"),
        ("image/webp;;q=0.5;", "webp"),
        (", ,", "png"),
        ("   ", "png"),
        ("image/png;q=0.0, image/webp;q=0.000, */*", "json"),
        ("image/png;q=0, *", "webp"),
        ("image/*;q=0, */*;q=0.1", "json"),
        ("image/png;q=0.1, image/png", "png"),
    ],
)
def test_a_header_is_read_as_leniently_as_it_is_written(accept: str, form: str) -> None:
    assert preferred(accept, FORMS) == form


@pytest.mark.parametrize(
    "accept", ["image/gif", "*;q=0", "*/*;q=0.000", "image/*;q=0,application/json;q=.0", "image/png;q=-2", "*/png"]
)
def test_what_is_never_wanted_is_not_sent(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        preferred(accept, FORMS)


@pytest.mark.parametrize("part", ['"\\', '"', '\\"', ",;", 'a;b="', "a;q=", "*;"])
def test_a_long_header_is_read_in_one_go(part: str) -> None:
    accept = part * 200_000  # looking back at each of them would take hours

    with contextlib.suppress(NotAcceptable):
        preferred(accept, FORMS)


async def test_a_list_in_several_lines_is_one_list(client: httpx.AsyncClient) -> None:
    accept = [("Accept", "text/html"), ("Accept", "image/webp;q=0.5"), ("Accept", "image/png;q=0.1")]

    answers = [
        await client.request(method, "/generate", params=params, headers=accept)
        for method, params in (("GET", {"seed": 1}), ("HEAD", {"seed": 1}))
    ]
    posted = await client.post("/generate", json={"seed": 1}, headers=accept)
    scraped = await client.get(
        "/metrics", headers=[("Accept", "text/html"), ("Accept", "application/openmetrics-text")]
    )

    assert [answer.headers["content-type"] for answer in (*answers, posted)] == ["image/webp"] * 3
    assert scraped.headers["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    ("path", "params"),
    [("/generate", {"model": "tiny@1", "seed": "1"}), ("/models/tiny/versions/1/weights", {}), ("/train/schema", {})],
)
async def test_etags_in_several_lines_are_one_list(
    client: httpx.AsyncClient, path: str, params: dict[str, str]
) -> None:
    etag = (await client.get(path, params=params)).headers["etag"]

    lines = [[("If-None-Match", tag) for tag in tags] for tags in (('"x"', etag, '"y"'), ("*", '"x"'), ('"x"', '"y"'))]
    answers = [await client.get(path, params=params, headers=headers) for headers in lines]

    assert [answer.status_code for answer in answers] == [304, 304, 200]


async def test_conditions_of_a_change_in_several_lines_are_one_list(client: httpx.AsyncClient) -> None:
    path, body = "/models/tiny/aliases/production", {"version": 1}
    await client.put(path, json=body)

    met = await client.put(path, json=body, headers=[("If-Match", '"7"'), ("If-Match", '"1"')])
    unmet = await client.put(path, json=body, headers=[("If-Match", '"7"'), ("If-Match", '"8"')])
    known = await client.put(path, json=body, headers=[("If-None-Match", '"7"'), ("If-None-Match", "*")])

    assert [met.status_code, unmet.status_code, known.status_code] == [200, 412, 412]


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('w/"a"', True),
        ('"b", "a"', True),
        ('"b","a"', True),
        (',, "a",', True),
        ("*", True),
        ('"b", *', True),
        ("*, *", True),
        ('"*"', False),
        ('"b*"', False),
        ('"b, a"', False),
        ("a", False),
        ("", False),
    ],
)
def test_if_none_match_is_read_as_a_list(header: str, known: bool) -> None:
    assert [is_known(header, etag) for etag in ('"a"', 'W/"a"')] == [known, known]


@pytest.mark.parametrize(("header", "holds"), [('"b", "a"', True), ("*", True), ('"b", *', True), ('W/"a"', False)])
def test_if_match_compares_strongly(header: str, holds: bool) -> None:
    if holds:
        check_conditions("it", '"a"', header, None)
    else:
        with pytest.raises(PreconditionFailed):
            check_conditions("it", '"a"', header, None)
    with pytest.raises(PreconditionFailed):
        check_conditions("it", None, header, None)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/openmetrics-text;q=0, */*", "text/plain"),
        ("application/openmetrics-text;version=1.0.0;q=.2, text/plain;q=.9", "text/plain"),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0; Q=.9, text/plain;q=.2", "application/openmetrics-text"),
        ('application/openmetrics-text;version="1.0.0"', "application/openmetrics-text"),
        ("*; q=.2, */*; q=.2", "text/plain"),
    ],
)
async def test_the_form_of_the_numbers_goes_by_weights_too(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    answer = await client.get("/metrics", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media_type)
