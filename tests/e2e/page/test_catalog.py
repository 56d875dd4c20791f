"""Models, data, the system, runs beside each other: what is there, seen and managed in a real browser."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SMALL, Service
from tests.e2e.page.conftest import Tab
from tests.sounds import two_tones

pytestmark = pytest.mark.slow

VIEWS = [
    "#/models",
    "#/models/drawn",
    "#/models/drawn?promote=1",
    "#/data",
    "#/data/mnist-10k?label=7",
    "#/data?add=1",
    "#/system",
    *("#/models/read", "#/data/tones", "#/studio?model=spoken&seed=1"),  # pictures that are read, and sounds
]
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
    """Models that draw, that read pictures and that make sounds; they have hardly learnt."""
    imported(service, MODEL, 1, 2)
    few = {"extractor": "none", "ema_half_life": 0, **SMALL}
    with service.client as client:
        client.post("/datasets", data={"name": "tones"}, files={"file": two_tones()}).raise_for_status()
        for recipe, dataset, model, steps in (("ssgan", "mnist-10k", "read", 1), ("cgan", "tones", "spoken", 20)):
            wanted = {"recipe": recipe, "dataset": dataset, "model": model, "config": {**few, "steps": steps}}
            run_id = client.post("/train", json=wanted).raise_for_status().json()["id"]
            assert service.ends(run_id)["status"] == "succeeded"
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


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def pictures(count: int) -> dict[str, bytes]:
    """Small pictures in two classes, each another grey."""
    found = {}
    for i in range(count):
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), (i, i, i)).save(buffer, "PNG")
        found[f"{'dark' if i < count / 4 else 'light'}/{i}.png"] = buffer.getvalue()
    return found


def test_an_upload_tells_which_files_are_bad_and_what_training_would_do_with_the_rest(
    tab: Tab, service: Service, tmp_path: Path
) -> None:
    path = archive(tmp_path / "Some Greys.zip", {**pictures(40), "light/broken.png": b"no picture"})
    page = tab.open("#/data")
    page.get_by_role("button", name="Add pictures").click()

    page.locator("dialog input[type=file]").set_input_files(path)
    expect(page.get_by_label("Name")).to_have_value("some-greys")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bad-files")).to_contain_text("light/broken.png")
    expect(page.locator(".report")).to_contain_text("40 of 41")
    page.get_by_role("link", name="Look at it").click()

    are_drawn(page, ".preview", 1)
    expect(page.locator(".balance li", has_text="dark")).to_contain_text("10")
    expect(page.locator(".plan")).to_contain_text("Recipe")
    page.get_by_role("link", name="Change it, and start").click()
    expect(page).to_have_url(re.compile(r"#/new\?dataset=some-greys"))


def test_a_file_or_a_name_that_is_refused_is_told_at_its_field_and_can_be_mended(
    tab: Tab, service: Service, tmp_path: Path
) -> None:
    tab.expected = "422"
    (tmp_path / "words.txt").write_text("no pictures")
    page = tab.open("#/data?add=1")

    page.locator("dialog input[type=file]").set_input_files(tmp_path / "words.txt")
    page.get_by_label("Name").fill("Not A Name")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#upload-name-help")).to_contain_text("lower-case letters")

    page.get_by_label("Name").fill("words")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("is text")


def test_an_upload_that_is_cancelled_leaves_nothing(tab: Tab, service: Service, tmp_path: Path) -> None:
    path = archive(tmp_path / "never.zip", pictures(8))
    page = tab.open("#/data?add=1")
    expect(page.locator(".model").first).to_be_visible()
    page.route("**/datasets", lambda route: None)  # it is on its way for ever

    page.locator("dialog input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Send").click()
    page.locator(".sending").get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    page.unroute("**/datasets")
    with service.client as client:
        assert client.get("/datasets/never").status_code == 404


def test_a_dataset_is_deleted_after_a_question(tab: Tab, service: Service, tmp_path: Path) -> None:
    path = archive(tmp_path / "gone.zip", pictures(8))
    with service.client as client:
        answer = client.post("/datasets", data={"name": "gone"}, files={"file": path.read_bytes()})
        assert answer.status_code == 201, answer.text
    page = tab.open("#/data/gone")

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the dataset").click()

    expect(page.locator(".model", has_text="mnist-10k")).to_be_visible()
    expect(page.locator(".model", has_text="gone")).to_have_count(0)


def test_a_picture_that_is_dropped_is_shown_with_the_classes_that_it_may_be_of(
    tab: Tab, models: Service, tmp_path: Path
) -> None:
    Image.new("L", (40, 30), 90).save(tmp_path / "grey.png")
    page = tab.open("#/models/read")

    page.get_by_label("Choose pictures").set_input_files(tmp_path / "grey.png")

    expect(page.locator(".named")).to_contain_text("grey.png")
    expect(page.locator(".chances li")).to_have_count(5)
    expect(page.locator(".chances li").first).to_contain_text("%")


def test_a_sound_is_taken_home_as_one(tab: Tab, models: Service) -> None:
    page = tab.open("#/studio?model=spoken&seed=1")
    expect(page.get_by_text("time runs to the right")).to_be_visible()

    with page.expect_download() as saved:
        page.get_by_role("button", name="WAV").click()

    assert Path(saved.value.path()).read_bytes()[:4] == b"RIFF"


def test_the_system_shows_its_worker_what_is_in_memory_and_what_hinders_it(tab: Tab, models: Service) -> None:
    page = tab.open("#/system")

    expect(page.get_by_role("region", name="Workers")).to_contain_text("idle")
    expect(page.get_by_role("region", name="Drawing")).to_contain_text("digits@1")
    expect(page.get_by_text("Nothing hinders it")).to_be_visible()
    page.get_by_role("button", name="What each run keeps").click()
    expect(page.get_by_role("table", name="Runs by size")).to_contain_text("ssgan on mnist-10k")
