"""A run that names no recipe: which it got, and why, wherever a run is told of; and that it stays what it was."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from rq.serializers import JSONSerializer

from app.main import create_app
from core.datasets import Dataset
from core.queue import QUEUE_NAME, TrainQueue
from core.registry import Registry
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Failure, Status
from models import choice, initial
from models.choice import ChoiceRule
from models.recipes import RECIPES
from tests.fixtures import PublishTiny, Serve
from tests.manifests import rewrite_manifest
from worker.rq_worker import GuardedWorker

ASKED: dict[str, Any] = {"dataset": "shapes", "config": {"steps": 5}}
AT_ONCE = {"estimate": "false"}
CHOSEN = ChoiceRule(recipe="lsgan", why="the test says so")


@pytest.fixture(autouse=True)
def _rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "TABLE", (CHOSEN,))


@pytest.fixture
async def api(settings: Settings, shapes: Dataset, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has the dataset `shapes`."""
    async with serve(create_app(settings)) as client:
        yield client


async def start(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post("/train", json={**ASKED, **body})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def recipes(api: httpx.AsyncClient, **query: str) -> list[str]:
    return [run["recipe"] for run in (await api.get("/train", params=query)).json()["data"]]


async def test_the_recipe_is_told_with_its_reason_wherever_the_run_is(api: httpx.AsyncClient, store: Store) -> None:
    told = (await api.post("/train/validate", json=ASKED, params=AT_ONCE)).json()
    run = await start(api)
    again = (await api.get(f"/train/{run['id']}")).json()
    [listed] = (await api.get("/train")).json()["data"]

    for body in (told, run, again, listed):
        assert (body["recipe"], body["recipe_reason"]) == ("lsgan", "the test says so")
        assert (body["resolved"]["recipe"], body["resolved"]["recipe_reason"]) == ("lsgan", "the test says so")
    spec = RunStore(store).get(run["id"]).spec()
    assert spec.request == ASKED
    assert spec.resolved.to_json() == run["resolved"]


async def test_it_is_an_event_of_the_run_from_the_beginning(api: httpx.AsyncClient) -> None:
    run = await start(api, recipe="auto")
    named = await start(api, recipe="cgan")

    [queued, chosen] = (await api.get(f"/train/{run['id']}/events")).json()["data"]
    assert ((queued["id"], queued["type"]), (chosen["id"], chosen["type"])) == ((1, "status"), (2, "action"))
    assert chosen["data"] == {
        "action": "recipe_chosen",
        "message": "trains lsgan: the test says so",
        "recipe": "lsgan",
        "reason": "the test says so",
    }
    assert len((await api.get(f"/train/{named['id']}/events")).json()["data"]) == 1


async def test_a_recipe_that_was_asked_for_has_no_reason(api: httpx.AsyncClient) -> None:
    told = (await api.post("/train/validate", json={**ASKED, "recipe": "cgan"}, params=AT_ONCE)).json()
    run = await start(api, recipe="cgan")

    for body in (told, run):
        assert (body["recipe"], body["recipe_reason"]) == ("cgan", None)
        assert "recipe_reason" not in body["resolved"]


async def test_runs_are_found_by_the_recipe_that_was_chosen_and_never_by_auto(api: httpx.AsyncClient) -> None:
    for body in ({}, {"recipe": "auto"}, {"recipe": "cgan"}):
        await start(api, **body)

    assert await recipes(api) == ["cgan", "lsgan", "lsgan"]
    assert await recipes(api, recipe="lsgan") == ["lsgan"] * 2
    assert await recipes(api, recipe="auto") == []


async def test_a_run_of_an_earlier_build_has_the_recipe_that_was_asked_for(
    api: httpx.AsyncClient, store: Store
) -> None:
    run = RunStore(store).get((await start(api, recipe="cgan"))["id"])
    spec = store.read(f"{run.key}/spec.json")
    store.swap(f"{run.key}/spec.json", {**spec, "resolved": {"steps": 5}})

    assert await recipes(api, recipe="cgan") == ["cgan"]


@pytest.mark.parametrize("lost", [{"request": {"dataset": "shapes"}, "resolved": {"steps": 5}}, {"resolved": {}}])
async def test_a_run_of_which_nobody_knows_the_recipe_is_damaged(
    api: httpx.AsyncClient, store: Store, lost: dict[str, Any]
) -> None:
    run = RunStore(store).get((await start(api))["id"])
    store.swap(f"{run.key}/spec.json", {**store.read(f"{run.key}/spec.json"), **lost})

    answer = await api.get(f"/train/{run.id}")

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert await recipes(api) == []


@pytest.mark.parametrize("ending", ["pause", "fail"])
async def test_a_run_stays_what_it_was_though_the_rule_says_otherwise_by_now(
    api: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    made = await api.post("/train", json=ASKED, headers={"Idempotency-Key": "k"})
    first, run = made.json(), RunStore(store).get(made.json()["id"])
    if ending == "pause":
        await api.post(f"/train/{run.id}/pause")
    else:
        run.move(Status.FAILED, failure=Failure(code="internal", message="no", retryable=True))

    monkeypatch.setattr(choice, "TABLE", (replace(CHOSEN, recipe="sngan"),))
    repeated = await api.post("/train", json=ASKED, headers={"Idempotency-Key": "k"})
    resumed = await api.post(f"/train/{run.id}/{'resume' if ending == 'pause' else 'retry'}")

    assert resumed.json()["status"] == "queued"
    for answer in (repeated, resumed):
        body = answer.json()
        assert {name: body[name] for name in ("id", "recipe", "recipe_reason", "resolved")} == {
            name: first[name] for name in ("id", "recipe", "recipe_reason", "resolved")
        }


async def test_an_option_that_means_nothing_to_the_chosen_recipe_is_refused(
    api: httpx.AsyncClient, store: Store
) -> None:
    body = {**ASKED, "config": {"likelihood": "gaussian"}}

    for answer in [await api.post(path, json=body) for path in ("/train", "/train/validate")]:
        [problem] = answer.json()["errors"]
        assert (answer.status_code, problem["pointer"]) == (422, "/config/likelihood")
        assert "lsgan, which auto chose (the test says so), has no likelihood" in problem["detail"]
    assert RunStore(store).ids() == []


async def test_the_device_of_the_workers_counts_and_where_that_is_open_it_is_said(
    api: httpx.AsyncClient, queue: TrainQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "TABLE", (ChoiceRule(recipe="r3gan", why="strong", on_gpu=True), CHOSEN))

    async def doubts(**body: Any) -> list[str]:
        told = (await api.post("/train/validate", json={**ASKED, **body}, params=AT_ONCE)).json()
        return [each["pointer"] for each in told["warnings"] if each["code"] == "device_unknown"]

    alone = await doubts()
    named = await doubts(recipe="lsgan")
    worker: Any = GuardedWorker([QUEUE_NAME], connection=queue.connection, serializer=JSONSerializer)
    worker.device = "cuda"
    worker.register_birth()
    worker.heartbeat()

    assert (alone, named) == (["/recipe", "/config/width"], ["/config/width"])
    assert await doubts() == []
    run = await start(api)
    assert (run["recipe"], run["recipe_reason"]) == ("r3gan", "on a GPU: strong")


async def test_a_run_that_starts_from_weights_gets_the_recipe_that_made_them(
    api: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny()

    run = await start(api, init="tiny")
    told = (await api.post("/train/validate", json={**ASKED, "init": "tiny"}, params=AT_ONCE)).json()

    assert (run["recipe"], run["recipe_reason"]) == ("cgan", "tiny@1 was made with it")
    assert (told["recipe"], told["resolved"]) == ("cgan", run["resolved"])
    assert [each["pointer"] for each in told["warnings"] if each["code"] == "device_unknown"] == []


@pytest.mark.parametrize("made_with", ["stylegan", "r3gan", "dcgan", "auto", ""])
async def test_weights_from_elsewhere_get_the_first_recipe_that_has_such_networks(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, registry: Registry, store: Store, made_with: str
) -> None:
    publish_tiny()
    rewrite_manifest(registry.folder("tiny", 1), recipe=made_with)

    run = await start(api, init="tiny@1")

    assert (run["recipe"], run["recipe_reason"]) == ("cgan", "it has the networks of tiny@1")


async def test_weights_that_no_recipe_trains_are_refused_at_init(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny()
    monkeypatch.setattr(initial, "RECIPES", {"gan": RECIPES["gan"], "sngan": RECIPES["sngan"]})

    answer = await api.post("/train", json={**ASKED, "init": "tiny"})

    [problem] = answer.json()["errors"]
    assert (answer.status_code, problem["pointer"]) == (422, "/init")
    assert "tiny@1 has networks of architecture 'dcgan' with classes, and no recipe trains such" in problem["detail"]


async def test_weights_that_fit_the_recipe_and_not_the_run_are_refused_as_ever(
    api: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny()
    wrong = {
        "/config/conditional": {"conditional": False},
        "/config/penalty_weight": {"penalty_weight": 1.0},
        "/init": {"width": 32},
    }

    for pointer, config in wrong.items():
        answer = await api.post("/train", json={"dataset": "shapes", "init": "tiny", "config": config})
        assert [problem["pointer"] for problem in answer.json()["errors"]] == [pointer]
        if pointer != "/init":
            assert "cgan, which auto chose (tiny@1 was made with it)," in answer.json()["detail"]
