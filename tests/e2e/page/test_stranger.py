"""A stranger's walk through the page alone: from the first picture, over pictures of their own, a run that learns and
one that collapses, to a version that is promoted and taken back.

Each step is a picture, which docs/walk.md shows; WALK_PICTURES=docs/walk keeps them there.
"""

import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests import coloured
from tests.e2e.conftest import Service
from tests.e2e.page.conftest import Tab
from tests.e2e.page.test_catalog import production

pytestmark = pytest.mark.slow

WALK = Path(__file__).resolve().parents[3] / "docs" / "walk.md"
WIDTH_PX = 1080  # of a picture in the docs
STEPS = "600" if "WALK_PICTURES" in os.environ else "240"  # what is to be looked at learns longer
SMALL = {"Width": "32", "Batch size": "16", "Latent dim": "16", "Evaluate images": "100", "Sample every": "20"}
LEARNS = {**SMALL, "Steps": STEPS, "Evaluate every": "120", "Name": "My shapes"}
# The network that judges hardly learns, so the one that draws finds a trick and repeats it.
COLLAPSES = {
    "Generator lr": "0.002",
    "Discriminator lr": "0.000001",
    "Evaluate every": "40",
    "Stop on": "mode_collapse",
}
LONGER = {"Steps": "2000", "Name": "My shapes, out of balance"}
AT_THE_END = {"Publish every steps": "2000"}  # no version before


class Walk:
    """A tab whose steps are kept as pictures."""

    def __init__(self, tab: Tab, folder: Path) -> None:
        self.page, self._tab, self._folder = tab.page, tab, folder
        self.taken: list[str] = []

    def open(self, view: str) -> Page:
        return self._tab.open(view)

    def take(self, name: str) -> None:
        """Keep what is seen now, once all of it is there."""
        expect(self.page.locator("main .waiting, main .is-loading, .toast")).to_have_count(0)
        self.taken.append(f"{len(self.taken) + 1:02}-{name}.webp")
        with Image.open(io.BytesIO(self.page.screenshot())) as seen:
            small = seen.convert("RGB").resize(
                (WIDTH_PX, seen.height * WIDTH_PX // seen.width), Image.Resampling.LANCZOS
            )
        small.save(self._folder / self.taken[-1], quality=80, method=6)


@pytest.fixture
def walk(tab: Tab, tmp_path: Path) -> Walk:
    folder = Path(os.environ.get("WALK_PICTURES", tmp_path)).resolve()
    folder.mkdir(exist_ok=True)
    return Walk(tab, folder)


def test_a_stranger_draws_trains_sees_a_collapse_promotes_and_rolls_back(
    walk: Walk, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "shapes.zip").write_bytes(coloured.folders(per_class=40))

    draw_a_picture(walk)
    add_own_pictures(walk, tmp_path / "shapes.zip")
    run_id = train(walk)
    assert service.run(run_id)["status"] == "succeeded"
    promote(walk, 1)
    assert production(service, "shapes")["version"] == 1
    let_one_collapse(walk, run_id)
    publish_an_earlier_checkpoint(walk)
    promote(walk, 2)
    assert production(service, "shapes")["version"] == 2
    roll_back(walk)
    assert (production(service, "shapes")["version"], production(service, "shapes")["previous"]) == (1, 2)

    assert walk.taken == re.findall(r"\(walk/(.+?)\)", WALK.read_text())


def go_to(page: Page, view: str) -> None:
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()


def draw_a_picture(walk: Walk) -> None:
    page = walk.open("")
    expect(page.locator(".production .picture:not(.is-loading) img")).to_be_visible()
    walk.take("home")
    go_to(page, "Studio")
    page.get_by_role("button", name="7", exact=True).click()
    expect(page.locator(".caption")).to_contain_text("7")
    walk.take("studio")


def add_own_pictures(walk: Walk, archive: Path) -> None:
    page = walk.page
    go_to(page, "Data")
    page.get_by_role("button", name="Add pictures").click()
    page.locator("dialog input[type=file]").set_input_files(archive)
    page.get_by_label("Size").select_option("32")
    walk.take("upload")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("link", name="Look at it").click()
    expect(page.locator(".plan")).to_contain_text("Recipe")
    walk.take("dataset")


def open_groups(page: Page) -> None:
    for title in ("When it ends, and what is published", "How it learns"):
        if page.locator("details", has_text=title).get_attribute("open") is None:
            page.get_by_text(title).click()


def fill(page: Page, texts: dict[str, str]) -> None:
    for label, text in texts.items():
        page.get_by_label(label, exact=True).fill(text)


def train(walk: Walk) -> str:
    """Fill in the form, watch the run until it has ended; its id."""
    page = walk.page
    page.get_by_role("link", name="Change it, and start").click()
    page.get_by_role("button", name="cgan dcgan, the label").click()
    open_groups(page)
    fill(page, LEARNS | AT_THE_END)
    page.get_by_role("heading", name="New run").scroll_into_view_if_needed()
    expect(page.get_by_role("region", name="What it will be")).to_contain_text(STEPS)
    walk.take("new-run")
    page.get_by_role("button", name="Start training").click()

    expect(page.locator(".scrubber .picture:not(.is-loading) img")).to_be_visible()
    expect(page.locator(".u-over").first).to_be_visible()
    early = page.locator(".scrubber img").first.get_attribute("src")
    walk.take("it-learns")
    expect(page.locator(".head").get_by_text("succeeded")).to_be_visible()
    expect(page.locator(".scrubber img").first).not_to_have_attribute("src", str(early))
    page.get_by_label("Real pictures beside it").check()
    expect(page.locator(".scrubber-real .picture:not(.is-loading) img")).to_be_visible()
    walk.take("it-has-learnt")
    return page.url.partition("#/runs/")[2].partition("?")[0]


def promote(walk: Walk, version: int) -> None:
    page = walk.page
    go_to(page, "Models")
    page.locator(".models").get_by_role("link", name="shapes", exact=True).click()
    page.get_by_label(f"Version {version}").get_by_role("button", name="Promote").click()
    expect(page.locator("dialog .picture:not(.is-loading) img")).to_have_count(version)  # of the old one, too
    if version == 2:
        walk.take("promote")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.locator(".moves li")).to_have_count(version)


def let_one_collapse(walk: Walk, like: str) -> None:
    page = walk.open(f"#/runs/{like}")
    page.get_by_role("link", name="New run like this").click()
    open_groups(page)
    page.get_by_label("Stop action").select_option("pause")
    fill(page, COLLAPSES | LONGER | AT_THE_END)
    page.get_by_role("button", name="Start training").click()
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("Mode collapse")
    expect(banner).to_contain_text("The pictures have become alike")
    expect(page.locator(".head").get_by_text("paused")).to_be_visible()
    walk.take("collapse")


def publish_an_earlier_checkpoint(walk: Walk) -> None:
    page = walk.page
    page.get_by_role("link", name="Publish an earlier checkpoint").click()
    page.get_by_role("button", name="Publish", exact=True).last.click()
    expect(page.get_by_label("Model")).to_have_value("shapes")
    walk.take("publish")
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.locator(".table tbody tr", has_text="shapes@2")).to_have_count(1)


def roll_back(walk: Walk) -> None:
    page = walk.page
    page.get_by_label("Version 1").get_by_role("button", name="Roll back").click()
    expect(page.locator("dialog .picture:not(.is-loading) img")).to_have_count(2)
    walk.take("roll-back")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator(".moves li")).to_have_count(3)
    walk.take("it-is-back")
