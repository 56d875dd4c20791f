"""/queue, /workers and /status: what they tell, also while Redis is away or hangs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from app.main import create_app
from app.status import storage
from app.status.health import NO_WORKER
from app.status.storage import StorageMeter
from core.queue import TrainQueue, connect
from core.queue.snapshot import Group
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.broker import Broker
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.conftest import SOON_S
from tests.fixtures import NewRun, PublishTiny, Serve
from tests.manifests import dataset_manifest
from tests.processes import freeze
from tests.records import numbers
from worker.rq_worker import GuardedWorker


@pytest.fixture
def new_run(store: Store) -> NewRun:
    """Puts another queued run on disk."""
    spec = RunSpec(recipe="cgan", dataset="shapes")
    return lambda: RunStore(store).create(spec, numbers(100), dataset_manifest())


@pytest.fixture
async def lonely(
    settings: Settings, own_broker: Broker, publish_tiny: PublishTiny, serve: Serve
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose Redis is `own_broker`."""
    publish_tiny()
    async with serve(
        create_app(settings.model_copy(update={"redis_url": f"unix://{own_broker.socket_path}"}))
    ) as ready:
        yield ready


def take_next(url: str) -> Worker:
    """A worker that has taken the next job, as RQ does it."""
    connection = connect(url)
    worker: Any = Worker(["train"], name="w", connection=connection, serializer=JSONSerializer)
    worker.register_birth()
    found = Queue.dequeue_any([Queue("train", connection=connection)], None, connection, serializer=JSONSerializer)
    assert found is not None
    worker.prepare_execution(found[0])
    worker.prepare_job_execution(found[0])
    worker.set_state("busy")
    result: Worker = worker
    return result


async def test_the_queue_and_its_workers_are_told(api: httpx.AsyncClient, new_run: NewRun, broker_url: str) -> None:
    first, second = new_run(), new_run()
    with TrainQueue(broker_url) as queue:
        queue.enqueue(first.id, 1)
        queue.enqueue(second.id, 1)
    worker = take_next(broker_url)
    first.move(Status.RUNNING)
    undecided = (await api.get("/workers")).json()["data"][0]["device"]
    first.store.swap(f"{first.key}/execution.json", {"device": "cpu", "precision": "float32", "threads": 1})

    waits = (await api.get("/queue")).json()
    (works,) = (await api.get("/workers")).json()["data"]
    worker.connection.close()

    assert waits == {
        "waiting": [{"position": 0, "run": second.id, "attempt": 1}],
        "running": [first.id],
        "degraded": [],
    }
    assert (works["name"], works["state"], works["current_run"], works["device"]) == ("w", "busy", first.id, "cpu")
    assert (works["pid"], works["is_alive"], undecided) == (os.getpid(), True, None)
    assert (works["processes"], works["hosts"]) == (1, [works["host"]])
    assert works["last_heartbeat_at"].endswith("Z")


async def test_of_a_training_group_processes_and_hosts_are_told(api: httpx.AsyncClient, broker_url: str) -> None:
    worker: Any = GuardedWorker(["train"], connection=connect(broker_url), serializer=JSONSerializer, name="g")
    worker.group = Group(processes=8, hosts=("one", "two"))
    worker.register_birth()
    worker.heartbeat()

    (told,) = (await api.get("/workers")).json()["data"]
    worker.connection.close()

    assert (told["name"], told["processes"], told["hosts"]) == ("g", 8, ["one", "two"])


async def test_a_run_is_told_as_waiting_or_as_running_as_its_files_have_it(
    api: httpx.AsyncClient, new_run: NewRun, broker_url: str
) -> None:
    run = new_run()
    with run.training_lock(), TrainQueue(broker_url) as queue:  # locked: the reconciler leaves it alone
        queue.enqueue(run.id, 1)
        worker = take_next(broker_url)
        taken = (await api.get("/queue")).json()
        run.move(Status.RUNNING)
        begun = (await api.get("/queue")).json()
        run.change(lambda now: now.asked("pause").moved(Status.PAUSED).asked("resume"))
        queue.enqueue(run.id, 2)
        resumed = (await api.get("/queue")).json()
        (works,) = (await api.get("/workers")).json()["data"]
        run.move(Status.CANCELED)
        canceled = (await api.get("/queue")).json()
    worker.connection.close()

    assert taken == {"waiting": [{"position": 0, "run": run.id, "attempt": 1}], "running": [], "degraded": []}
    assert begun == {"waiting": [], "running": [run.id], "degraded": []}
    assert resumed == {"waiting": [{"position": 0, "run": run.id, "attempt": 2}], "running": [], "degraded": []}
    assert works["current_run"] is None
    assert canceled == {"waiting": [], "running": [], "degraded": []}


