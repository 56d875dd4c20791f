"""GET /train/{id}/checkpoints/{step}/nearest: the sheet or its facts, and clear words where there is none."""

import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image

from core.media.images import to_webp
from core.runs import Run

DISTANCES = {"count": 48, "least": 0.5, "fifth_percentile": 0.75, "median": 1.5}
PAIR = {"seed": 7, "label": 1, "distance": 0.5, "ratio": 0.25, "index": 12, "real_label": None}
FACTS = {"schema": 1, "pairs": [PAIR], "columns": 1, "fakes": DISTANCES, "reals": DISTANCES, "compared": 96}
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)


@pytest.fixture
def judged(idle_run: Run) -> Run:
    """A run with the sheets of three steps, one of which a second branch has, too."""
    idle_run.nearest.mkdir()
    for place in ("0-100", "0-200", "0-300", "1-200"):
        (idle_run.nearest / f"{place}.webp").write_bytes(to_webp(PIXELS if place == "1-200" else PIXELS[::-1]))
        (idle_run.nearest / f"{place}.json").write_text(json.dumps({**FACTS, "images": 96, "extractor": "classifier"}))
    return idle_run


async def ask(api: httpx.AsyncClient, run: str, step: str, accept: str = "*/*", **headers: str) -> httpx.Response:
    return await api.get(f"/train/{run}/checkpoints/{step}/nearest", headers={"Accept": accept, **headers})


async def test_a_sheet_is_a_webp_or_a_png_of_the_same_pixels(api: httpx.AsyncClient, judged: Run) -> None:
    answers = [await ask(api, judged.id, "200", accept) for accept in ("*/*", "image/png", "image/avif,image/webp,*/*")]

    assert [answer.headers["Content-Type"] for answer in answers] == ["image/webp", "image/png", "image/webp"]
    for answer in answers:
        assert (np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")) == PIXELS).all()
        assert answer.headers["Vary"] == "Accept"


async def test_the_facts_name_the_place_and_the_sheet(api: httpx.AsyncClient, judged: Run) -> None:
    newest, first = [(await ask(api, judged.id, step, "application/json")).json() for step in ("latest", "0-100")]

    assert (newest["branch"], newest["step"], newest["run"]) == (1, 200, judged.id)
    assert (first["pairs"], first["reals"]["median"]) == ([PAIR], 1.5)
    assert first["sheet_url"] == f"/train/{judged.id}/checkpoints/0-100/nearest"


async def test_a_place_never_changes_and_a_step_may(api: httpx.AsyncClient, judged: Run) -> None:
    place, step = await ask(api, judged.id, "0-100"), await ask(api, judged.id, "200")
    known = await ask(api, judged.id, "0-100", **{"If-None-Match": place.headers["ETag"]})

    assert "immutable" in place.headers["Cache-Control"]
    assert step.headers["Cache-Control"] == "no-cache"
    assert step.headers["Content-Location"].endswith("/checkpoints/1-200/nearest")
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("step", "status", "code", "told"),
    [
        ("150", 404, "nearest_not_found", "0-300, 1-200"),
        ("2-200", 404, "nearest_not_found", "0-100"),
        ("0", 404, "nearest_not_found", "0-100"),
        ("1" * 30, 422, "invalid_request", "step"),
        ("best", 422, "invalid_request", "step"),
        ("-1", 422, "invalid_request", "step"),
        ("..%2F..", 404, "not_found", ""),
    ],
)
async def test_a_step_that_is_not_there_is_told_with_those_that_are(
    api: httpx.AsyncClient, judged: Run, step: str, status: int, code: str, told: str
) -> None:
    answer = await ask(api, judged.id, step)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert told in answer.json()["detail"]


async def test_a_run_without_sheets_says_so(api: httpx.AsyncClient, idle_run: Run) -> None:
    old = await ask(api, idle_run.id, "latest")
    html = await ask(api, idle_run.id, "latest", "text/html")
    await api.delete(f"/train/{idle_run.id}")
    gone = await ask(api, idle_run.id, "latest")

    assert (old.status_code, old.json()["code"]) == (404, "nearest_not_found")
    assert "it was not evaluated, or by a build before this one" in old.json()["detail"]
    assert html.status_code == 406
    assert (gone.status_code, gone.json()["code"]) == (404, "run_not_found")
