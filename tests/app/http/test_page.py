"""GET /: the page for a browser, the index for everybody else; the files of the page, and nothing else."""

import gzip
import re

import httpx
import pytest

from app.http.page import edition, files
from tests.app.http.test_docs_page import policy

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
LOADED = re.compile(r'(?:src|href)="([^"#]+)"')
IMPORTED = re.compile(r'(?:\bfrom\s+|import\(\s*|url\(\s*)"([^"]+)"')


async def test_a_browser_gets_the_page(client: httpx.AsyncClient) -> None:
    for accept in (BROWSER, "text/html", "text/*, application/json;q=0.5", "text/html;q=0.9, */*;q=0.1"):
        answer = await client.get("/", headers={"Accept": accept})

        assert answer.headers["Content-Type"] == "text/html; charset=utf-8", accept
        assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept, Accept-Encoding", "no-cache")


async def test_everybody_else_gets_the_index(client: httpx.AsyncClient) -> None:
    for accept in ("", "*/*", "application/json", "image/png", "text/html;q=0", "text/html;q=0.5, */*"):
        answer = await client.get("/", headers={"Accept": accept})

        assert (answer.json()["links"]["train"], answer.headers["Vary"]) == ("/train", "Accept, Accept-Encoding"), (
            accept
        )


async def test_whoever_has_the_page_is_told_so(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers={"Accept": BROWSER})

    again = await client.get("/", headers={"Accept": BROWSER, "If-None-Match": page.headers["ETag"]})
    head = await client.head("/", headers={"Accept": BROWSER})

    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", page.headers["ETag"])
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (
        200,
        b"",
        page.headers["Content-Length"],
    )


async def test_the_page_may_run_no_inline_script_and_ask_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers={"Accept": BROWSER})

    directives = policy(page)
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert {directives[f"{kind}-src"] for kind in ("script", "style", "connect", "font")} == {"'self'"}
    assert not re.findall(r"<script(?![^>]* src=)", page.text)
    assert not re.findall(r"\s(?:on\w+|style)=", page.text)
    assert "://" not in page.text


async def test_the_page_loads_what_there_is_by_relative_addresses(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers={"Accept": BROWSER})

    addresses = LOADED.findall(page.text)
    answers = [await client.head(f"/{address}") for address in addresses]
    assert len(addresses) > 20
    assert all(
        re.match(r"\w", address) for address in addresses
    )  # a proxy may show it under a prefix that it does not tell
    assert {answer.status_code for answer in answers} == {200}


async def test_a_prefix_that_is_told_is_in_every_address(client: httpx.AsyncClient) -> None:
    page = await client.get("/gan", headers={"Accept": BROWSER, "X-Forwarded-Prefix": "/gan"})

    assert all(address.startswith("/gan/") for address in LOADED.findall(page.text))


async def test_a_file_may_be_kept_for_ever_under_its_address(client: httpx.AsyncClient) -> None:
    for name, path in files().items():
        got = await client.get(f"/page/{edition()}/{name}")

        assert got.content == path.read_bytes()
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert got.headers["ETag"]


@pytest.mark.parametrize("name", [name for name in files() if name.endswith((".js", ".css")) and "vendor" not in name])
def test_a_file_asks_for_none_that_there_is_not(name: str) -> None:
    folder = files()[name].parent

    asked = [(folder / path).resolve() for path in IMPORTED.findall(files()[name].read_text(encoding="utf-8"))]

    assert set(asked) <= set(files().values())


def test_all_of_the_page_is_less_than_300_kilobytes_as_it_is_sent() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in files().values()) < 300_000


async def test_nothing_else_is_a_file_of_the_page(client: httpx.AsyncClient) -> None:
    others = ("index.html", "docs.js", "..%2fmain.js", "", "vendor/VENDOR.json", "vendor/swagger-ui/swagger-ui.css")
    for path in ("000000000000/main.js", *(f"{edition()}/{name}" for name in others)):
        answer = await client.get(f"/page/{path}")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