async def test_a_job_of_a_run_that_is_gone_is_not_told(api: httpx.AsyncClient, queue: TrainQueue) -> None:
    queue.enqueue("run_00000000000000000000", 1)

    assert (await api.get("/queue")).json() == {"waiting": [], "running": [], "degraded": [NO_WORKER]}


async def test_a_worker_whose_heartbeat_is_a_minute_old_is_told_as_dead(
    api: httpx.AsyncClient, broker_url: str
) -> None:
    with connect(broker_url) as connection:
        worker: Any = Worker(["train"], name="w", connection=connection)
        worker.register_birth()
        old = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - 61))
        connection.hset("rq:worker:w", "last_heartbeat", old)

    (told,) = (await api.get("/workers")).json()["data"]

    assert (told["is_alive"], told["current_run"]) == (False, None)


async def test_the_status_is_one_look_at_everything(client: httpx.AsyncClient, idle_run: Run) -> None:
    (idle_run.folder / "log.txt").write_bytes(b"x" * 1000)

    body = (await client.get("/status")).json()

    assert body["readiness"] == {"status": "ready", "reason": None, "model": "tiny@1", "degraded": [NO_WORKER]}
    assert body["runs"] == {**{status.value: 0 for status in Status}, "paused": 1}
    assert (body["queue"], body["workers"]) == ({"waiting": [], "running": [], "degraded": [NO_WORKER]}, [])
    assert body["engine"] == {"device": "cpu", "is_alive": True, "waiting_images": 0, "loaded": ["tiny@1"]}
    assert 0 < body["uptime_s"] < 60
    assert 0 < body["storage"]["free_bytes"] <= body["storage"]["total_bytes"]
    assert body["storage"]["runs"] >= 1000
    assert min(body["storage"][folder] for folder in ("datasets", "models")) > 0


async def test_without_a_model_the_status_still_answers(api: httpx.AsyncClient) -> None:
    answer = await api.get("/status")

    assert (answer.status_code, answer.json()["readiness"]["status"]) == (200, "not_ready")


async def test_a_damaged_run_does_not_hide_the_others(api: httpx.AsyncClient, idle_run: Run) -> None:
    other = Run(idle_run.store, "run_00000000000000000000")
    other.folder.mkdir()
    (other.folder / "state.json").write_text("damaged")

    assert (await api.get("/status")).json()["runs"]["paused"] == 1


@pytest.mark.parametrize("away", ["gone", "hanging"])
async def test_without_redis_what_only_it_knows_is_refused_soon_and_the_rest_is_told(
    lonely: httpx.AsyncClient, own_broker: Broker, away: str
) -> None:
    assert (await lonely.get("/queue")).status_code == 200
    assert own_broker.process is not None
    if away == "gone":
        own_broker.stop()
    else:
        freeze(own_broker.process.pid)
    took, answers = {}, {}
    for path in ("/queue", "/workers", "/status", "/readyz"):
        began = time.monotonic()
        answers[path] = await lonely.get(path)
        took[path] = time.monotonic() - began

    for path in ("/queue", "/workers"):
        assert (answers[path].status_code, answers[path].json()["code"]) == (503, "redis_unavailable")
    status = answers["/status"].json()
    assert (answers["/status"].status_code, status["queue"], status["workers"]) == (200, None, None)
    assert status["readiness"]["degraded"] == answers["/readyz"].json()["degraded"] == ["redis"]
    assert answers["/readyz"].status_code == 200
    assert max(took.values()) < SOON_S, took


async def test_many_who_ask_while_redis_hangs_are_all_answered_soon(
    lonely: httpx.AsyncClient, own_broker: Broker
) -> None:
    assert own_broker.process is not None
    freeze(own_broker.process.pid)
    began = time.monotonic()

    answers = await asyncio.gather(*(lonely.get(path) for path in ("/queue", "/status", "/readyz") * 8))

    assert {answer.status_code for answer in answers} == {200, 503}
    assert time.monotonic() - began < SOON_S


def test_sizes_are_measured_now_and_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = StorageMeter(store)
    first = meter.read()
    (store.root / "runs" / "big").write_bytes(b"x" * 1000)
    second = meter.read()
    monkeypatch.setattr(meter, "_good_until", 0.0)

    third = meter.read()

    assert (second.runs - first.runs, third.runs - first.runs) == (0, 1000)


def test_who_asks_while_sizes_are_measured_gets_those_of_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = StorageMeter(store)
    first = meter.read()
    monkeypatch.setattr(meter, "_good_until", 0.0)
    monkeypatch.setattr(storage, "folder_size", lambda folder: pytest.fail("walked twice"))

    with meter._walk:
        assert meter.read().runs == first.runs
