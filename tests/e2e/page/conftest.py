"""A real Chromium that looks at a real service: what its console says, and whom it asks, is part of every test."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.conftest import Service, start, stop

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 300_000  # at once, however busy the machine
WIDE, NARROW = (1440, 900), (400, 800)
NOTE_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => console.error("policy", event.violatedDirective));
"""


@pytest.fixture(scope="module")  # no longer: while Playwright's loop is there, no async test can run
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("there is no browser here (Debian's package chromium): nobody looks at the page")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for the tests of a file: API, worker and broker, with the models that come with the package."""
    started = start(tmp_path_factory.mktemp("home"))
    yield started
    stop(started)


@dataclass
class Tab:
    """A tab of the browser, and all that went wrong in it."""

    page: Page
    base: str
    expected: str = "nothing is"  # a pattern of what the console may say, where a test has something refused
    said: list[str] = field(default_factory=list)

    def open(self, view: str = "", prefix: str = "") -> Page:
        """Show a view from the start."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.base}{prefix}/{view}")
        return self.page

    def faults(self) -> list[str]:
        return [text for text in self.said if not re.search(self.expected, text)]

    def is_wider_than_its_screen(self) -> bool:
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    def barriers(self) -> list[str]:
        """Serious faults of accessibility, as axe-core finds them."""
        found = Axe().run(self.page).response["violations"]
        serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
        return [
            f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in serious for node in fault["nodes"]
        ]


@pytest.fixture
def tab(browser: Browser, service: Service) -> Iterator[Tab]:
    """A tab of its own; at the end nothing has gone wrong in it, and it asked no other host."""
    yield from watched(browser, service)


@pytest.fixture
def narrow_tab(browser: Browser, service: Service) -> Iterator[Tab]:
    """The same on a small screen, in dark colours, for who wants no motion."""
    yield from watched(browser, service, NARROW, is_dark=True)


def watched(
    browser: Browser, service: Service, size: tuple[int, int] = WIDE, *, is_dark: bool = False
) -> Iterator[Tab]:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if is_dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(NOTE_VIOLATIONS)
    tab = Tab(context.new_page(), f"http://127.0.0.1:{service.port}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            tab.said.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("blob", "data", "about") and address.netloc != f"127.0.0.1:{service.port}":
            tab.said.append(f"another host was asked: {request.url}")

    tab.page.on("console", on_console)
    tab.page.on("pageerror", lambda error: tab.said.append(f"error: {error}"))
    tab.page.on("request", on_request)
    yield tab
    faults = tab.faults()
    context.close()
    assert faults == []
