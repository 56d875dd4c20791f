"""Loads wait in a queue that has an end: shared, the service's own first, given up by who went away."""

import asyncio
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from app.engine.engine import Engine
from app.engine.loader import Loader
from app.engine.model_cache import Key
from app.engine.telemetry import EngineTelemetry
from app.main import create_app
from core.errors import ModelNotFound, NotReady, Overloaded, StoreDamaged
from core.settings import Settings
from tests.app.scraping import moved, scrape
from tests.fixtures import OpenEngine, PublishTiny, Serve


class Reader:
    """Reads the one engine it has for every key, once its gate is open; keys it does not like are damaged."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.gate, self.read = engine, threading.Event(), list[Key]()

    def __call__(self, key: Key) -> Engine:
        self.read.append(key)
        assert self.gate.wait(300)
        match key[0]:
            case "damaged":
                raise StoreDamaged("a byte changed")
            case "foreign":
                raise ValueError("what is this")
            case "nobody":
                raise ModelNotFound("there is none")
        return self.engine


@pytest.fixture
def reader(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Reader:
    publish_tiny()
    return Reader(open_engine())


@pytest.fixture
async def loader(reader: Reader) -> AsyncIterator[Loader]:
    """One that expects 0.1 s of each load, and lets nobody wait for more than two."""
    made = Loader(reader, lambda engine: None, max_wait_s=0.15, telemetry=EngineTelemetry())
    yield made
    reader.gate.set()
    await made.close()


async def begin(loader: Loader, *names: str, is_urgent: bool = False) -> "list[asyncio.Task[Engine]]":
    """Asks for one after the other; the first to come is being read when the next comes."""
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(loader.load((name, 1), is_urgent=is_urgent)))
        for _ in range(2):  # it takes its place; the loader takes it up
            await asyncio.sleep(0)
    return tasks


async def test_a_version_is_read_once_for_all_who_wait(loader: Loader, reader: Reader) -> None:
    tasks = await begin(loader, "first", *["same"] * 20, "first")
    reader.gate.set()

    engines = await asyncio.gather(*tasks)

    assert set(map(id, engines)) == {id(reader.engine)}
    assert reader.read == [("first", 1), ("same", 1)]


async def test_what_the_service_needs_goes_before_what_requests_ask_for(loader: Loader, reader: Reader) -> None:
    tasks = await begin(loader, "first", "a", "b")
    tasks += await begin(loader, "urgent", "b", is_urgent=True)
    reader.gate.set()

    await asyncio.gather(*tasks)

    assert [name for name, _ in reader.read] == ["first", "b", "urgent", "a"]


async def test_who_would_wait_too_long_is_told_when_to_come_back(loader: Loader, reader: Reader) -> None:
    tasks = await begin(loader, "first", "a", "b")

    with pytest.raises(Overloaded) as refused:
        await loader.load(("c", 1))
    tasks += await begin(loader, "a")  # waits for a load that has a place
    tasks += await begin(loader, "d", is_urgent=True)
    reader.gate.set()
    await asyncio.gather(*tasks)

    assert refused.value.retry_after_s == pytest.approx(0.2)
    assert ("c", 1) not in reader.read
    assert ("d", 1) in reader.read


async def test_a_place_is_free_again_when_the_last_who_waits_goes_away(loader: Loader, reader: Reader) -> None:
    tasks = await begin(loader, "first", "a", "a", "b")
    for task in tasks[1:3]:
        task.cancel()
    await asyncio.gather(*tasks[1:3], return_exceptions=True)

    tasks += await begin(loader, "c")
    reader.gate.set()
    await asyncio.gather(tasks[0], *tasks[3:])

    assert [name for name, _ in reader.read] == ["first", "b", "c"]


@pytest.mark.parametrize(
    ("name", "raised", "reason"),
    [("damaged", StoreDamaged, "a byte changed"), ("foreign", StoreDamaged, "ValueError: what is this")],
)
async def test_a_version_that_cannot_be_read_is_not_tried_again_at_once(
    loader: Loader, reader: Reader, name: str, raised: type[Exception], reason: str
) -> None:
    reader.gate.set()

    for _ in range(3):
        with pytest.raises(raised, match=reason):
            await loader.load((name, 1))

    assert reader.read == [(name, 1)]
    assert reason in loader.failures[name, 1].reason


async def test_what_is_not_there_is_no_failure(loader: Loader, reader: Reader) -> None:
    reader.gate.set()

    for _ in range(2):
        with pytest.raises(ModelNotFound):
            await loader.load(("nobody", 1))

    assert (len(reader.read), loader.failures) == (2, {})


async def test_who_waits_when_the_service_ends_is_told(loader: Loader, reader: Reader) -> None:
    tasks = await begin(loader, "first", "a")
    closing = asyncio.create_task(loader.close())
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    reader.gate.set()
    await closing

    assert [type(answer) for answer in answers] == [NotReady, NotReady]


async def test_a_crowd_that_asks_for_many_versions_is_told_to_wait_and_stops_nobody(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    for seed in range(16):
        publish_tiny("many", seed=seed)
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        before = await scrape(client)
        app.state.services.models.loader.max_wait_s = 0.25

        async def draw(model: str) -> httpx.Response:
            return await client.get("/generate", params={"model": model, "seed": 1})

        asked = await asyncio.gather(*(draw(f"many@{version}") for version in range(1, 17)), draw("tiny"))
        others = [await draw("tiny") for _ in range(5)]
        after = await scrape(client)

    crowd = asked[:16]
    refused = [answer for answer in crowd if answer.status_code == 429]
    assert {answer.status_code for answer in crowd} == {200, 429}
    assert {answer.json()["code"] for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert {answer.status_code for answer in (asked[16], *others)} == {200}
    assert moved(before, after, "ganymede_rejected_total") == {("reason=overloaded",): len(refused)}
    assert moved(before, after, "ganymede_model_load_seconds_count") == {(): 16 - len(refused)}
