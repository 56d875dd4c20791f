"""/train/{id}/metrics: the numbers a run reported, as pages and scripts read them."""

import csv
import io
import json

import httpx
import pytest

from core.runs import Run
from tests.app.conftest import report


async def test_a_history_comes_in_columns(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(10, 40, 10), g_loss=1.5, d_loss=None)
    report(idle_run, range(30, 60, 10), attempt=2, g_loss=2.5, fid=9)

    answer = await api.get(f"/train/{idle_run.id}/metrics")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {
        "x": "step",
        "columns": ["g_loss", "d_loss", "fid"],
        "data": [[10, 20, 30, 40, 50], [1.5, 1.5, 2.5, 2.5, 2.5], [None] * 5, [None, None, 9, 9, 9]],
        "attempts": [{"attempt": 1, "first_step": 10}, {"attempt": 2, "first_step": 30}],
        "branches": [{"branch": 0, "first_step": 10, "last_step": 50, "cut": 0}],
        "downsampled": None,
    }


async def test_a_rollback_is_marked_and_what_it_cut_off_can_be_asked_for(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(10, 50, 10), g_loss=1)
    report(idle_run, range(30, 60, 10), branch=1, g_loss=2)

    curve = (await api.get(f"/train/{idle_run.id}/metrics")).json()
    left_behind = (await api.get(f"/train/{idle_run.id}/metrics", params={"branch": 0})).json()

    assert curve["data"] == [[10, 20, 30, 40, 50], [1, 1, 2, 2, 2]]
    assert curve["branches"] == [
        {"branch": 0, "first_step": 10, "last_step": 40, "cut": 2},
        {"branch": 1, "first_step": 30, "last_step": 50, "cut": 0},
    ]
    assert left_behind["data"] == [[10, 20, 30, 40], [1, 1, 1, 1]]


async def test_x_may_be_images_or_time(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(1000, 4000, 1000), g_loss=1)

    images = (await api.get(f"/train/{idle_run.id}/metrics", params={"x": "images_seen"})).json()
    time = (await api.get(f"/train/{idle_run.id}/metrics", params={"x": "time"})).json()

    assert (images["x"], images["data"][0]) == ("images_seen", [64_000, 128_000, 192_000])
    assert (time["x"], time["data"][0]) == ("time", [1767225661, 1767225662, 1767225663])


async def test_columns_can_be_chosen_by_commas_or_one_by_one(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(3), a=1, b=2, c=3)

    answers = [
        (await api.get(f"/train/{idle_run.id}/metrics?columns={columns}")).json()
        for columns in ("c,a", "c&columns=a", "c,c,a,", "")
    ]

    assert [answer["columns"] for answer in answers] == [["c", "a"]] * 3 + [["a", "b", "c"]]
    assert [answer["data"][1][0] for answer in answers] == [3, 3, 3, 1]


async def test_a_run_without_points_has_no_columns(api: httpx.AsyncClient, idle_run: Run) -> None:
    for columns in ("", "g_loss"):
        answer = await api.get(f"/train/{idle_run.id}/metrics", params={"columns": columns})

        assert (answer.status_code, answer.json()["columns"], answer.json()["data"]) == (200, [], [[]])
    table = await api.get(f"/train/{idle_run.id}/metrics", params={"format": "csv"})
    assert table.text == "step\r\n"


