"""Models, data, the system, runs beside each other: what is there, seen and managed in a real browser."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Service
from tests.e2e.page.conftest import Tab

VIEWS = ["#/models", "#/models/drawn", "#/models/drawn?promote=1"]
MODEL = "drawn"  # two versions, no alias of its own; each test has a model of its own where it changes it


def imported(service: Service, model: str, *steps: int) -> None:
    """Versions of a model with the weights of the one that comes with the package."""
    with service.client as client:
        weights = client.get("/models/digits/versions/1/weights").content
        manifest = client.get("/models/digits/versions/1/manifest").json()
        for step in steps:
            parts = {"weights": weights, "manifest": json.dumps({**manifest, "step": step}).encode()}
            assert client.post(f"/models/{model}/versions", files=parts).status_code == 201


def production(service: Service, model: str) -> dict[str, Any]:
    with service.client as client:
        body: dict[str, Any] = client.get(f"/models/{model}/aliases/production").json()
    return body


def are_drawn(page: Page, where: str, count: int) -> None:
    expect(page.locator(f"{where} .picture:not(.is-loading) img")).to_have_count(count)


@pytest.fixture(scope="module")
def models(service: Service) -> Service:
    imported(service, MODEL, 1, 2)
    return service


def test_a_model_shows_what_its_versions_draw_how_good_they_are_and_where_they_come_from(
    tab: Tab, models: Service
) -> None:
    page = tab.open("#/models")
    page.get_by_role("link", name=MODEL, exact=True).click()
    newest = page.get_by_label("Version 2")

    are_drawn(page, ".versions", 2)
    expect(newest.locator(".facts")).to_contain_text("FD")
    expect(newest.locator(".facts")).to_contain_text("real")
    expect(newest.locator(".lineage")).to_contain_text("mnist-60k")
    expect(newest.locator(".lineage")).to_contain_text("step 2")
    expect(newest.get_by_role("button", name="Delete")).to_be_disabled()
    with page.expect_download() as saved:
        newest.get_by_role("link", name="Weights").click()
    assert saved.value.suggested_filename == f"{MODEL}-2.safetensors"


def test_a_version_is_promoted_after_both_were_seen_from_the_same_seeds_and_rolled_back(
    tab: Tab, models: Service
) -> None:
    imported(models, "moved", 1, 2)
    page = tab.open("#/models/moved")

    page.get_by_label("Version 2").get_by_role("button", name="Promote").click()
    are_drawn(page, "dialog", 1)  # it is drawn with already, as the newest
    page.get_by_label("Why").fill("the sharpest")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.locator(".moves")).to_contain_text("the sharpest")
    assert production(models, "moved")["version"] == 2

    page.get_by_label("Version 1").get_by_role("button", name="Roll back").click()
    are_drawn(page, "dialog", 2)
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator(".moves li")).to_have_count(2)
    assert (production(models, "moved")["version"], production(models, "moved")["previous"]) == (1, 2)


def test_who_promotes_after_somebody_else_is_told_and_looks_again(tab: Tab, models: Service) -> None:
    tab.expected = "412"
    imported(models, "contested", 1, 2)
    page = tab.open("#/models/contested?promote=2")
    are_drawn(page, "dialog", 1)
    with models.client as client:
        client.put("/models/contested/aliases/production", json={"version": 1})

    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("precondition_failed")
    assert production(models, "contested")["version"] == 1

    page.get_by_role("button", name="Look again").click()
    are_drawn(page, "dialog", 2)
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert production(models, "contested")["version"] == 2


def test_an_alias_that_has_no_name_is_refused_at_its_field(tab: Tab, models: Service) -> None:
    tab.expected = "422"
    page = tab.open(f"#/models/{MODEL}?promote=1")
    page.get_by_label("Alias", exact=True).fill("not a name")

    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()

    expect(page.locator("#promote-alias-help")).to_contain_text("lower-case letters")
    expect(page.get_by_label("Alias", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_version_that_nothing_points_to_is_deleted_after_a_question(tab: Tab, models: Service) -> None:
    imported(models, "shorter", 1, 2)
    page = tab.open("#/models/shorter")

    page.get_by_label("Version 1").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the version").click()

    expect(page.locator(".version")).to_have_count(1)
    with models.client as client:
        assert client.get("/models/shorter/versions/1").status_code == 404


def is_whole(page: Page) -> None:
    """Wait until a view is there, and nothing of it is on its way."""
    expect(page.locator("main h1, main h3").first).to_be_visible()
    expect(page.locator("main .waiting, main .is-loading")).to_have_count(0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_serious_barrier_in_light_and_wide(tab: Tab, models: Service, view: str) -> None:
    is_whole(tab.open(view))

    assert tab.barriers() == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_narrow_screen_and_has_no_serious_barrier_in_dark(
    narrow_tab: Tab, models: Service, view: str
) -> None:
    is_whole(narrow_tab.open(view))

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []
