"""Requests that name what is not in memory are looked up beside the watch, in a queue that has an end."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.engine.hot_reload import ServedModels
from app.engine.lookups import Lookups
from app.engine.telemetry import EngineTelemetry
from app.main import create_app
from core.errors import Overloaded
from core.refs import parse_model_ref
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from tests.fixtures import PublishTiny, Serve

TINY = ModelRef("tiny")


class Stuck:
    """Look-ups on the thread of requests, which end as soon as a test lets them."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Semaphore(0)

    def of(self, models: ServedModels, name: str) -> None:
        """Have those of one kind wait."""
        owner = models.registry if name == "resolve" else models.source
        look = getattr(owner, name)

        def wait(ref: Any) -> Any:
            if threading.current_thread().name.startswith("asked"):
                self.begun.release()
                assert self.gate.wait(300)
            return look(ref)

        setattr(owner, name, wait)


@pytest.fixture
async def serving(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> AsyncIterator[tuple[httpx.AsyncClient, ServedModels]]:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        yield client, app.state.services.models


FLOODS = {
    "names that nothing has": ("resolve", "nobody-{}"),
    "versions that are not there": ("resolve", "tiny@{}"),
    "aliases that are not there": ("resolve", "tiny:nobody-{}"),
    "runs that are not there": ("find", "run:run_{:020d}@latest"),
}


@pytest.mark.parametrize(("look", "name"), FLOODS.values(), ids=list(FLOODS))
async def test_a_new_version_takes_over_before_a_flood_of_unknown_names_is_looked_up(
    serving: tuple[httpx.AsyncClient, ServedModels], publish_tiny: PublishTiny, look: str, name: str
) -> None:
    client, models = serving
    stuck = Stuck()
    stuck.of(models, look)
    flood = [
        asyncio.create_task(client.get("/generate", params={"model": name.format(number)})) for number in range(50, 90)
    ]
    assert await asyncio.to_thread(stuck.begun.acquire, timeout=300)

    publish_tiny(seed=1)
    await models.look()
    version = models.served[TINY].version
    answers_by_then = sum(task.done() for task in flood)
    default = await models.engine(TINY, is_urgent=True)
    stuck.gate.set()

    assert (version, answers_by_then, default.version) == (2, 0, 2)
    assert {answer.status_code for answer in await asyncio.gather(*flood)} == {404}


async def test_what_the_service_needs_does_not_wait_for_a_request_that_asks_for_the_same(
    serving: tuple[httpx.AsyncClient, ServedModels], publish_tiny: PublishTiny
) -> None:
    client, models = serving
    publish_tiny("other")
    stuck = Stuck()
    stuck.of(models, "resolve")
    asked = asyncio.create_task(client.get("/generate", params={"model": "other"}))
    assert await asyncio.to_thread(stuck.begun.acquire, timeout=300)

    engine = await models.engine(parse_model_ref("other"), is_urgent=True)
    stuck.gate.set()

    assert engine.name == "other"
    assert (await asked).status_code == 200


async def test_who_would_wait_too_long_for_a_look_up_is_refused() -> None:
    telemetry = EngineTelemetry()
    lookups, gate = Lookups("slow", telemetry, max_wait_s=0.0015), threading.Event()  # it expects a millisecond of each

    waiting = [asyncio.create_task(lookups.run(gate.wait, 30)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="2 look-ups wait"):
        await lookups.run(gate.wait, 30)
    gate.set()

    assert await asyncio.gather(*waiting) == [True, True]
    assert telemetry.registry.get_sample_value("ganymede_rejected_total", {"reason": "overloaded"}) == 1
    lookups.shutdown()


async def test_who_goes_away_leaves_the_place_free() -> None:
    lookups, gate = Lookups("slow", EngineTelemetry(), max_wait_s=0.0015), threading.Event()
    waiting = [asyncio.create_task(lookups.run(gate.wait, 30)) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[1].cancel()
    await asyncio.wait(waiting[1:])
    admitted = asyncio.create_task(lookups.run(gate.wait, 30))
    await asyncio.sleep(0)
    gate.set()

    assert list(await asyncio.gather(waiting[0], admitted)) == [True, True]
    lookups.shutdown()
