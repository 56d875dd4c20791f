"""Long-lived tasks that die: each is started again, /readyz tells of it meanwhile, and its work goes on."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.deps import Services
from app.engine import keeper as keeping
from app.engine.keeper import KeptTask, TaskKeeper
from app.main import create_app
from core.datasets import Dataset
from core.keys import KeysFile, KeyWanted
from core.runs import Run
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.fixtures import Eventually, PublishTiny, Serve

RUN = {"recipe": "cgan", "dataset": "shapes"}
ALWAYS = {"slot 0", "watch of the models", "notifications", "reconciler", "watch of the keys", "webhooks"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
async def app(settings: Settings, publish_tiny: PublishTiny) -> FastAPI:
    publish_tiny()
    return create_app(settings.model_copy(update={"engine_threads": 1}))


@pytest.fixture
async def served(app: FastAPI, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(app) as client:
        yield client


def services_of(app: FastAPI) -> Services:
    services: Services = app.state.services
    return services


async def kill(kept: KeptTask) -> None:
    assert kept.task is not None
    kept.task.cancel()
    await asyncio.gather(kept.task, return_exceptions=True)
    await asyncio.sleep(0)


async def test_every_task_of_the_app_is_started_again_and_told_of_meanwhile(
    app: FastAPI, served: httpx.AsyncClient, eventually: Eventually
) -> None:
    services = services_of(app)
    assert {kept.name for kept in services.keeper.tasks} == ALWAYS
    for kept in services.keeper.tasks:
        before = kept.task
        await kill(kept)

        ready = await served.get("/readyz")

        assert f"task:{kept.name}: it died (cancelled)" in str(ready.json()["degraded"])
        assert ready.status_code == (503 if kept.name == "slot 0" else 200)

        async def lives(kept: KeptTask = kept, before: object = before) -> bool:
            return kept.is_alive and kept.task is not before

        await eventually(lives)
    assert (await served.get("/readyz")).status_code == 200
    assert (await served.get("/generate?seed=1")).status_code == 200


async def test_no_task_of_the_app_lives_outside_the_keeper(app: FastAPI, serve: Serve) -> None:
    before = asyncio.all_tasks()
    async with serve(app):
        await asyncio.sleep(0.05)
        kept = {each.task for each in services_of(app).keeper.tasks}
        others = {str(task.get_coro()) for task in asyncio.all_tasks() - before - kept}
    assert others == set()


async def test_the_work_of_the_watches_goes_on(
    app: FastAPI,
    served: httpx.AsyncClient,
    eventually: Eventually,
    publish_tiny: PublishTiny,
    shapes: Dataset,
    settings: Settings,
) -> None:
    services = services_of(app)
    for kept in list(services.keeper.tasks):
        await kill(kept)

    publish_tiny(seed=1)  # nobody notifies: the watch finds it
    made = (await served.post("/train", json=RUN)).json()["id"]
    services.queue.remove(made, 1)  # the queue forgets it: the reconciler puts it back

    async def is_new() -> bool:
        return (await served.get("/models/tiny")).json()["served_version"] == 2

    async def is_queued() -> bool:
        return services.queue.position(made, 1) is not None

    await eventually(is_new)
    await eventually(is_queued)
    woken = services.activity.next
    KeysFile(settings.keys_path).create(KeyWanted(scopes=(KeyScope.READ,)))
    await asyncio.wait_for(woken.wait(), 300)


async def test_what_a_slot_was_drawing_when_it_died_is_answered(
    app: FastAPI, served: httpx.AsyncClient, eventually: Eventually
) -> None:
    services = services_of(app)
    engine = await services.models.engine(next(iter(services.models.served)))
    hold = asyncio.Event()

    async def stuck(*_: object, **__: object) -> None:
        hold.set()
        await asyncio.sleep(3600)

    draw = type(engine).draw
    type(engine).draw = stuck  # type: ignore[assignment,method-assign]
    try:
        asked = asyncio.create_task(served.get("/generate?seed=1"))
        await hold.wait()
        await kill(next(kept for kept in services.keeper.tasks if kept.name == "slot 0"))
        answer = await asked
    finally:
        type(engine).draw = draw  # type: ignore[method-assign]

    async def draws() -> bool:
        return (await served.get("/generate?seed=2")).status_code == 200

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    await eventually(draws)


async def test_streams_go_on_when_what_follows_the_files_dies(
    app: FastAPI, served: httpx.AsyncClient, idle_run: Run, eventually: Eventually
) -> None:
    services = services_of(app)
    run, service = services.streams.watch(idle_run, 0), services.activity.watch(lambda: True)
    for stream in (run, service):
        assert await anext(stream)
    for kept in [each for each in services.keeper.tasks if each.name.startswith("events of")]:
        await kill(kept)
    idle_run.log_event("log", {"message": "later"})

    for stream in (run, service):
        async with asyncio.timeout(300):
            while b"later" not in await anext(stream):
                pass
        await stream.aclose()  # type: ignore[attr-defined]
    assert {kept.name for kept in services.keeper.tasks} == ALWAYS


async def test_the_pause_grows_with_each_death_and_a_steady_task_is_not_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    keeper, deaths = TaskKeeper(), 0

    async def work() -> None:
        nonlocal deaths
        deaths += 1
        if deaths < 4:
            raise ValueError("a secret")
        await asyncio.sleep(3600)

    kept = keeper.start("one", work)

    async def lives() -> bool:
        return deaths == 4

    await eventually(lives)
    assert keeper.deaths == {"one": 3}
    assert keeper.troubles == ["task:one: it died (ValueError), and is started again; the log says where"]
    assert [r.getMessage().rpartition("in ")[2] for r in caplog.records] == ["0.05 s", "0.1 s", "0.2 s"]
    monkeypatch.setattr(keeping, "STEADY_AFTER_S", 0.0)
    assert keeper.troubles == []
    await keeper.close()
    assert (kept.is_alive, keeper.tasks) == (False, [])


async def test_a_thread_that_raises_is_started_again_and_one_that_returns_is_done(eventually: Eventually) -> None:
    keeper, began = TaskKeeper(), []

    def work(_is_over: object) -> None:
        began.append(1)
        if len(began) == 1:
            raise SystemExit

    keeper.start_thread("notifications", work)

    async def is_done() -> bool:
        return len(began) == 2 and not keeper.tasks

    await eventually(is_done)


async def test_a_task_is_done_from_the_moment_it_returns() -> None:
    loop, go_on, seen = asyncio.get_running_loop(), asyncio.Event(), list[bool]()

    async def work() -> None:
        await go_on.wait()

    kept = TaskKeeper().start("work", work)
    await asyncio.sleep(0)
    go_on.set()  # it returns in the next turn of the loop; in the same turn, behind it, somebody looks
    loop.call_soon(lambda: seen.append(kept.is_done))
    for _ in range(3):
        await asyncio.sleep(0)

    assert seen == [True]


async def test_a_task_that_dies_at_each_start_is_started_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    monkeypatch.setattr(keeping, "FIRST_PAUSE_S", 1e-9)
    monkeypatch.setattr(keeping, "LONGEST_PAUSE_S", 1e-9)
    caplog.set_level("CRITICAL")
    keeper, began = TaskKeeper(), []

    async def work() -> None:
        began.append(1)
        raise OSError

    async def goes_on() -> bool:
        return len(began) > 1100

    keeper.start("hopeless", work)
    await eventually(goes_on)
    await keeper.close()
