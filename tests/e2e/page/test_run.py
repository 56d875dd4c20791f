"""The view of a run: curves beside pictures under one cursor, what happened, what it means. In a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs import Run
from core.store import files
from tests.e2e.conftest import Service
from tests.e2e.page.conftest import Tab
from tests.e2e.page.lived import at, lived_run, measured

pytestmark = pytest.mark.slow

STEPS = 1000
TABS = ["log", "config", "copies"]


@pytest.fixture(scope="module")
def run(service: Service) -> Run:
    """One that the tests of this file look at."""
    return lived_run(
        service.home / "store", "Digits with a very long name that somebody thought of on a Friday afternoon", STEPS
    )


def shown(page: Page) -> int:
    """The step whose grid is shown; waits until there is one."""
    expect(page.locator(".scrubber .picture:not(.is-loading) img")).to_be_visible()
    return int(page.locator(".scrubber h3 .num").inner_text().replace(",", ""))


def middle_of_the_first_chart(page: Page) -> tuple[float, float]:
    over = page.locator(".plot .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_scrubber_goes_to_every_grid_and_to_exactly_that_one(tab: Tab, run: Run) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url) if "/samples/" in request.url else None)
    page = tab.open(f"#/runs/{run.id}")

    assert shown(page) == STEPS
    for expected in (990, 980):
        page.get_by_label("Grid", exact=True).press("ArrowLeft")
        expect(page.locator(".scrubber h3")).to_contain_text(str(expected))
        shown(page)
        assert asked[-1].endswith(f"/samples/0-{expected}")
    page.get_by_role("button", name="First grid").click()
    expect(page.locator(".scrubber-head")).to_contain_text("1 of 100")
    assert page.url.endswith("at=0-10")

    page.reload()
    assert shown(page) == 10
    page.get_by_label("Real pictures beside it").check()
    expect(page.locator(".scrubber-real .picture:not(.is-loading) img")).to_be_visible()


def test_a_chart_under_the_pointer_moves_the_pictures_and_a_click_keeps_them_there(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")
    shown(page)
    x, y = middle_of_the_first_chart(page)

    page.mouse.move(x, y)
    expect(page.locator(".scrubber h3")).not_to_contain_text("1,000")
    assert 450 <= shown(page) <= 550
    page.mouse.move(5, 5)
    expect(page.locator(".scrubber h3")).to_contain_text("1,000")

    page.mouse.click(x, y)
    page.mouse.move(5, 5)
    expect(page).to_have_url(re.compile(r"at=0-[45]\d0"))
    assert 450 <= shown(page) <= 550


@pytest.mark.parametrize("x", ["step", "images_seen", "time"])
def test_what_happened_stands_over_the_curves_and_leads_to_the_pictures_of_then(tab: Tab, run: Run, x: str) -> None:
    page = tab.open(f"#/runs/{run.id}?x={x}")
    shown(page)

    page.get_by_role("button", name="Published as lived@1").click()

    expect(page.locator(".scrubber h3")).to_contain_text("500")
    expect(page.get_by_role("button", name="pictures of a class are 8 times more alike")).to_be_visible()


def test_the_banner_says_in_words_what_is_wrong_with_numbers_and_what_helps(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")
    banner = page.get_by_role("alert")

    expect(banner).to_contain_text("Mode collapse")
    expect(banner).to_contain_text("The pictures have become alike")
    expect(banner).to_contain_text("0.121")
    expect(banner.get_by_role("link", name="New run with this")).to_have_attribute(
        "href", re.compile(rf"#/new\?from={run.id}&config\.discriminator_lr=0\.0001")
    )


def test_the_numbers_behind_a_chart_can_be_read(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")

    page.get_by_text("How far drawn pictures are from real ones").click()

    row = page.get_by_role("figure", name="FD").get_by_role("row", name="real")
    expect(row).to_contain_text("2.10")


def test_tabs_show_the_log_the_events_and_every_number(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}?tab=log")

    expect(page.locator(".log")).to_contain_text("line 39 of the log")
    page.get_by_role("button", name="Config").click()
    expect(page.get_by_role("row", name="sample every")).to_contain_text("10")
    page.get_by_role("button", name="Events").click()
    expect(page.locator(".events")).to_contain_text("Published lived@1 of step 500")


def test_the_fakes_nearest_to_a_training_picture_are_shown_beside_it_with_what_real_pictures_get(
    tab: Tab, run: Run
) -> None:
    page = tab.open(f"#/runs/{run.id}")
    page.get_by_role("button", name="Copies?").click()
    page.get_by_label("Evaluated at").select_option("step 500")

    expect(page.get_by_text("Look at the first ones")).to_be_visible()
    expect(page.locator(".copies .notice")).to_contain_text("1 is nearer to a training picture than any real one")
    expect(page.locator(".pairs li")).to_have_count(2)
    expect(page.get_by_role("img", name="seed 7 beside picture 1")).to_have_css("background-image", re.compile("blob:"))
    expect(page.get_by_role("row", name="Real pictures")).to_contain_text("1.00")
    page.reload()
    expect(page.get_by_label("Evaluated at")).to_have_value("500")


def test_when_to_stop_is_told_by_the_best_score_and_the_evaluations_since(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")
    card = page.get_by_role("region", name="When to stop")

    expect(card).to_contain_text("of step 700. 6 evaluations since brought none better.")
    expect(card).to_contain_text("With a patience of 5 it would have ended at step 950.")
    card.get_by_role("link", name="New run with that patience").click()
    expect(page.get_by_label("Stop patience")).to_have_value("5")


def test_new_numbers_and_grids_appear_while_one_looks(tab: Tab, service: Service) -> None:
    watched = lived_run(service.home / "store", "grows", 100)
    page = tab.open(f"#/runs/{watched.id}")
    assert shown(page) == 100
    expect(page.get_by_text("All well")).to_be_visible()

    point = {"branch": 0, "step": 110, "attempt": 1, "images_seen": 1760, "at": at(110)}
    files.append_json_line(watched.metrics_file, {**point, **measured(110, 100), "g_loss": 7.77})
    (watched.samples / "0-110.webp").write_bytes((watched.samples / "0-100.webp").read_bytes())
    watched.log_event("metrics", {**point, "metrics": {"g_loss": 7.77}})
    watched.log_event("sample", {"branch": 0, "step": 110})

    expect(page.locator(".scrubber-head")).to_contain_text("11 of 11")
    expect(page.get_by_role("figure", name="Losses").locator(".legend")).to_contain_text("7.77")


@pytest.fixture(scope="module")
def other(service: Service) -> Run:
    return lived_run(service.home / "store", "shorter", 200)


def test_runs_that_are_marked_are_compared_by_curves_options_and_pictures_of_one_step(
    tab: Tab, run: Run, other: Run
) -> None:
    page = tab.open("#/runs")
    for each in (run, other):
        page.get_by_label(f"{each.id[-6:]} to compare").check()
    page.get_by_role("link", name="Compare them").click()

    expect(page).to_have_url(re.compile(f"#/compare.runs={run.id}%2C{other.id}"))
    expect(page.get_by_role("figure", name="KID").locator(".legend li")).to_have_count(2)
    expect(page.get_by_role("row", name="steps")).to_contain_text("400")
    expect(page.get_by_role("row", name="batch size")).to_have_count(0)
    expect(page.locator(".side-by-side figcaption")).to_contain_text(["step 1,000", "step 200"])
    page.get_by_label("Step", exact=True).fill("10")
    expect(page.locator(".side-by-side figcaption")).to_contain_text(["step 110", "step 110"])
    page.get_by_role("button", name="From checkpoints").click()
    expect(page.get_by_text("No checkpoint is kept")).to_have_count(2)
    page.reload()
    page.get_by_label("All options").check()
    expect(page.get_by_role("row", name="batch size")).to_be_visible()
    page.get_by_role("button", name="Leave out shorter").click()
    expect(page.get_by_text("One run alone")).to_have_count(0)
    expect(page.locator(".compared .card")).to_have_count(1)


def test_the_comparison_fits_a_narrow_screen_and_has_no_serious_barrier(narrow_tab: Tab, run: Run, other: Run) -> None:
    page = narrow_tab.open(f"#/compare?runs={run.id},{other.id}")
    expect(page.locator(".side-by-side .picture:not(.is-loading) img")).to_have_count(2)
    expect(page.locator(".u-over").first).to_be_visible()

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []


def test_a_deleted_run_is_gone_and_the_list_is_shown(tab: Tab, service: Service) -> None:
    doomed = lived_run(service.home / "store", "doomed", 20)
    page = tab.open(f"#/runs/{doomed.id}")

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page).to_have_url(re.compile(r"#/runs$"))
    expect(page.get_by_text("Every training that was asked for")).to_be_visible()
    with service.client as client:
        assert client.get(f"/train/{doomed.id}").status_code == 404


def test_a_run_that_there_is_not_is_told_so(tab: Tab) -> None:
    tab.expected = "404"
    page = tab.open("#/runs/run_00000000000000000000")

    expect(page.get_by_role("alert").first).to_contain_text("run_not_found")


@pytest.mark.parametrize("which", TABS)
def test_it_fits_a_narrow_screen_and_has_no_serious_barrier(narrow_tab: Tab, run: Run, which: str) -> None:
    page = narrow_tab.open(f"#/runs/{run.id}?tab={which}")
    shown(page)
    expect(page.locator("main .waiting")).to_have_count(0)

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []


def test_it_has_no_serious_barrier_in_light_and_wide(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")
    shown(page)

    assert tab.barriers() == []


def test_a_new_run_is_a_few_clicks_and_what_it_will_be_is_told_before(tab: Tab, service: Service) -> None:
    page = tab.open("#/runs")
    page.get_by_role("link", name="New run").click()

    plan = page.get_by_role("region", name="What it will be")
    expect(plan).to_contain_text("sngan: grey, at most 32 px")
    page.get_by_role("button", name="cgan dcgan, the label").click()
    page.get_by_label("Steps", exact=True).fill("7")
    page.get_by_label("Name", exact=True).fill("by hand")
    expect(plan.locator("div", has_text="Steps").last).to_contain_text("7")
    expect(page.get_by_label("Batch size", exact=True)).to_have_attribute("placeholder", re.compile(r"Auto: \d+"))
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    run_id = page.url.rpartition("/")[2]
    body = service.run(run_id)
    with service.client as client:
        client.post(f"/train/{run_id}/cancel")
    assert (body["recipe"], body["dataset"], body["config"], body["name"]) == (
        "cgan",
        "mnist-10k",
        {"steps": 7},
        "by hand",
    )


def test_an_error_stands_at_its_field_and_goes_when_the_field_is_right(tab: Tab) -> None:
    tab.expected = "422"
    page = tab.open("#/new?config.steps=0&config.generator_lr=fast&config.batch_size=8")
    steps, rate = page.locator("[data-path='config.steps']"), page.locator("[data-path='config.generator_lr']")

    expect(steps.get_by_role("alert")).to_contain_text("greater than or equal to 1")
    expect(rate.get_by_role("alert")).to_be_visible()
    expect(page.locator("[data-path='config.batch_size']").get_by_role("alert")).to_have_count(0)
    expect(steps.get_by_label("Steps")).to_have_attribute("aria-invalid", "true")

    steps.get_by_label("Steps").fill("100")
    rate.get_by_label("Generator lr").fill("")
    expect(page.get_by_role("region", name="What it will be")).to_contain_text("sngan")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_advice_of_a_run_fills_the_form_with_that_run_and_the_one_change(tab: Tab, run: Run) -> None:
    page = tab.open(f"#/runs/{run.id}")
    page.get_by_role("link", name="New run with this").click()

    expect(page.get_by_label("Discriminator lr")).to_have_value("0.0001")
    expect(page.get_by_label("Model", exact=True)).to_have_value("lived")
    expect(page.locator(".is-recipes [aria-pressed=true]")).to_contain_text("cgan")


def test_the_form_fits_a_narrow_screen_and_has_no_serious_barrier(narrow_tab: Tab) -> None:
    narrow_tab.expected = "422"
    page = narrow_tab.open("#/new?config.steps=0")
    expect(page.get_by_role("alert").first).to_be_visible()
    page.get_by_text("How it learns").click()

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []
