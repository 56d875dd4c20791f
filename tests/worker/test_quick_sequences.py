"""Runs that are canceled, deleted, paused and resumed while a worker is about to take them: nobody sees two states at
once, no worker logs a traceback, and no job ends in RQ's registry of failures."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from app.main import create_app
from app.train import reconciler
from core.datasets import Dataset
from core.queue import QUEUE_NAME, TrainQueue
from core.settings import Settings
from tests.fixtures import Serve

BODY = {
    "recipe": "cgan",
    "dataset": "shapes",
    "config": {"steps": 1_000_000, "batch_size": 8, "width": 16, "latent_dim": 4, "extractor": "none"},
}
SEQUENCES = (("cancel",), ("cancel", "retry", "cancel"), ("pause", "resume", "cancel"), ("pause", "cancel"))
MOST_S = 0.5  # between two steps of a sequence
TOGETHER = 4


@contextmanager
def workers(count: int, settings: Settings, log: Path) -> Iterator[None]:
    environment = {
        **os.environ,
        "GANYMEDE_HOME": str(settings.home),
        "GANYMEDE_REDIS_URL": str(settings.redis_url),
        "GANYMEDE_DEVICE": "cpu",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "worker"]
        started = [subprocess.Popen(command, env=environment, stdout=output, stderr=output) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(300)


async def ended(client: httpx.AsyncClient, run_id: str, within_s: float = 300.0) -> None:
    deadline = time.monotonic() + within_s
    while not (body := (await client.get(f"/train/{run_id}")).json())["is_terminal"]:
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.05)


async def one_sequence(client: httpx.AsyncClient, luck: random.Random) -> None:
    """Steps that come at any moment; one that is refused, as the run is not so far, is tried again."""
    run_id = (await client.post("/train", json=BODY)).json()["id"]
    for verb in luck.choice(SEQUENCES):
        await asyncio.sleep(luck.uniform(0, MOST_S))
        await done(lambda verb=verb: client.post(f"/train/{run_id}/{verb}"))  # type: ignore[misc]
    await ended(client, run_id)
    if luck.random() < 0.7:
        await done(lambda: client.delete(f"/train/{run_id}"))


async def done(ask: Callable[[], Awaitable[httpx.Response]], within_s: float = 300.0) -> None:
    deadline = time.monotonic() + within_s
    while (answer := await ask()).status_code == 409 and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert answer.status_code in (200, 204), answer.text


async def look_for_runs_in_two_places(client: httpx.AsyncClient, is_over: asyncio.Event) -> list[Any]:
    found: list[Any] = []
    while not is_over.is_set():
        queue = (await client.get("/queue")).json()
        listed = [entry["run"] for entry in queue["waiting"]] + queue["running"]
        if len(set(listed)) != len(listed):
            found.append(queue)
        await asyncio.sleep(0.02)
    return found


async def strain(client: httpx.AsyncClient, count: int) -> list[Any]:
    """Many quick sequences, some of them at once; returns what was seen of runs in two places."""
    is_over, luck, left = asyncio.Event(), random.Random(0), iter(range(count))
    looking = asyncio.create_task(look_for_runs_in_two_places(client, is_over))

    async def some() -> None:
        for _ in left:
            await one_sequence(client, luck)

    try:
        await asyncio.gather(*(some() for _ in range(TOGETHER)))
    finally:
        is_over.set()
    return await looking


@pytest.mark.parametrize(
    ("num_workers", "count"),
    [
        (1, 6),
        pytest.param(1, 200, marks=pytest.mark.slow),
        pytest.param(2, 200, marks=pytest.mark.slow),
    ],
)
async def test_quick_sequences_leave_no_traceback_and_no_failed_job(
    settings: Settings,
    shapes: Dataset,
    serve: Serve,
    queue: TrainQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    num_workers: int,
    count: int,
) -> None:
    monkeypatch.setattr(reconciler, "EVERY_S", 0.2)  # more to run into
    log = tmp_path / "workers.log"
    async with serve(create_app(settings)) as client:
        with workers(num_workers, settings, log):
            in_two_places = await strain(client, count)

    failed = FailedJobRegistry(QUEUE_NAME, connection=queue.connection, serializer=JSONSerializer)
    assert "Traceback" not in log.read_text()
    assert failed.get_job_ids() == []
    assert in_two_places == []
