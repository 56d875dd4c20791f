"""Signing in at the page: where the service has keys, nothing is shown to whom it does not know."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.keys import KeysFile, KeyWanted
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.e2e.page.conftest import PATIENCE_MS
from tests.fixtures import StartServer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_key_opens_the_page_until_one_signs_out(browser: Browser, start_server: StartServer, home: Path) -> None:
    home.mkdir()
    wanted = KeyWanted.model_validate({"scopes": [KeyScope.ADMIN], "name": "visitor"})
    key = KeysFile(Settings(home=home).keys_path).create(wanted).text.get_secret_value()
    server = start_server(home)
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{server.url}/#/runs")
    dialog = page.get_by_role("dialog", name="This service asks for a key")

    dialog.get_by_label("Key").fill(key[:-1] + ("0" if key[-1] != "0" else "1"))
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not one of this service")

    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No runs yet")).to_be_visible()
    expect(page.get_by_text("visitor", exact=True)).to_be_visible()
    assert page.evaluate("document.cookie") == ""

    page.get_by_role("button", name="Sign out").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_visible()
    page.context.close()