@pytest.mark.parametrize(
    ("query", "pointer", "told"),
    [
        ("columns=a,nope", "columns", "there is no metric 'nope'; this run reports: a, b"),
        ("columns=step", "columns", "this run reports: a, b"),
        ("max_points=9", "max_points", "10"),
        ("max_points=100001", "max_points", "100000"),
        ("x=epoch", "x", "'step', 'images_seen' or 'time'"),
        ("after_step=-1", "after_step", "0"),
        ("after_step=99999999999999999999", "after_step", "less than"),
        ("format=xml", "format", "'json' or 'csv'"),
        ("colums=a", "colums", "does not exist"),
    ],
)
async def test_what_cannot_be_asked_of_a_history_is_refused(
    api: httpx.AsyncClient, idle_run: Run, query: str, pointer: str, told: str
) -> None:
    report(idle_run, range(3), a=1, b=2)

    answer = await api.get(f"/train/{idle_run.id}/metrics?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert told in answer.json()["errors"][0]["detail"]


async def test_a_long_history_is_thinned_and_a_spike_stays(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(3000), loss=1)
    report(idle_run, range(3000, 3001), loss=99)
    report(idle_run, range(3001, 5000), loss=1)

    thin = (await api.get(f"/train/{idle_run.id}/metrics", params={"max_points": 100})).json()
    default = (await api.get(f"/train/{idle_run.id}/metrics")).json()

    assert thin["downsampled"] == {"points": 5000, "kept": len(thin["data"][0]), "method": "minmax"}
    assert len(thin["data"][0]) <= 100
    assert (thin["data"][0][0], thin["data"][0][-1]) == (0, 4999)
    assert 99 in thin["data"][1]
    assert len(default["data"][0]) <= 1000


async def test_a_page_can_ask_for_what_it_has_not(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(10, 100, 10), loss=1)
    address = f"/train/{idle_run.id}/metrics"

    seen = (await api.get(address, params={"after_step": 70})).json()["data"][0]
    report(idle_run, range(100, 120, 10), loss=1)
    more = (await api.get(address, params={"after_step": seen[-1] // 1})).json()["data"][0]

    assert (seen, more) == ([80, 90], [100, 110])


async def test_a_table_has_every_point_and_reads_back(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(1, 2501), loss=0.1, **{'odd "name", this': 2})
    report(idle_run, range(2501, 2502), fid=3)

    answer = await api.get(f"/train/{idle_run.id}/metrics", headers={"Accept": "text/csv"})
    few = await api.get(f"/train/{idle_run.id}/metrics", params={"format": "csv", "max_points": 10})

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["step", "loss", 'odd "name", this', "fid"]
    assert rows[1] == ["1", "0.1", "2.0", ""]
    assert rows[-1] == ["2501", "", "", "3.0"]
    assert (len(rows), answer.text.count("\r\n")) == (2502, 2502)
    assert len(few.text.splitlines()) <= 11


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "application/json"),
        ("text/csv", 200, "text/csv; charset=utf-8"),
        ("application/json;q=0.1, text/csv", 200, "text/csv; charset=utf-8"),
        ("text/*", 200, "text/csv; charset=utf-8"),
        ("image/png", 406, "application/problem+json"),
    ],
)
async def test_the_form_is_chosen_by_accept(
    api: httpx.AsyncClient, idle_run: Run, accept: str, status: int, kind: str
) -> None:
    report(idle_run, range(3), loss=1)

    answer = await api.get(f"/train/{idle_run.id}/metrics", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)


async def test_a_poll_that_would_see_nothing_new_costs_nothing(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(3), loss=1)
    address = f"/train/{idle_run.id}/metrics"
    first = await api.get(address)
    known = {"If-None-Match": first.headers["ETag"]}

    again = await api.get(address, headers=known)
    other = await api.get(address, headers=known, params={"x": "time"})
    report(idle_run, range(3, 4), loss=1)
    later = await api.get(address, headers=known)

    assert first.headers["ETag"].startswith('W/"')
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (other.status_code, later.status_code) == (200, 200)
    assert later.headers["ETag"] != first.headers["ETag"]


async def test_what_is_no_number_never_reaches_json(api: httpx.AsyncClient, idle_run: Run) -> None:
    idle_run.metrics_file.write_text(
        '{"step": 1, "a": NaN, "b": "NaN", "c": 1e999}\n{"step": 2, "a": 1, "b": 1, "c": 1}\n'
    )

    answer = await api.get(f"/train/{idle_run.id}/metrics")

    def refuse(text: str) -> None:
        raise AssertionError(text)

    body = json.loads(answer.text, parse_constant=refuse)
    assert body["data"] == [[1, 2], [None, 1], [None, 1], [None, 1]]
