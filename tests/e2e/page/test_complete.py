"""Complete, as people use it: a hole painted by mouse and finger, four drafts, one that is taken home."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.media.images import Images
from tests.e2e.conftest import SMALL, Service
from tests.e2e.page.conftest import NARROW, PATIENCE_MS, Tab
from tests.e2e.page.test_views import asked, is_whole

pytestmark = pytest.mark.slow

SIDE = 28


@pytest.fixture(scope="module")
def mended(service: Service) -> str:
    """A model that learnt to complete, for a step."""
    body = {
        "recipe": "completion",
        "dataset": "mnist-10k",
        "model": "mended",
        "config": {"extractor": "none", **SMALL, "steps": 1},
    }
    with service.client as client:
        run_id = client.post("/train", json=body).raise_for_status().json()["id"]
    assert service.ends(run_id)["status"] == "succeeded"
    return "mended"


@pytest.fixture
def noise(tmp_path: Path) -> tuple[Path, Images]:
    """A grey picture as large as the model's, whose every pixel can be told from its neighbours."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def open_with(tab: Tab, model: str, picture: Path) -> Page:
    page = tab.open(f"#/complete?model={model}&seed=3")
    page.locator("input[type=file]").first.set_input_files(picture)
    expect(page.locator(".hole canvas").first).to_be_visible()
    return page


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Pull the mouse over the picture, from one pixel of it to another."""
    frame = page.locator(".hole").bounding_box()
    assert frame is not None
    scale = frame["width"] / SIDE
    points = [(frame["x"] + scale * x, frame["y"] + scale * y) for x, y in (begin, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=5)
    page.mouse.up()


def saved(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def pixels_of(png: bytes, mode: str = "L") -> Images:
    pixels: Images = np.asarray(Image.open(io.BytesIO(png)).convert(mode))
    return pixels


def test_a_box_is_painted_by_mouse_filled_four_times_and_one_is_taken_home(
    tab: Tab, mended: str, noise: tuple[Path, Images]
) -> None:
    path, whole = noise
    page = open_with(tab, mended, path)
    expect(page.get_by_role("button", name="Fill the hole")).to_be_disabled()

    page.get_by_role("button", name="Box").click()
    drag(page, (8.5, 8.5), (19.5, 19.5))
    expect(page.get_by_text("18 % of it")).to_be_visible()
    page.get_by_role("button", name="Fill the hole").click()
    expect(page.locator(".draft-list li")).to_have_count(4)
    page.get_by_role("button", name="Draft 3, seed 5").click()
    home = pixels_of(saved(page, "PNG"))

    hole = np.zeros((SIDE, SIDE), np.bool_)
    hole[8:20, 8:20] = True
    assert np.array_equal(home[~hole], whole[~hole])
    assert (home[hole] != whole[hole]).any()
    assert asked(page) == {"model": mended, "seed": "3"}


def test_what_is_shown_can_be_had_by_the_command_that_is_told(
    tab: Tab, mended: str, noise: tuple[Path, Images], tmp_path: Path
) -> None:
    page = open_with(tab, mended, noise[0])
    page.get_by_role("button", name="Brush").click()
    drag(page, (6, 6), (20, 20))
    (tmp_path / "holed.png").write_bytes(saved(page, "With the hole"))

    page.get_by_role("button", name="Copy as", exact=True).click()
    curl, command, python = page.locator(".command pre").all_inner_texts()
    done = subprocess.run(["bash", "-c", curl], cwd=tmp_path, capture_output=True, check=False, timeout=300)

    assert done.returncode == 0, done.stderr
    assert pixels_of((tmp_path / "drafts.png").read_bytes()).shape == (2 * SIDE, 2 * SIDE)
    assert command.startswith(f"ganymede complete holed.png --model {mended} --seed 3 -n 4 ")
    assert f'client.complete("holed.png", model="{mended}", seed=3, n=4)' in python
    known = pixels_of((tmp_path / "holed.png").read_bytes(), "RGBA")[..., 3]
    assert 0 < (known == 0).mean() < 0.5


def test_a_search_can_be_called_off(tab: Tab) -> None:
    page = tab.open("#/complete?model=avatars&seed=3")
    page.get_by_role("button", name="Draw a picture").click()
    page.get_by_role("button", name="Box").click()
    drag(page, (8, 8), (19, 19))
    page.get_by_role("button", name="Fill the hole").click()

    page.locator(".draft-work").get_by_role("button", name="Cancel").click()

    expect(page.locator(".draft-work")).to_have_count(0)
    expect(page.get_by_role("button", name="Fill the hole")).to_be_enabled()
    expect(page.locator(".toast")).to_have_count(0)


PRESS_AT_ONCE = """
(keys) => {
  for (const key of keys) {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
}
"""
PAINTED = """
() => {
  const canvas = document.querySelector(".hole-paint");
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  return Array.from({ length: data.length / 4 }, (_, i) => i).filter((i) => data[4 * i + 3] > 0);
}
"""


def painted(page: Page) -> set[tuple[int, int]]:
    """Columns and rows of the pixels that are painted."""
    return {(place % SIDE, place // SIDE) for place in page.evaluate(PAINTED)}


def press_at_once(page: Page, *keys: str) -> None:
    """Press keys before there is time to draw what any of them did."""
    page.evaluate(PRESS_AT_ONCE, list(keys))


def test_keys_that_come_at_once_each_go_on_from_the_one_before(
    tab: Tab, mended: str, noise: tuple[Path, Images]
) -> None:
    page = open_with(tab, mended, noise[0])
    page.get_by_label("Thickness").fill("0.04")
    page.locator(".hole").focus()
    middle = SIDE // 2

    press_at_once(page, "ArrowRight", "ArrowRight", " ", "ArrowDown", " ")
    expect(page.locator(".hole [role=status]")).to_have_text(f"Column {middle + 3}, row {middle + 2}")
    assert painted(page) == {(middle + 2, middle), (middle + 2, middle + 1)}

    press_at_once(page, "z", "z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert painted(page) == set()


@pytest.fixture
def touched(browser: Browser, service: Service) -> Iterator[Page]:
    """A small screen that is touched."""
    width, height = NARROW
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True, color_scheme="dark")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{service.port}/#/complete?model=digits&seed=1")
    yield page
    context.close()


def test_a_finger_paints_on_a_small_screen(touched: Page) -> None:
    touched.get_by_role("button", name="Draw a picture").tap()
    frame = touched.locator(".hole").bounding_box()
    assert frame is not None

    touched.touchscreen.tap(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)

    expect(touched.get_by_role("button", name="Fill the hole")).to_be_enabled()


def test_a_picture_with_its_hole_fits_a_narrow_screen_and_has_no_serious_barrier(narrow_tab: Tab) -> None:
    page = narrow_tab.open("#/complete?model=digits&seed=3")
    is_whole(page)
    page.get_by_role("button", name="Draw a picture").click()
    expect(page.locator(".hole canvas").first).to_be_visible()

    assert not narrow_tab.is_wider_than_its_screen()
    assert narrow_tab.barriers() == []
