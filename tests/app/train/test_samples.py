"""/train/{id}/samples: the grids a run drew, and which of them a cache may keep."""

import httpx
import pytest

from core.runs import Run
from tests.app.conftest import draw


async def test_samples_are_listed_oldest_first_in_pages(api: httpx.AsyncClient, idle_run: Run) -> None:
    draw(idle_run, "0-25", "0-100", "0-50", "1-75")
    (idle_run.samples / "notes.webp").write_text("no grid")

    first = (await api.get(f"/train/{idle_run.id}/samples", params={"limit": 3})).json()
    rest = (await api.get(f"/train/{idle_run.id}/samples", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [(entry["branch"], entry["step"]) for entry in first["data"]] == [(0, 25), (0, 50), (0, 100)]
    assert [(entry["branch"], entry["step"]) for entry in rest["data"]] == [(1, 75)]
    assert rest["next_cursor"] is None
    assert first["data"][0] == {
        "step": 25,
        "branch": 0,
        "url": f"/train/{idle_run.id}/samples/0-25",
        "bytes": 12,
        "at": "2026-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "cursor=x", "cursor=../../1-2", "page=2"])
async def test_a_page_of_samples_that_cannot_be_is_refused(api: httpx.AsyncClient, idle_run: Run, query: str) -> None:
    answer = await api.get(f"/train/{idle_run.id}/samples?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_grid_that_is_named_whole_is_kept_for_ever_and_others_are_asked_for_anew(
    api: httpx.AsyncClient, idle_run: Run
) -> None:
    draw(idle_run, "0-25", "0-50", "1-50")
    address = f"/train/{idle_run.id}/samples"

    answers = {name: await api.get(f"{address}/{name}") for name in ("0-50", "50", "latest", "25")}

    assert {name: answer.text for name, answer in answers.items()} == {
        "0-50": "picture 0-50",
        "50": "picture 1-50",
        "latest": "picture 1-50",
        "25": "picture 0-25",
    }
    assert {answer.headers["Content-Type"] for answer in answers.values()} == {"image/webp"}
    assert answers["0-50"].headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert {answers[name].headers["Cache-Control"] for name in ("50", "latest", "25")} == {"no-cache"}
    assert answers["latest"].headers["Content-Location"] == f"{address}/1-50"


async def test_a_grid_that_is_known_is_not_sent_again(api: httpx.AsyncClient, idle_run: Run) -> None:
    draw(idle_run, "0-25")
    address = f"/train/{idle_run.id}/samples/latest"
    etag = (await api.head(address)).headers["ETag"]

    same = await api.get(address, headers={"If-None-Match": etag})
    draw(idle_run, "0-50")
    other = await api.get(address, headers={"If-None-Match": etag})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert (other.status_code, other.text) == (200, "picture 0-50")


async def test_a_grid_that_is_not_there_is_told_with_what_is(api: httpx.AsyncClient, idle_run: Run) -> None:
    none = await api.get(f"/train/{idle_run.id}/samples/latest")
    draw(idle_run, "0-25", "0-50")
    wrong = await api.get(f"/train/{idle_run.id}/samples/30")

    assert (none.status_code, none.json()["code"]) == (404, "sample_not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "sample_not_found")
    assert "nearest: 25, 50" in wrong.json()["detail"]


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("..%2F..%2Fspec.json", 404),
        ("..%2Flog", 404),
        ("%2e%2e", 422),
        ("0-25.webp", 422),
        ("0-25%00", 400),
        ("%D9%A3", 422),
        ("newest", 422),
        ("-1", 422),
        ("9" * 100, 422),
        ("9" * 101, 422),
    ],
)
async def test_only_names_of_grids_are_ever_opened(
    api: httpx.AsyncClient, idle_run: Run, step: str, status: int
) -> None:
    draw(idle_run, "0-25")

    answer = await api.get(f"/train/{idle_run.id}/samples/{step}")

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
