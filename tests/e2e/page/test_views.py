"""The page as people use it: the first picture, a seed found again, a training seen to move. In a real browser."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from PIL import Image
from playwright.sync_api import Page, Position, expect

from tests.e2e.conftest import SMALL, Service
from tests.e2e.page.conftest import Tab
from tests.fixtures import until

pytestmark = pytest.mark.slow

VIEWS = [
    "",
    "#/studio?seed=7&label=3",
    "#/studio?seed=7&tab=grid&model=avatars",
    "#/studio?seed=7&tab=morph&keys=7,8,9",
    "#/studio?seed=7&tab=map&x=1.5",
    *("#/complete?model=digits&seed=3", "#/new", "#/runs", "#/runs?status=failed", "#/nowhere"),
]
LIGHT = [*VIEWS[:2], "#/complete?model=digits&seed=3", "#/new"]  # all are seen in the dark


def asked(page: Page) -> dict[str, str]:
    """The query of the view that the address names."""
    return dict(parse_qsl(page.url.partition("?")[2]))


def drawn(page: Page, where: str) -> str:
    """The address of the picture that is shown; waits until there is one, and none is on its way."""
    image = page.locator(f"{where} .picture:not(.is-loading) img")
    expect(image).to_be_visible()
    return str(image.get_attribute("src"))


def is_whole(page: Page) -> None:
    """Wait until a view is there, and nothing of it is on its way."""
    expect(page.locator("main h1, main h3").first).to_be_visible()
    expect(page.locator("main .waiting, main .is-loading")).to_have_count(0)


def test_home_draws_with_the_model_at_once_and_the_dice_draws_another(tab: Tab) -> None:
    page = tab.open()

    before = drawn(page, ".production")
    seed = page.locator(".production-foot .num").inner_text()
    page.get_by_role("button", name="Again").click()

    expect(page.locator(".production-foot .num")).not_to_have_text(seed)
    assert drawn(page, ".production") != before
    expect(page.get_by_text("All well")).to_be_visible()
    expect(page).to_have_title("Ganymede")


def test_in_the_studio_keys_change_the_seed_and_the_address_keeps_all_of_it(tab: Tab) -> None:
    page = tab.open("#/studio?seed=4294967295")
    drawn(page, ".stage")

    page.get_by_role("button", name="7", exact=True).click()
    page.keyboard.press("ArrowRight")
    drawn(page, ".stage")
    assert (asked(page)["seed"], asked(page)["label"]) == ("0", "7")

    page.keyboard.press("r")
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    seed = asked(page)["seed"]
    drawn(page, ".stage")
    page.reload()

    drawn(page, ".stage")
    expect(page.get_by_label("Seed", exact=True)).to_have_value(seed)
    expect(page.locator(".caption")).to_contain_text("7")


def test_a_locked_seed_stays_and_the_dice_takes_another_label(tab: Tab) -> None:
    page = tab.open("#/studio?seed=5&label=1")
    drawn(page, ".stage")

    page.get_by_role("button", name="Keep the seed").click()
    page.keyboard.press("r")
    page.keyboard.press("ArrowRight")

    expect(page.locator(".labels [aria-pressed=true]")).not_to_have_text("1")
    assert asked(page)["seed"] == "5"


def test_the_history_is_there_again_after_a_reload(tab: Tab) -> None:
    page = tab.open("#/studio?seed=11")
    expect(page.locator(".film li")).to_have_count(1)
    page.get_by_role("button", name="Grid").click()
    expect(page.locator(".film li")).to_have_count(2)

    page.reload()
    page.get_by_role("button", name="Show digits@1, seed 11", exact=True).click()

    expect(page.get_by_role("button", name="Single")).to_have_attribute("aria-pressed", "true")
    assert asked(page)["model"] == "digits@1"


def test_a_saved_picture_that_is_opened_brings_its_recipe_back(tab: Tab, tmp_path: Path) -> None:
    page = tab.open("#/studio?seed=123&label=4&truncation=0.7&scale=2")
    drawn(page, ".stage")
    with page.expect_download() as saved:
        page.keyboard.press("s")
    saved.value.save_as(tmp_path / "four.png")

    tab.open("#/studio?seed=1")
    drawn(page, ".stage")
    page.locator("input[type=file]").set_input_files(tmp_path / "four.png")

    expect(page.get_by_label("Seed", exact=True)).to_have_value("123")
    assert saved.value.suggested_filename == "digits@1-seed-123-4.png"
    assert {"model": "digits@1", "label": "4", "truncation": "0.7", "scale": "2"}.items() <= asked(page).items()


def test_a_picture_without_a_recipe_is_refused_in_words(tab: Tab, service: Service, tmp_path: Path) -> None:
    tab.expected = "422"
    with service.client as client:
        (tmp_path / "plain.png").write_bytes(client.get("/generate?seed=1").content)
    page = tab.open("#/studio?seed=1")
    drawn(page, ".stage")

    page.locator("input[type=file]").set_input_files(tmp_path / "plain.png")

    expect(page.locator(".toast")).to_contain_text("recipe_missing")


def test_what_the_studio_shows_can_be_had_by_the_command_that_it_tells(tab: Tab, service: Service) -> None:
    page = tab.open("#/studio?seed=42&label=7&model=digits@1")
    drawn(page, ".stage")

    page.get_by_role("button", name="Copy as", exact=True).click()
    curl, command, python = page.locator(".command pre").all_inner_texts()

    address = re.search(r"'(http[^']+)'", curl)
    assert address is not None
    with service.client as client:
        answer = client.get(address[1])
    assert (answer.status_code, answer.headers["Seed"], answer.headers["Label"]) == (200, "42", "7")
    assert command.startswith("ganymede generate --model digits@1 --seed 42 --label 7 ")
    assert 'client.generate(model="digits@1", seed=42, label="7", metadata=True)' in python


def test_a_morph_is_gone_through_frame_by_frame_and_saved_as_a_picture_that_moves(tab: Tab, tmp_path: Path) -> None:
    page = tab.open("#/studio?seed=7&label=3&frames=4")
    page.get_by_role("button", name="Morph").click()
    first = drawn(page, ".stage")
    expect(page.locator(".way img")).to_have_count(2)

    page.keyboard.press("ArrowRight")
    expect(page.locator(".stage-picture img")).not_to_have_attribute("src", first)
    page.get_by_label("Key 2", exact=True).fill("99")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Go to seed 99")).to_be_visible()
    drawn(page, ".stage")
    with page.expect_download() as saved:
        page.get_by_role("button", name="WebP").click()
    saved.value.save_as(tmp_path / "way.webp")
    page.get_by_role("button", name="Copy as", exact=True).click()
    command = page.locator(".command pre").nth(1).inner_text()

    with Image.open(tmp_path / "way.webp") as moving:
        assert (getattr(moving, "n_frames", 1), moving.size) == (13, (28, 28))
    assert command.startswith("ganymede morph 7,99 --model digits --label 3 --frames 12 ")
    assert asked(page)["keys"] == "7,99"


def test_a_map_is_dragged_through_and_leads_to_a_seed(tab: Tab) -> None:
    page = tab.open("#/studio?seed=7&tab=map")
    drawn(page, ".map-pad")
    before = drawn(page, ".map-shown")
    side = page.locator(".map-pad").evaluate("(pad) => pad.clientWidth")
    begin, end = Position(x=side * 0.5, y=side * 0.5), Position(x=side * 0.26, y=side * 0.41)
    page.drag_and_drop(".map-pad", ".map-pad", source_position=begin, target_position=end)
    expect(page.locator(".map-shown")).to_contain_text("seed 208")
    expect(page.locator(".map-shown .picture:not(.is-loading) img")).not_to_have_attribute("src", before)
    page.get_by_role("button", name="To the nearest seed").click()
    page.get_by_role("button", name="Look at it alone").click()

    drawn(page, ".stage")
    assert (asked(page)["seed"], asked(page)["label"]) == ("208", "7")


def test_a_training_is_seen_to_move_and_is_paused_and_cancelled_by_its_buttons(tab: Tab, service: Service) -> None:
    tab.expected = "422"
    page = tab.open()
    expect(page.get_by_text("Nothing is training")).to_be_visible()
    run_id = service.train(100_000, "seen", sample_every=20)
    card = page.locator(".run-card")

    expect(card.get_by_text("running")).to_be_visible()
    first = drawn(page, ".run-card")
    expect(card.locator(".picture img")).not_to_have_attribute("src", first)
    expect(page.locator(".nav .count")).to_contain_text("1")

    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_text("paused")).to_be_visible()
    assert service.run(run_id)["status"] == "paused"

    tab.open(f"#/runs/{run_id}?tab=checkpoints")
    page.get_by_role("button", name="Publish", exact=True).first.click()
    page.get_by_label("Model").fill("no such/name")
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.locator("dialog .field-error")).to_be_visible()
    page.get_by_label("Model").fill("picked")
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.locator(".table tbody tr", has_text="picked@1")).to_have_count(1)

    page.get_by_role("button", name="Timeline").click()
    expect(page.locator(".timeline")).to_contain_text("picked@1")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".head").get_by_text("canceled")).to_be_visible()
    assert service.run(run_id)["status"] == "canceled"


def test_a_tab_that_loses_the_stream_says_so_asks_again_and_is_live_when_it_is_back(tab: Tab, service: Service) -> None:
    tab.expected = "ERR_FAILED"
    page = tab.page
    page.route("**/events", lambda route: route.abort())
    tab.open("#/runs")

    expect(page.get_by_text("Not live")).to_be_visible()
    run_id = service.train(1, "polled")
    expect(page.locator(".table").get_by_text(run_id[-6:])).to_be_visible()
    page.unroute("**/events")

    expect(page.get_by_text("Not live")).to_be_hidden()
    service.ends(run_id)
    expect(page.locator(".table tr", has_text=run_id[-6:]).get_by_text("succeeded")).to_be_visible()


def test_the_list_of_runs_is_filtered_by_its_address(tab: Tab, service: Service) -> None:
    body = {"dataset": "mnist-10k", "recipe": "gan", "name": "to be cancelled", "config": {**SMALL, "steps": 1}}
    with service.client as client:
        run_id = client.post("/train", json=body).json()["id"]
        client.post(f"/train/{run_id}/cancel")
    until(lambda: service.run(run_id)["is_terminal"])
    status = service.run(run_id)["status"]
    page = tab.open("#/runs?recipe=gan")

    expect(page.locator(".table tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Queued").click()
    expect(page.get_by_text("No run is like that")).to_be_visible()
    assert asked(page) == {"recipe": "gan", "status": "queued"}

    page.go_back()
    expect(page.locator(".table tbody tr")).to_contain_text(status)


@pytest.mark.parametrize("view", LIGHT)
def test_a_view_has_no_serious_barrier_in_light_and_wide(tab: Tab, view: str) -> None:
    page = tab.open(view)
    is_whole(page)

    assert tab.barriers() == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_narrow_screen_and_has_no_serious_barrier_in_dark(narrow_tab: Tab, view: str) -> None:
    page = narrow_tab.open(view)
    is_whole(page)

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []


def test_behind_a_proxy_everything_is_asked_for_under_its_prefix(tab: Tab) -> None:
    tab.page.set_extra_http_headers({"X-Forwarded-Prefix": "/gan"})
    paths: list[str] = []
    tab.page.on("request", lambda request: paths.append(request.url.removeprefix(tab.base)))
    page = tab.open("#/studio?seed=1", prefix="/gan")
    drawn(page, ".stage")

    page.get_by_role("link", name="Home").click()
    drawn(page, ".production")

    told = [path for path in paths if not path.startswith(("blob:", "about:"))]
    assert len(told) > 20
    assert [path for path in told if not path.startswith("/gan/")] == []


def test_the_colours_that_were_chosen_stay(tab: Tab) -> None:
    page = tab.open()
    page.get_by_role("button", name="Dark colours").click()

    page.reload()

    expect(page.get_by_role("button", name="Light colours")).to_be_visible()
    assert (
        json.loads(page.evaluate("JSON.stringify(getComputedStyle(document.body).backgroundColor)"))
        == "rgb(15, 17, 21)"
    )
