"""Idempotency-Key on POST /train: a repeat makes no second run, whatever happens between the two."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.datasets import Dataset
from core.queue import TrainQueue
from core.runs import RunStore
from core.runs.idempotency import IdempotencyKeys
from core.settings import Settings
from core.store import Store
from tests.fixtures import Serve, Server

ASKED: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes", "config": {"steps": 5}}
ROOT = Path(__file__).resolve().parents[3]
DIE_AFTER_THE_RECORD = """
import os, pathlib, signal, sys
from core.runs.idempotency import IdempotencyKeys
from core.store import Store
body = {"recipe": "cgan", "dataset": "shapes", "config": {"steps": 5}}
with IdempotencyKeys(Store(pathlib.Path(sys.argv[1]))).held("key", body) as key:
    key.record("run_0192f1c7a4e1b2c3d4e5")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    """A client of an app that has the dataset `shapes`."""
    return client


async def ask(client: httpx.AsyncClient, key: str, body: dict[str, Any] = ASKED) -> httpx.Response:
    return await client.post("/train", json=body, headers={"Idempotency-Key": key})


async def test_the_same_key_is_answered_with_the_same_run_as_it_is_now(
    training: httpx.AsyncClient, store: Store, settings: Settings
) -> None:
    first = await ask(training, "key-1")
    await training.post(f"{first.headers['Location']}/pause")

    again = await ask(training, "key-1")
    other = await ask(training, "key-2")

    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])
    assert (again.json()["id"], again.json()["status"]) == (first.json()["id"], "paused")
    assert other.json()["id"] != first.json()["id"]
    assert len(RunStore(store).ids()) == 2
    with TrainQueue(settings.broker_url) as queue:
        assert list(queue.positions()) == [f"train-{other.json()['id']}-1"]


async def test_a_key_is_the_same_bare_and_quoted_and_its_body_in_any_order(training: httpx.AsyncClient) -> None:
    first = await ask(training, 'a"b\\c')

    again = await ask(training, '"a\\"b\\\\c"', dict(reversed(ASKED.items())))

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_another_body_under_the_same_key_is_refused(training: httpx.AsyncClient, store: Store) -> None:
    await ask(training, "key")

    answer = await ask(training, "key", ASKED | {"seed": 1})

    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "idempotency_key_reused")
    assert [error["pointer"] for error in body["errors"]] == ["Idempotency-Key"]
    assert len(RunStore(store).ids()) == 1


async def test_a_request_that_was_refused_leaves_its_key_free(training: httpx.AsyncClient, store: Store) -> None:
    refused = await ask(training, "key", ASKED | {"dataset": "nothing"})

    answer = await ask(training, "key")

    assert (refused.status_code, answer.status_code) == (422, 202)


async def test_a_key_that_is_being_answered_is_in_flight(training: httpx.AsyncClient, store: Store) -> None:
    with IdempotencyKeys(store).held("key", {}):
        answer = await ask(training, "key")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_flight")
    assert RunStore(store).ids() == []
    assert (await ask(training, "key")).status_code == 202


async def test_a_key_is_kept_over_a_restart_and_needs_no_redis(
    settings: Settings, shapes: Dataset, store: Store, serve: Serve
) -> None:
    lonely = settings.model_copy(update={"redis_url": "unix:///nowhere/s"})
    ids = []
    for _ in range(2):
        async with serve(create_app(lonely)) as client:
            ids += [(await ask(client, "key")).json()["id"] for _ in range(2)]

    assert len(set(ids)) == 1
    assert RunStore(store).ids() == ids[:1]


async def test_killed_between_the_record_and_the_run_a_repeat_makes_the_one_run(
    training: httpx.AsyncClient, store: Store
) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE_AFTER_THE_RECORD, store.root], cwd=ROOT, check=False)

    answers = [await ask(training, "key") for _ in range(2)]

    assert killed.returncode == -signal.SIGKILL
    assert [answer.status_code for answer in answers] == [202, 202]
    assert RunStore(store).ids() == [answers[0].json()["id"]] == [answers[1].json()["id"]]


async def test_the_key_is_kept_before_the_run_so_that_a_crash_cannot_lose_it(
    training: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def look_and_fail(*_: object) -> None:
        found.append(len(list(store.path("idempotency").glob("*.json"))))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(RunStore, "create", look_and_fail)
        failed = await ask(training, "key")

    again = await ask(training, "key")

    assert (found, failed.status_code, again.status_code) == ([1], 507, 202)
    assert RunStore(store).ids() == [again.json()["id"]]


async def test_a_key_whose_run_was_deleted_makes_a_new_one(training: httpx.AsyncClient, store: Store) -> None:
    first = (await ask(training, "key")).json()["id"]
    await training.post(f"/train/{first}/cancel")
    await training.delete(f"/train/{first}")

    second = (await ask(training, "key")).json()["id"]

    assert second != first  # versions that the first one published are known by its id
    assert RunStore(store).ids() == [second]
    assert (await ask(training, "key")).json()["id"] == second


def test_of_many_requests_at_once_with_one_key_one_makes_the_run(server: Server) -> None:
    asked = {"recipe": "cgan", "dataset": "mnist-10k"}
    barrier = threading.Barrier(8)

    def ask_at_once(_: int) -> httpx.Response:
        with server.client() as client:
            client.get("/livez")
            barrier.wait()
            return client.post("/train", json=asked, headers={"Idempotency-Key": "at-once"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask_at_once, range(8)))

    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(made) == 1
    with server.client() as client:
        listed = [run["id"] for run in client.get("/train?recipe=cgan&dataset=mnist-10k").json()["data"]]
        client.post(f"/train/{listed[0]}/cancel")
    assert listed == list(made)


async def test_what_is_no_key_is_refused_and_the_header_is_named(training: httpx.AsyncClient, store: Store) -> None:
    wrong = ["", " ", '""', '"', '"a', "a b", '"a b"', "x" * 201, '"' + "x" * 201 + '"', "kéy", "a\tb"]

    for key in wrong:
        answer = await training.post("/train", json=ASKED, headers=[(b"Idempotency-Key", key.encode())])

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "Idempotency-Key"), key
    assert RunStore(store).ids() == []
    assert (await ask(training, "x" * 200)).status_code == 202
