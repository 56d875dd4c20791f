"""The gauges of runs: true at every scrape, and cheap where thousands of runs are over."""

import time
from typing import Any

import httpx

from app.main import create_app
from core.datasets import Dataset
from core.machine.clock import timestamp
from core.runs import RunStore
from core.runs.states import Progress
from core.settings import Settings
from core.store import Store
from ganymede.schemas.diagnosis import EarlyEnd, Verdict
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.app.scraping import scrape
from tests.fixtures import PublishTiny, Serve
from tests.records import numbers


def finish(run: Any, status: Status) -> None:
    run.move(Status.RUNNING, phase="training", progress=Progress(step=1, total=2, images_per_second=100.5))
    if status is not Status.RUNNING:
        run.move(status)


async def test_runs_are_counted_by_status_as_they_change(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, shapes: Dataset, store: Store
) -> None:
    publish_tiny()
    runs = RunStore(store)
    made = [runs.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(2), shapes.manifest) for _ in range(5)]
    for run, status in zip(made, (Status.SUCCEEDED, Status.FAILED, Status.RUNNING, Status.RUNNING), strict=False):
        finish(run, status)
    lonely = settings.model_copy(update={"redis_url": "unix:///nowhere/redis.sock"})  # no reconciler takes a hand

    async with serve(create_app(lonely)) as client:
        first = await scrape(client)
        made[1].move(Status.QUEUED)  # a failed run that is tried again
        second = await scrape(client)

    counts = [
        {key[1]: value for key, value in seen.items() if key[0] == "ganymede_runs" and value}
        for seen in (first, second)
    ]
    assert counts[0] == {"status=succeeded": 1, "status=failed": 1, "status=running": 2, "status=queued": 1}
    assert counts[1] == {"status=succeeded": 1, "status=running": 2, "status=queued": 2}
    assert first["ganymede_train_images_per_second",] == 201.0


async def test_a_run_that_stands_still_has_no_speed_and_is_named(
    client: httpx.AsyncClient, shapes: Dataset, store: Store
) -> None:
    runs = RunStore(store)
    moving, silent, slow = (
        runs.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(2), shapes.manifest) for _ in range(3)
    )
    now = time.time()
    for run, at, step_seconds in ((moving, now, 1.0), (silent, now - 100, 1.0), (slow, now - 100, 60.0)):
        marks = {"last_heartbeat_at": timestamp(at), "step_seconds": step_seconds}
        progress = Progress(step=1, total=2, images_per_second=100.5)
        run.move(Status.RUNNING, phase="training", progress=progress, **marks)

    seen = await scrape(client)
    status = (await client.get("/status")).json()
    speeds = [
        (await client.get(f"/train/{run.id}")).json()["progress"]["images_per_second"] for run in (moving, silent, slow)
    ]

    assert (seen["ganymede_runs_silent",], seen["ganymede_train_images_per_second",]) == (1, 201.0)
    assert status["silent_runs"] == [silent.id]
    assert speeds == [100.5, 0.0, 100.5]


async def test_a_run_that_is_over_is_read_once(
    client: httpx.AsyncClient, shapes: Dataset, store: Store, store_reads: list[str]
) -> None:
    runs = RunStore(store)
    for _ in range(4):
        finish(runs.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(2), shapes.manifest), Status.SUCCEEDED)
    await scrape(client)
    store_reads.clear()

    seen = await scrape(client)

    assert seen["ganymede_runs", "status=succeeded"] == 4
    assert [key for key in store_reads if key.endswith("state.json")] == []


async def test_runs_that_ended_early_are_counted_beside(
    client: httpx.AsyncClient, shapes: Dataset, store: Store
) -> None:
    early = EarlyEnd(verdict=Verdict.MODE_COLLAPSE, message="it came back", step=1)
    for ended_early, status in ((early, Status.SUCCEEDED), (None, Status.SUCCEEDED), (early, Status.FAILED)):
        run = RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(2), shapes.manifest)
        run.move(Status.RUNNING)
        run.move(status, ended_early=ended_early)

    seen = await scrape(client)

    assert seen["ganymede_runs_ended_early",] == 1


async def test_a_damaged_or_deleted_run_does_not_hide_the_others(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, shapes: Dataset, store: Store
) -> None:
    publish_tiny()
    runs = RunStore(store)
    made = [runs.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(2), shapes.manifest) for _ in range(3)]
    for run in made:
        finish(run, Status.SUCCEEDED)
    (made[0].folder / "state.json").write_text("not JSON")
    (made[1].folder / "state.json").unlink()

    async with serve(create_app(settings)) as client:
        seen = await scrape(client)

    assert seen["ganymede_runs", "status=succeeded"] == 1
