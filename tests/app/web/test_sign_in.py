"""Signing in at the page: where the service has keys, nothing is shown to whom it does not know, and what a key may not
change cannot be clicked."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from core.keys import KeysFile, KeyWanted
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.keys import KeyRef, KeyScope
from ganymede.schemas.specs import RunSpec
from tests.app.web.conftest import Call
from tests.e2e.page.conftest import PATIENCE_MS
from tests.fixtures import StartServer
from tests.manifests import dataset_manifest
from tests.records import numbers

OURS, THEIRS = {"id": "gnm_ours", "name": "ours"}, {"id": "gnm_theirs", "name": "theirs"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def key_for(home: Path, name: str, *scopes: KeyScope) -> str:
    wanted = KeyWanted.model_validate({"scopes": scopes, "name": name})
    return KeysFile(Settings(home=home).keys_path).create(wanted).text.get_secret_value()


def look(browser: Browser, address: str) -> Page:
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    return page


def test_a_key_opens_the_page_until_one_signs_out(browser: Browser, start_server: StartServer, home: Path) -> None:
    home.mkdir()
    key = key_for(home, "visitor", KeyScope.ADMIN)
    server = start_server(home)
    page = look(browser, f"{server.url}/#/runs")
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


def test_what_a_key_may_not_change_cannot_be_clicked_and_says_why(
    browser: Browser, start_server: StartServer, home: Path
) -> None:
    home.mkdir()
    key = key_for(home, "trainer", KeyScope.TRAIN)
    spec, numbers_of_it = RunSpec(recipe="dcgan", dataset="shapes"), numbers(100)
    runs = RunStore(Store(home / "store"))
    of_another = runs.create(spec, numbers_of_it, dataset_manifest(), made_by=KeyRef(**THEIRS))
    of_nobody = runs.create(spec, numbers_of_it, dataset_manifest())
    server = start_server(home)
    page = look(browser, f"{server.url}/#/runs/{of_another.id}")
    dialog = page.get_by_role("dialog", name="This service asks for a key")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()

    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_disabled()
    expect(cancel).to_have_attribute(
        "title", "Made with another key, theirs: only that one, or one with the scope admin, may change it."
    )
    expect(page.locator(".reason")).to_contain_text("Made with another key, theirs")
    page.goto(f"{server.url}/#/runs/{of_nobody.id}")
    expect(cancel).to_be_enabled()
    page.goto(f"{server.url}/#/models/digits")
    expect(page.get_by_role("button", name="Promote")).to_be_disabled()
    expect(page.locator(".reason")).to_contain_text("takes the scope models:write")
    page.goto(f"{server.url}/#/data")
    expect(page.get_by_role("button", name="Add pictures")).to_be_disabled()
    page.context.close()


def signed_in(browser: Browser, url: str, key: str) -> Page:
    """A page of somebody who has entered a key."""
    page = look(browser, f"{url}/#/system")
    dialog = page.get_by_role("dialog", name="This service asks for a key")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    return page


def test_a_key_that_may_not_draw_is_told_so_wherever_something_is_drawn_and_nothing_is_refused(
    browser: Browser, start_server: StartServer, home: Path
) -> None:
    home.mkdir()
    key = key_for(home, "trainer", KeyScope.TRAIN)
    run = RunStore(Store(home / "store")).create(
        RunSpec(recipe="dcgan", dataset="shapes"), numbers(100), dataset_manifest()
    )
    server = start_server(home)
    page = signed_in(browser, server.url, key)
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status == 403 else None)

    for view in ("#/studio", f"#/runs/{run.id}?tab=timeline"):
        page.goto(f"{server.url}/{view}")
        expect(page.get_by_text("Your key may not draw: that takes the scope generate.")).to_be_visible()
    page.goto(f"{server.url}/#/complete")
    expect(page.get_by_role("button", name="Draw a picture")).to_be_disabled()
    page.goto(f"{server.url}/#/models/digits")
    expect(page.locator(".thumb .picture:not(.is-loading)")).to_be_visible()
    assert refused == []
    page.context.close()


def test_a_key_that_may_not_train_or_set_webhooks_is_told_so_where_a_run_is_asked_for(
    browser: Browser, start_server: StartServer, home: Path
) -> None:
    home.mkdir()
    reader, trainer = key_for(home, "reader", KeyScope.READ), key_for(home, "trainer", KeyScope.TRAIN)
    server = start_server(home)

    page = signed_in(browser, server.url, reader)
    page.goto(f"{server.url}/#/new?dataset=mnist-10k")
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    expect(page.locator(".new-side .reason")).to_contain_text("takes the scope train")
    page.goto(f"{server.url}/#/data/mnist-10k")
    expect(page.get_by_text("Your key may not train")).to_be_visible()
    page.context.close()

    page = signed_in(browser, server.url, trainer)
    page.goto(f"{server.url}/#/new?dataset=mnist-10k")
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    page.get_by_text("Who is told").click()
    expect(page.get_by_label("Webhook url")).to_be_disabled()
    expect(page.get_by_text("Your key may not set webhooks")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(
    ("visitor", "makers", "reason"),
    [
        (None, [THEIRS], None),  # not known yet, or not to be known: the service decides
        ({"key": None, "scopes": ["train", "admin"]}, [THEIRS], None),  # a service without keys
        ({"key": OURS, "scopes": ["admin"]}, [THEIRS], None),
        ({"key": OURS, "scopes": ["train"]}, [], None),
        ({"key": OURS, "scopes": ["train"]}, [OURS, None], None),
        ({"key": OURS, "scopes": ["train"]}, [OURS, THEIRS], "Made with another key, theirs"),
        ({"key": OURS, "scopes": ["read"]}, [OURS], "takes the scope train"),
        ({"key": None, "scopes": [], "isUnknown": True}, [], "Sign in first"),
    ],
)
def test_why_not_is_told_by_scopes_and_makers(
    call: Call, visitor: dict[str, Any] | None, makers: list[Any], reason: str | None
) -> None:
    found = call("lib/visitor", "reasonAgainst", visitor, "train", makers)

    assert (reason or "") in (found or "")
    assert (found is None) == (reason is None)
