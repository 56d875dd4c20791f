"""`python -m bench.page_picture`: the picture of the page in README, taken of a service that runs. Needs Chromium."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parent.parent / "docs" / "page.png"
VIEW = "#/studio?model=avatars&seed=7&tab=grid&n=25"
LOOKED_AT = ("#/studio?model=digits&seed=3&label=3", "#/studio?model=avatars&seed=11&tab=single", VIEW)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DWELL_MS = 2_500  # a picture that is looked at for a while goes into the history


def chromium() -> str:
    """Where the system's browser is."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("there is no Chromium here (Debian's package chromium)")
    return path


def take(url: str, target: Path) -> None:
    """The studio with a few pictures in its history, as a PNG of 1440 x 900."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        for view in LOOKED_AT:
            page.goto("about:blank")
            page.goto(f"{url}/{view}")
            page.locator(".stage .picture:not(.is-loading) img").wait_for()
            page.wait_for_timeout(DWELL_MS)
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--target", type=Path, default=TARGET)
    asked = parser.parse_args()
    take(asked.url, asked.target)
