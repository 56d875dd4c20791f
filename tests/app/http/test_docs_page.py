"""GET /docs: whole without a network, allowed to load nothing from elsewhere; and what every answer carries."""

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest
from starlette.responses import HTMLResponse, Response

from app.http.docs_page import ASSETS, FOLDER, edition
from app.main import create_app
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve

VENDOR = FOLDER / "vendor"
LOADED = re.compile(r'(?:src|href)="([^"#]+)"')


def policy(answer: httpx.Response) -> dict[str, str]:
    """The directives of an answer's Content-Security-Policy."""
    directives = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


async def test_the_page_loads_only_what_this_service_has(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    addresses = [address for address in LOADED.findall(page.text) if not address.startswith("data:")]
    answers = [await client.get(f"/{address}") for address in addresses]
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(addresses) == 4  # a style sheet, two scripts, and the link for those without scripts
    assert all(re.match(r"\w+[/.]\w", address) for address in addresses)  # relative: a proxy may show it under a prefix
    assert [answer.status_code for answer in answers] == [200] * 4
    assert "://" not in page.text


async def test_the_page_may_run_no_inline_script_and_ask_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    directives = policy(page)
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert not re.findall(r"<script(?![^>]* src=)", page.text)
    assert not re.findall(r"\s(?:on\w+|style)=", page.text)


def test_the_start_script_sends_the_document_to_no_validator() -> None:
    script = (FOLDER / "docs.js").read_text()

    assert "validatorUrl: null" in script
    assert "://" not in script


@pytest.mark.parametrize("name", ASSETS)
async def test_an_asset_may_be_kept_for_ever_under_its_address(client: httpx.AsyncClient, name: str) -> None:
    got = await client.get(f"/docs/assets/{edition()}/{name}")
    head = await client.head(f"/docs/assets/{edition()}/{name}")

    assert got.content == ASSETS[name][0].read_bytes()
    assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert got.headers["Content-Type"].startswith(ASSETS[name][1])
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(got.content)))


async def test_the_page_itself_is_asked_for_again(client: httpx.AsyncClient) -> None:
    head = await client.head("/docs")

    assert (head.status_code, head.content, head.headers["Cache-Control"]) == (200, b"", "no-cache")


@pytest.mark.parametrize(
    "path", ["000000000000/docs.js", "{edition}/docs.html", "{edition}/..%2fdocs.html", "{edition}/", "{edition}/%09"]
)
async def test_nothing_else_is_an_asset(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/docs/assets/{path.format(edition=edition())}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_every_vendored_file_is_listed_with_its_digest_and_is_as_it_came() -> None:
    packages = json.loads((VENDOR / "VENDOR.json").read_text())["packages"]

    listed = {name: digest for package in packages for name, digest in package["sha256"].items()}
    there = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDOR.json"
    }
    assert listed == there
    assert all(package[key] for package in packages for key in ("name", "version", "licence", "source"))
    assert all(f"{Path(name).parent}/LICENSE" in listed for name in listed)


async def test_every_answer_forbids_a_browser_to_guess_its_type(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)

    @app.get("/defect")
    async def defect() -> None:
        raise RuntimeError("a defect")

    async with serve(app) as client:
        answers = [
            await client.get(path)
            for path in ("/livez", "/docs", "/nothing", "/generate?seed=1", "/metrics", "/defect")
        ]
        answers.append(await client.get("/models", headers={"Host": "evil.example"}))
        answers.append(await client.get("/generate?seed=1", headers={"If-None-Match": "*"}))

    assert [answer.status_code for answer in answers] == [200, 200, 404, 200, 200, 500, 400, 304]
    assert {answer.headers.get("X-Content-Type-Options") for answer in answers} == {"nosniff"}
    assert {answer.headers.get("Referrer-Policy") for answer in answers} == {"no-referrer"}


async def test_a_page_without_a_policy_gets_one_that_allows_nothing(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)

    @app.get("/page")
    async def page() -> Response:
        return HTMLResponse("<p>hello")

    async with serve(app) as client:
        answer, picture = await client.get("/page"), await client.get("/generate", params={"seed": 1})

    assert policy(answer)["default-src"] == policy(answer)["frame-ancestors"] == "'none'"
    assert "Content-Security-Policy" not in picture.headers
