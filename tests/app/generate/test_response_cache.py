"""The memory of answers: what it keeps, what goes first, and that one drawing serves all who ask for it."""

import asyncio

import pytest

from app.generate.response_cache import OVERHEAD, ResponseCache
from app.http.telemetry import Telemetry
from app.main import create_app
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve


def hits(cache: ResponseCache, kind: str) -> float:
    return cache.telemetry.registry.get_sample_value("ganymede_cache_hits_total", {"kind": kind}) or 0


@pytest.fixture
def cache() -> ResponseCache:
    return ResponseCache(10 * (100 + OVERHEAD), Telemetry())


def test_what_was_kept_is_found_and_counted(cache: ResponseCache) -> None:
    cache.keep("a", b"x")

    assert (cache.find("a"), cache.find("b")) == (b"x", None)
    assert hits(cache, "memory") == 1


def test_what_was_not_asked_for_the_longest_goes_first(cache: ResponseCache) -> None:
    for i in range(10):
        cache.keep(str(i), bytes(100))
    cache.find("0")

    cache.keep("new", bytes(100))

    assert cache.find("0") is not None
    assert cache.find("1") is None
    assert len(cache) == 10


def test_the_memory_it_takes_stays_within_its_budget(cache: ResponseCache) -> None:
    for i in range(1000):
        cache.keep(str(i), bytes(i % 300))

        assert cache.nbytes <= cache.budget
    assert cache.nbytes == sum(len(content) + OVERHEAD for content in cache._kept.values())


def test_what_is_larger_than_all_the_room_drives_nothing_out(cache: ResponseCache) -> None:
    cache.keep("small", b"x")

    cache.keep("large", bytes(cache.budget))

    assert (cache.find("small"), cache.find("large")) == (b"x", None)


def test_without_a_budget_nothing_is_kept() -> None:
    cache = ResponseCache(0, Telemetry())

    cache.keep("a", b"x")

    assert cache.find("a") is None


async def test_a_picture_that_was_sent_lately_is_sent_again_undrawn(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings.model_copy(update={"cache_bytes": 1 << 20}))
    async with serve(app) as client:
        first = await client.get("/generate", params={"seed": 1})
        await app.state.services.batcher.close()  # from here on nothing can be drawn

        again = await client.get("/generate", params={"seed": 1})
        other = await client.get("/generate", params={"seed": 2})

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Server-Timing"] == "cache"
    assert other.status_code == 503


async def test_what_many_ask_for_at_once_is_drawn_once(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        answers = await asyncio.gather(*(client.get("/generate", params={"seed": 1}) for _ in range(20)))

        value = app.state.services.telemetry.registry.get_sample_value
        assert value("ganymede_batch_size_sum") == 1
        assert value("ganymede_cache_hits_total", {"kind": "flight"}) == 19

    assert {answer.content for answer in answers} == {answers[0].content}
