"""The pure functions of the page, called in a real browser; no service is asked."""

from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from app.http.page import MEDIA_TYPES, files
from tests.e2e.page.conftest import browser

__all__ = ["browser"]

HOST = "http://page.test/"


class Call(Protocol):
    def __call__(self, module: str, function: str, *args: Any) -> Any: ...


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A blank page of a host that has the modules and nothing else."""

    def answer(route: Route) -> None:
        name = urlsplit(route.request.url).path.lstrip("/")
        file = files().get(name)
        if file is None:
            route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>blank</title>")
        else:
            route.fulfill(content_type=MEDIA_TYPES[file.suffix], body=file.read_bytes())

    blank = browser.new_page()
    blank.route("**/*", answer)
    blank.goto(HOST)
    yield blank
    blank.close()


@pytest.fixture
def call(page: Page) -> Call:
    def do(module: str, function: str, *args: Any) -> Any:
        code = f"async (args) => (await import('/{module}.js')).{function}(...args)"
        return page.evaluate(code, list(args))

    return do
