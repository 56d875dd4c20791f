"""POST /train/validate: what a run would be, what it would take, and nothing left behind by asking."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from rq.serializers import JSONSerializer

from app.main import create_app
from app.train import probes
from core.datasets import Dataset
from core.queue import QUEUE_NAME, TrainQueue
from core.resolved import ResolvedConfig
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from models.networks import build_networks
from tests.fixtures import Serve
from tests.processes import children, command_line, on_linux
from worker.rq_worker import GuardedWorker

SMALL = {"batch_size": 8, "width": 16, "latent_dim": 4}
ASKED: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes", "config": SMALL}
AT_ONCE = {"estimate": "false"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine of the tests is."""
    monkeypatch.setattr(probes, "WITHIN_S", 240.0)
    monkeypatch.setattr(probes, "PATIENCE_S", 240.0)


@pytest.fixture
async def api(settings: Settings, shapes: Dataset, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client with patience, of an app that has the dataset `shapes`."""
    async with serve(create_app(settings)) as client:
        client.timeout = httpx.Timeout(300)
        yield client


async def validated(api: httpx.AsyncClient, body: dict[str, Any], **params: str) -> dict[str, Any]:
    answer = await api.post("/train/validate", json=body, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def warnings(told: dict[str, Any]) -> dict[str, str]:
    """Pointers by code."""
    return {warning["code"]: warning["pointer"] for warning in told["warnings"]}


def measuring(pid: int) -> list[int]:
    return [child for child in children(pid) if "worker.probe" in command_line(child)]


async def test_it_tells_what_a_run_would_be_and_creates_none(api: httpx.AsyncClient, store: Store) -> None:
    told = await validated(api, ASKED, **AT_ONCE)

    run = (await api.post("/train", json=ASKED)).json()
    assert {name: told[name] for name in ("recipe", "model", "config", "resolved")} == {
        name: run[name] for name in ("recipe", "model", "config", "resolved")
    }
    assert (told["dataset"]["name"], told["dataset"]["count"]) == ("shapes", 96)
    assert (told["memory"], told["time"], told["measured"]) == (None, None, None)
    assert len(RunStore(store).ids()) == 1


async def test_networks_are_as_large_as_those_of_the_run(api: httpx.AsyncClient) -> None:
    for recipe in ("sngan", "vae", "gan"):
        told = await validated(api, {**ASKED, "recipe": recipe}, **AT_ONCE)

        generator, counterpart = build_networks(ResolvedConfig.model_validate(told["resolved"]))
        assert told["parameters"] == {
            "generator": sum(weight.numel() for weight in generator.parameters()),
            "discriminator": sum(weight.numel() for weight in counterpart.parameters()),
        }


BAD: list[dict[str, Any]] = [
    {"recipe": "magic", "dataset": "shapes"},
    {"recipe": "cgan", "dataset": "nothing"},
    {"recipe": "cgan", "dataset": "shapes", "config": {"stepz": 3, "width": 1}},
    {"recipe": "cgan", "dataset": "shapes", "config": {"batch_size": 97}},
    {"recipe": "vae", "dataset": "shapes", "config": {"augment": "ada", "n_critic": 2}},
    {"recipe": "cgan", "dataset": "shapes", "model": "run"},
    {"recipe": "cgan"},
]


@pytest.mark.parametrize("body", BAD, ids=json.dumps)
async def test_what_is_wrong_is_told_as_a_run_would_be_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    here, there = [await api.post(path, json=body) for path in ("/train/validate", "/train")]

    told, refused = here.json(), there.json()
    assert (here.status_code, there.status_code) == (422, 422)
    assert {**told, "instance": "", "request_id": ""} == {**refused, "instance": "", "request_id": ""}


async def test_what_is_worth_a_thought_names_its_field(api: httpx.AsyncClient) -> None:
    config = {**SMALL, "batch_size": 32, "steps": 2}

    told = await validated(api, {**ASKED, "config": config, "publish": {"every_steps": 3}}, **AT_ONCE)

    assert warnings(told) == {
        "few_images": "/dataset",
        "large_batch": "/config/batch_size",
        "short_run": "/config/steps",
        "small_class": "/dataset",
        "one_version": "/publish/every_steps",
    }
    details = {warning["code"]: warning["detail"] for warning in told["warnings"]}
    assert details["few_images"] == "96 images are few for 8 px: augmentation is on (ada)"
    assert "'circle' (32)" in details["small_class"]


async def test_a_run_of_the_bundled_digits_is_warned_of_nothing(api: httpx.AsyncClient, queue: TrainQueue) -> None:
    worker = GuardedWorker([QUEUE_NAME], connection=queue.connection, serializer=JSONSerializer)
    worker.device = "cpu"
    worker.register_birth()  # type: ignore[no-untyped-call]
    worker.heartbeat()

    for recipe in ("cgan", "dcgan", "vae"):
        told = await validated(api, {"recipe": recipe, "dataset": "mnist-10k"}, **AT_ONCE)

        assert told["warnings"] == []


@on_linux
async def test_time_and_memory_are_measured_and_kept_for_whoever_asks_next(api: httpx.AsyncClient) -> None:
    first = await validated(api, ASKED)
    again = await validated(api, {**ASKED, "seed": 5, "config": {**SMALL, "steps": 7}})
    other = await validated(api, {**ASKED, "config": {**SMALL, "batch_size": 12}}, **AT_ONCE)

    time, memory, resolved = first["time"], first["memory"], first["resolved"]
    assert time["batch_size"] == 8
    assert time["steps_measured"] >= 1
    assert time["images_per_second"] == pytest.approx(8 / time["seconds_per_step"])
    assert time["seconds"] >= resolved["steps"] * time["seconds_per_step"]
    for name in ("seconds", "images_per_second"):
        assert time[f"{name}_range"]["least"] < time[name] < time[f"{name}_range"]["most"]
    assert 0 < time["core_share"] <= 1
    assert memory["is_measured"]
    assert 50e6 < memory["bytes"] < memory["machine_bytes"]
    assert first["measured"]["device"] == "cpu"
    assert again["measured"] == first["measured"]
    assert again["time"]["seconds_per_step"] == time["seconds_per_step"]
    assert again["time"]["seconds"] < time["seconds"]
    assert other["time"] is None
    assert "not_measured" not in warnings(first)


@on_linux
async def test_those_who_ask_for_the_same_at_once_share_one_process(api: httpx.AsyncClient) -> None:
    seen: set[int] = set()

    async def watch() -> None:
        while True:
            seen.update(measuring(os.getpid()))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(*(validated(api, {**ASKED, "seed": seed}) for seed in range(3)))
    watching.cancel()

    assert len(seen) == 1
    assert len({json.dumps(answer["time"]["seconds_per_step"]) for answer in answers}) == 1
    assert measuring(os.getpid()) == []


@on_linux
async def test_a_batch_that_takes_too_long_is_not_tried_in_full(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "PATIENCE_S", 0.0)  # whatever the machine, it takes too long

    told = await validated(api, {"recipe": "cgan", "dataset": "mnist-10k", "config": {"batch_size": 4096}})

    assert told["time"]["batch_size"] == 2
    assert told["time"]["images_per_second"] == pytest.approx(4096 / told["time"]["seconds_per_step"])
    assert told["time"]["images_per_second_range"]["most"] > 1.5 * told["time"]["images_per_second_range"]["least"]
    assert "rough_time" in warnings(told)
    assert not told["memory"]["is_measured"]
    assert told["memory"]["bytes"] > 1e9
