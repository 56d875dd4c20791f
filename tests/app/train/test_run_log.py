"""/train/{id}/log: its end, and following it. With it: what all of a run's history answers when the run is gone."""

import shutil

import httpx
import pytest

from core.runs import Run, RunStore
from tests.app.conftest import draw, report


async def test_the_log_can_be_followed(api: httpx.AsyncClient, idle_run: Run) -> None:
    address = f"/train/{idle_run.id}/log"
    before = await api.get(address)
    idle_run.log_file.write_bytes("one\ntwo\nthr€".encode()[:-1])

    end = await api.get(address, params={"tail": 2})
    with idle_run.log_file.open("ab") as file:
        file.write("€".encode()[-1:] + b"e\nfour\n")
    more = await api.get(address, params={"after": end.headers["Next-Offset"]})
    nothing = await api.get(address, params={"after": more.headers["Next-Offset"]})

    assert (before.status_code, before.text, before.headers["Next-Offset"]) == (200, "", "0")
    assert end.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert end.text + more.text == "two\nthr€e\nfour\n"
    assert (nothing.status_code, nothing.text) == (200, "")
    assert nothing.headers["Next-Offset"] == str(idle_run.log_file.stat().st_size)


async def test_the_whole_log_can_be_read_from_its_beginning(api: httpx.AsyncClient, idle_run: Run) -> None:
    idle_run.log_file.write_text("".join(f"line {i}\n" for i in range(3000)))

    default = await api.get(f"/train/{idle_run.id}/log")
    whole = await api.get(f"/train/{idle_run.id}/log", params={"after": 0})

    assert default.text.splitlines() == [f"line {i}" for i in range(2000, 3000)]
    assert whole.text == idle_run.log_file.read_text()


async def test_any_bytes_of_a_log_come_out_as_text(api: httpx.AsyncClient, idle_run: Run) -> None:
    idle_run.log_file.write_bytes(bytes(range(256)) * 100 + b"\r\n\xed\xa0\x80\x00end\n")

    answer = await api.get(f"/train/{idle_run.id}/log")

    assert answer.status_code == 200
    assert answer.content.decode().endswith("\x00end\n")


@pytest.mark.parametrize(
    "query",
    [
        "tail=0",
        "tail=-5",
        "tail=100001",
        "tail=x",
        "after=-1",
        "after=1e3",
        "after=99999999999999999999",
        "tail=1&after=1",
    ],
)
async def test_what_cannot_be_asked_of_a_log_is_refused(api: httpx.AsyncClient, idle_run: Run, query: str) -> None:
    answer = await api.get(f"/train/{idle_run.id}/log?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_offset_beyond_the_end_of_the_log_is_brought_back(api: httpx.AsyncClient, idle_run: Run) -> None:
    idle_run.log_file.write_text("short\n")

    answer = await api.get(f"/train/{idle_run.id}/log", params={"after": 10**9})

    assert (answer.status_code, answer.text, answer.headers["Next-Offset"]) == (200, "", "6")


async def test_the_end_of_a_huge_log_is_read_alone(api: httpx.AsyncClient, idle_run: Run) -> None:
    with idle_run.log_file.open("wb") as file:
        file.truncate(1 << 36)
        file.seek(0, 2)
        file.write(b"\nthe end\n")

    answer = await api.get(f"/train/{idle_run.id}/log", params={"tail": 1})

    assert answer.text == "the end\n"


PATHS = ["metrics", "samples", "samples/latest", "samples/0-1", "log"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_run_that_is_not_there_is_told(api: httpx.AsyncClient, path: str) -> None:
    for run_id in ("run_00000000000000000000", "nonsense", "..%2F..", "r" * 200):
        answer = await api.get(f"/train/{run_id}/{path}")

        assert answer.status_code in (404, 422), run_id
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", PATHS)
async def test_a_run_that_is_deleted_meanwhile_is_told(
    api: httpx.AsyncClient, idle_run: Run, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    report(idle_run, range(3), loss=1)
    draw(idle_run, "0-1")
    idle_run.log_file.write_text("hello")
    get = RunStore.get
    found: list[Run] = []

    def get_and_delete(self: RunStore, run_id: str) -> Run:
        found.append(get(self, run_id))
        shutil.rmtree(idle_run.folder)
        return found[-1]

    monkeypatch.setattr(RunStore, "get", lambda self, run_id: (get if found else get_and_delete)(self, run_id))
    answer = await api.get(f"/train/{idle_run.id}/{path}")

    if path == "samples":
        assert answer.json()["data"] == []
    else:
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_heads_tell_the_same_and_nothing_more(api: httpx.AsyncClient, idle_run: Run) -> None:
    report(idle_run, range(3), loss=1)
    draw(idle_run, "0-1")

    for path in ("metrics", "metrics?format=csv", "samples/0-1"):
        get, head = await api.get(f"/train/{idle_run.id}/{path}"), await api.head(f"/train/{idle_run.id}/{path}")

        assert head.status_code == 200
        assert head.headers["ETag"] == get.headers["ETag"]
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
